import { at } from '../verify/live.ts'

type Path = readonly (string | number)[]

/** The value at a path, as text; absent is empty. */
export const words = (object: unknown, ...path: Path): string => {
  const value = at(object, ...path)
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

/** The number at a path; `otherwise` when there is none. */
export const count = (object: unknown, otherwise: number, ...path: Path): number => {
  const value = at(object, ...path)
  return typeof value === 'number' ? value : otherwise
}

/** The list of objects at a path; absent is empty. */
export const objects = (object: unknown, ...path: Path): readonly Record<string, unknown>[] => {
  const value = at(object, ...path)
  return Array.isArray(value) ? value.filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null) : []
}

export interface Said { readonly status: string; readonly reason: string; readonly message: string }

/** The condition of a type in `status.conditions`, or in the list given. */
export function condition(object: unknown, type: string, list = objects(object, 'status', 'conditions')): Said | undefined {
  const found = list.find((entry) => entry['type'] === type)
  return found === undefined ? undefined : { status: words(found, 'status'), reason: words(found, 'reason'), message: words(found, 'message') }
}

/** `reason: message`, as far as there are any, on one line. */
export const told = ({ reason, message }: Said): string => oneLine([reason, message].filter((part) => part !== '').join(': '))

/** Without line breaks, and not without end. */
export function oneLine(text: string, limit = 400): string {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line
}
