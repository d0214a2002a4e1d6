import { valueAt } from './json-path.ts'
import { bytes, bytesOfJson, jsonText } from './secret-map.ts'

/** The part of a JSON document that a property names, as upstream finds it: a member of that very name, else gjson's path; undefined when there is none. */
export function propertyOf(document: unknown, path: string): Uint8Array | undefined {
  if (typeof document === 'object' && document !== null && Object.hasOwn(document, path)) return bytesOfJson((document as Record<string, unknown>)[path])
  const found = valueAt(document, path)
  return found === undefined ? undefined : typeof found === 'string' ? bytes(found) : found === null ? new Uint8Array() : bytes(jsonText(found))
}
