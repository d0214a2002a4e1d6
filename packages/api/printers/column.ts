import { formatLabelSelector, selectorRequirements, type KubeObject, type LabelSelector } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { since } from './human-duration.ts'

export type Cell = string | number | boolean | null

/** A column of the server-side Table that `kubectl get` prints. Priority above 0: only with `-o wide`. */
export interface PrinterColumn<T extends KubeObject = KubeObject> {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format: string
  readonly priority: number
  /** The cell for an object; `now` is in milliseconds since the epoch. */
  cell(object: T, now: number): Cell
}

/** A column of text, or of numbers when its cells are numbers. */
export function column<T extends KubeObject>(name: string, cell: (object: T, now: number) => Cell, options: { type?: PrinterColumn['type']; wide?: boolean } = {}): PrinterColumn<T> {
  return { name, type: options.type ?? 'string', format: '', priority: options.wide === true ? 1 : 0, cell }
}

export function integer<T extends KubeObject>(name: string, cell: (object: T, now: number) => number): PrinterColumn<T> {
  return column(name, cell, { type: 'integer' })
}

export function wide<T extends KubeObject>(name: string, cell: (object: T, now: number) => Cell): PrinterColumn<T> {
  return column(name, cell, { wide: true })
}

export const nameColumn: PrinterColumn = { name: 'Name', type: 'string', format: 'name', priority: 0, cell: ({ metadata }) => metadata.name ?? '' }
export const ageColumn: PrinterColumn = { name: 'Age', type: 'string', format: '', priority: 0, cell: ({ metadata }, now) => since(metadata.creationTimestamp, now) }
export const createdAtColumn: PrinterColumn = { name: 'Created At', type: 'string', format: '', priority: 0, cell: ({ metadata }) => metadata.creationTimestamp ?? '<unknown>' }

export const none = '<none>'
export const unset = '<unset>'

/** `a=b,c=d`, or `<none>`. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const entries = Object.entries(labels ?? {}).sort(([a], [b]) => a < b ? -1 : 1)
  return entries.length === 0 ? none : entries.map(([name, value]) => `${name}=${value}`).join(',')
}

/** A label selector as `kubectl` writes it, or `<none>`. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return none
  try {
    return formatLabelSelector(selectorRequirements(selector)) || none
  } catch (error) {
    if (isCoded(error)) return '<error>'
    throw error
  }
}

/** The first three of a list, and how many more there are. */
export function firstThree(parts: readonly string[], empty: string): string {
  if (parts.length === 0) return empty
  const shown = parts.slice(0, 3).join(',')
  return parts.length > 3 ? `${shown} + ${parts.length - 3} more...` : shown
}
