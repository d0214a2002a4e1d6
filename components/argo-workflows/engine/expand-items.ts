import type { Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Sequence, Step } from '../kinds/workflow.ts'
import { asText, substitute, type Scope } from './substitute.ts'

export interface Expanded { readonly name: string; readonly step: Step }

/** The items of a step; undefined when it has none and runs once. Throws CodedError `InvalidItems`. */
export function itemsOf(step: Step): readonly Json[] | undefined {
  if (step.withItems !== undefined) return step.withItems
  if (step.withSequence !== undefined) return sequence(step.withSequence)
  if (step.withParam === undefined) return undefined
  try {
    const items = JSON.parse(step.withParam) as Json
    if (Array.isArray(items)) return items
  } catch { /* Said below, with the text. */ }
  throw new CodedError({ code: 'InvalidItems', message: `withParam value could not be parsed as a JSON list: ${step.withParam}`, where: step.name })
}

/** One step for each item, named as upstream names them: `greet(0:hello)`. What is in the scope is filled in already. */
export function expandStep(step: Step, items: readonly Json[]): Expanded[] {
  const { withItems: _items, withParam: _param, withSequence: _sequence, ...one } = step
  return items.map((item, index) => ({ name: `${step.name}(${index}:${itemText(item)})`, step: { ...substitute(one, itemScope(item)), name: step.name } }))
}

const itemScope = (item: Json): Scope => ({ item: item })

function itemText(item: Json): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return asText(item)
  return Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}:${asText(value)}`).join(',')
}

function sequence({ count, start = 0, end, format }: Sequence): string[] {
  const from = Number(start)
  if (count === undefined && end === undefined) throw new CodedError({ code: 'InvalidItems', message: 'must have one of count or end set in withSequence' })
  const to = count === undefined ? Number(end) : from + Number(count) - 1
  if (Number.isNaN(from) || Number.isNaN(to)) throw new CodedError({ code: 'InvalidItems', message: 'the numbers of withSequence could not be parsed', where: JSON.stringify({ count, start, end }) })
  if (Number(count) === 0) return []
  const step = to < from ? -1 : 1
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => formatted(from + index * step, format))
}

/** Go's verbs for whole numbers: `%03d`, `%x`. */
function formatted(value: number, format: string | undefined): string {
  if (format === undefined || format === '') return String(value)
  return format.replaceAll(/%(0?)(\d*)([dxXo%])/g, (_, zero: string, width: string, verb: string) => {
    if (verb === '%') return '%'
    const digits = verb === 'd' ? String(value) : verb === 'o' ? value.toString(8) : value.toString(16)
    return (verb === 'X' ? digits.toUpperCase() : digits).padStart(Number(width), zero === '0' ? '0' : ' ')
  })
}
