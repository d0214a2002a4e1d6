import { bytes, bytesOfJson, jsonText } from './secret-map.ts'

/** The part of a JSON document that a path names, `a.b.0`, with `\.` for a dot in a name and `#` for the length of a list (the plain paths of gjson); undefined when there is none. */
export function propertyOf(document: unknown, path: string): Uint8Array | undefined {
  if (typeof document === 'object' && document !== null && Object.hasOwn(document, path)) return bytesOfJson((document as Record<string, unknown>)[path])
  let at: unknown = document
  for (const step of path.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'))) {
    if (Array.isArray(at)) {
      if (step === '#') at = at.length
      else if (/^\d+$/.test(step)) at = at[Number(step)]
      else return undefined
    } else if (typeof at === 'object' && at !== null && Object.hasOwn(at, step)) at = (at as Record<string, unknown>)[step]
    else return undefined
    if (at === undefined) return undefined
  }
  return typeof at === 'string' ? bytes(at) : at === null ? new Uint8Array() : bytes(jsonText(at))
}
