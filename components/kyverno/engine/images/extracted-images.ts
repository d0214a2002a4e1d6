import type { Json, JsonObject } from '@idp/formats'
import { parseImage } from '@idp/lang-jmespath'
import { expressionOf } from '../expression.ts'

/** Where a kind that is no pod names images (`imageExtractors` of a rule). */
export interface ImageExtractor { readonly path: string; readonly value?: string; readonly name?: string; readonly key?: string; readonly jmesPath?: string }

/** The images that extractors find, in the shape of the `images` variable. */
export function extractedImages(object: JsonObject, extractors: readonly ImageExtractor[]): JsonObject {
  const images: Record<string, Record<string, Json>> = {}
  for (const { path, value, name = 'custom', key, jmesPath } of extractors) {
    const fields = path.split('/').map((field) => field.trim()).filter((field) => field !== '')
    const field = value ?? fields.pop() ?? ''
    for (const { at, pointer } of expand(object, fields)) {
      const raw = at[field]
      if (typeof raw !== 'string' || raw === '') continue
      const text = jmesPath === undefined ? raw : String(expressionOf(jmesPath)(raw as unknown as JsonObject))
      const parsed = parseImage(text)
      // What cannot be read as an image must not pass unseen: it is one that no registry has.
      const jsonPointer = `${pointer}/${field}`
      ;(images[name] ??= {})[key === undefined ? jsonPointer : String(at[key] ?? jsonPointer)] = { ...(parsed ?? { reference: text, referenceWithTag: text, digest: '' }), jsonPointer, ...(jmesPath === undefined ? {} : { text }) } as Json
    }
  }
  return images
}

/** The objects at a path in which `*` stands for every element or field. */
function expand(value: Json | undefined, fields: readonly string[], pointer = ''): { readonly at: JsonObject; readonly pointer: string }[] {
  if (typeof value !== 'object' || value === null) return []
  const [field, ...rest] = fields
  if (field === undefined) return Array.isArray(value) ? [] : [{ at: value, pointer }]
  const entries = Array.isArray(value) ? [...value.entries()].map(([index, one]): [string, Json] => [String(index), one]) : Object.entries(value)
  return entries.filter(([name]) => field === '*' || name === field).flatMap(([name, one]) => expand(one, rest, `${pointer}/${name}`))
}
