import { compareQuantities, parseQuantity, type Json, type Quantity } from '@idp/formats'
import { boundedCache } from './bounded-cache.ts'
import { wildcardTest } from './wildcard.ts'

/** Whether a value satisfies what was compiled. */
export type ScalarMatcher = (value: Json | undefined) => boolean

/** `>=10Mi`, `!*:latest`, `1-5`, `a | b`: whether a value matches a scalar pattern of Kyverno. */
export function matchesScalar(pattern: Json, value: Json | undefined): boolean {
  return scalarMatcher(pattern)(value)
}

/** A scalar pattern that has been read; matching again costs no parsing. */
export function scalarMatcher(pattern: Json): ScalarMatcher {
  if (pattern === null) return (value) => value === undefined || value === null
  if (typeof pattern === 'boolean') return (value) => value === pattern || (typeof value === 'string' && value === String(pattern))
  if (typeof pattern === 'number') return (value) => value === pattern || (typeof value === 'string' && value.trim() !== '' && Number(value) === pattern)
  if (typeof pattern !== 'string') return () => false
  return textMatcher(pattern)
}

const textMatcher = boundedCache((pattern: string): ScalarMatcher => {
  const options = pattern.split('|').map((option) => every(option.split('&').map((part) => partMatcher(part.trim()))))
  const [only] = options
  return options.length === 1 && only !== undefined ? only : (value) => options.some((matches) => matches(value))
})

function every(matchers: readonly ScalarMatcher[]): ScalarMatcher {
  const [only] = matchers
  return matchers.length === 1 && only !== undefined ? only : (value) => matchers.every((matches) => matches(value))
}

const range = /^([-+]?[0-9][^\s-]*)\s*(!?-)\s*([-+]?[0-9][^\s-]*)$/

function partMatcher(pattern: string): ScalarMatcher {
  const single = operatorMatcher(pattern)
  const between = range.exec(pattern)
  if (between === null) return single
  const [, low = '', operator, high = ''] = between
  const [overLow, overHigh] = [comparison(low), comparison(high)]
  return (value) => {
    const [fromLow, fromHigh] = [overLow(value), overHigh(value)]
    return fromLow !== undefined && fromHigh !== undefined ? (fromLow >= 0 && fromHigh <= 0) === (operator === '-') : single(value)
  }
}

function operatorMatcher(pattern: string): ScalarMatcher {
  const [, operator = '', operand = ''] = /^(>=|<=|>|<|!)?\s*(.*)$/s.exec(pattern) ?? []
  if (operator === '' || operator === '!') {
    const equals = equalityMatcher(operand)
    return operator === '' ? equals : (value) => value !== undefined && !equals(value)
  }
  const order = comparison(operand)
  switch (operator) {
    case '>=': return (value) => (order(value) ?? -1) >= 0
    case '<=': return (value) => (order(value) ?? 1) <= 0
    case '>': return (value) => (order(value) ?? -1) > 0
    default: return (value) => (order(value) ?? 1) < 0
  }
}

function equalityMatcher(pattern: string): ScalarMatcher {
  const matches = wildcardTest(pattern)
  const amount = quantity(pattern)
  return (value) => {
    if (value === undefined || value === null) return pattern === '' && value === null
    if (typeof value === 'object') return false
    const text = typeof value === 'string' ? value : String(value)
    if (matches(text)) return true
    if (amount === undefined || typeof value === 'boolean') return false
    const own = quantity(text)
    return own !== undefined && compareQuantities(own, amount) === 0
  }
}

/** Order of a value and an operand as durations, quantities or numbers; undefined when they are neither. */
function comparison(operand: string): (value: Json | undefined) => number | undefined {
  const [time, amount] = [duration(operand), quantity(operand)]
  return (value) => {
    if (typeof value !== 'string' && typeof value !== 'number') return undefined
    const text = String(value)
    const own = time === undefined ? undefined : duration(text)
    if (own !== undefined && time !== undefined) return own - time
    const held = amount === undefined ? undefined : quantity(text)
    return held === undefined || amount === undefined ? undefined : compareQuantities(held, amount)
  }
}

/** Order of two scalars as durations, quantities or numbers; undefined when they are neither. A bare number beside a duration is seconds. */
export function compareScalars(a: string | number, b: string | number): number | undefined {
  const [left, right] = [duration(String(a)), duration(String(b))]
  if (left !== undefined && typeof b === 'number') return left - b * 1000
  if (right !== undefined && typeof a === 'number') return a * 1000 - right
  return comparison(String(b))(a)
}

const quantity = boundedCache((text: string): Quantity | undefined => {
  if (/^[-+]?\d{20}/.test(text)) return undefined // larger than any quantity: cut to the largest, two such numbers would be equal
  if (!/^[-+]?[0-9.]+([eE][-+]?[0-9]+|[a-zA-Z]{0,2})$/.test(text)) return undefined
  try {
    return parseQuantity(text)
  } catch {
    return undefined // not a quantity: compared as text
  }
})

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations (`1h30m`) in milliseconds. Only with a unit that no quantity has at the end. */
export const duration = boundedCache((text: string): number | undefined => {
  if (!/^[-+]?([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(text) || !/(s|h|\dm.+|[0-9]m$)/.test(text)) return undefined
  let sum = 0
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) sum += Number(amount) * (units[unit] ?? 0)
  return text.startsWith('-') ? -sum : sum
})
