import { compareQuantities, parseQuantity, type Json, type Quantity } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'

/** `>=10Mi`, `!*:latest`, `1-5`, `a | b`: whether a value matches a scalar pattern of Kyverno. */
export function matchesScalar(pattern: Json, value: Json | undefined): boolean {
  if (pattern === null) return value === undefined || value === null
  if (typeof pattern === 'boolean') return value === pattern || (typeof value === 'string' && value === String(pattern))
  if (typeof pattern === 'number') return value === pattern || (typeof value === 'string' && value.trim() !== '' && Number(value) === pattern)
  if (typeof pattern !== 'string') return false
  return pattern.split('|').some((option) => option.split('&').every((part) => matchesOne(part.trim(), value)))
}

const range = /^([-+]?[0-9][^\s-]*)\s*(!?-)\s*([-+]?[0-9][^\s-]*)$/

function matchesOne(pattern: string, value: Json | undefined): boolean {
  const between = range.exec(pattern)
  if (between !== null && typeof value !== 'object') {
    const [, low = '', operator, high = ''] = between
    const [fromLow, fromHigh] = [compare(value, low), compare(value, high)]
    if (fromLow !== undefined && fromHigh !== undefined) return (fromLow >= 0 && fromHigh <= 0) === (operator === '-')
  }
  const [, operator = '', operand = ''] = /^(>=|<=|>|<|!)?\s*(.*)$/s.exec(pattern) ?? []
  if (operator === '!') return value !== undefined && !equalsText(operand, value)
  if (operator === '') return equalsText(operand, value)
  const order = compare(value, operand)
  if (order === undefined) return false
  return operator === '>=' ? order >= 0 : operator === '<=' ? order <= 0 : operator === '>' ? order > 0 : order < 0
}

function equalsText(pattern: string, value: Json | undefined): boolean {
  if (value === undefined || value === null) return pattern === '' && value === null
  if (typeof value === 'object') return false
  if (matchesWildcard(pattern, String(value))) return true
  const order = typeof value === 'string' || typeof value === 'number' ? compareAsQuantities(value, pattern) : undefined
  return order === 0
}

/** Order of a value and an operand as durations, quantities or numbers; undefined when they are neither. */
function compare(value: Json | undefined, operand: string): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const [a, b] = [duration(String(value)), duration(operand)]
  if (a !== undefined && b !== undefined) return a - b
  return compareAsQuantities(value, operand)
}

/** Order of two scalars as durations, quantities or numbers; undefined when they are neither. A bare number beside a duration is seconds. */
export function compareScalars(a: string | number, b: string | number): number | undefined {
  const [left, right] = [duration(String(a)), duration(String(b))]
  if (left !== undefined && typeof b === 'number') return left - b * 1000
  if (right !== undefined && typeof a === 'number') return a * 1000 - right
  return compare(a, String(b))
}

function compareAsQuantities(value: string | number, operand: string): number | undefined {
  const [a, b] = [quantity(String(value)), quantity(operand)]
  return a === undefined || b === undefined ? undefined : compareQuantities(a, b)
}

function quantity(text: string): Quantity | undefined {
  if (!/^[-+]?[0-9.]+([eE][-+]?[0-9]+|[a-zA-Z]{0,2})$/.test(text)) return undefined
  try {
    return parseQuantity(text)
  } catch {
    return undefined // not a quantity: compared as text
  }
}

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations (`1h30m`) in milliseconds. Only with a unit that no quantity has at the end. */
export function duration(text: string): number | undefined {
  if (!/^[-+]?([0-9.]+(ns|us|µs|ms|s|m|h))+$/.test(text) || !/(s|h|\dm.+|[0-9]m$)/.test(text)) return undefined
  let sum = 0
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([0-9.]+)(ns|us|µs|ms|s|m|h)/g)) sum += Number(amount) * (units[unit] ?? 0)
  return text.startsWith('-') ? -sum : sum
}
