import type { Json, JsonObject } from '@idp/formats'

/** What one generated Application's template may use. Without goTemplate all values are text under dotted names. */
export type Params = JsonObject

/** A DNS-1123 name: lower case, other characters become `-`, ends trimmed of `-` and `.`, 253 characters at most. */
export function normalizedName(text: string): string {
  return text.toLowerCase().replace(/[^-a-z0-9.]/g, '-').slice(0, 253).replace(/^[-.]+|[-.]+$/g, '')
}

/** Nested values under dotted names (`a.b`, `a.0`), all as text. */
export function flattened(value: Json, prefix = ''): Record<string, string> {
  if (value === null || typeof value !== 'object') return prefix === '' ? {} : { [prefix]: value === null ? '<nil>' : String(value) }
  const rows = Array.isArray(value) ? value.map((inner, at) => [String(at), inner] as const) : Object.entries(value)
  if (rows.length === 0 && prefix !== '') return { [prefix]: Array.isArray(value) ? '[]' : 'map[]' }
  return Object.assign({}, ...rows.map(([key, inner]) => flattened(inner, prefix === '' ? key : `${prefix}.${key}`))) as Record<string, string>
}

/** Parameters about a path of a repository: a folder, or the folder of a file. */
export function pathParams(path: string, { goTemplate, prefix = '', filename }: { readonly goTemplate: boolean; readonly prefix?: string | undefined; readonly filename?: string }): Params {
  const basename = path.split('/').at(-1) ?? ''
  const segments = path.split('/').filter((one) => one !== '')
  const file: Record<string, string> = filename === undefined ? {} : { filename, filenameNormalized: normalizedName(filename) }
  if (goTemplate) {
    const inner: Params = { path, basename, basenameNormalized: normalizedName(basename), segments, ...file }
    return prefix === '' ? { path: inner } : { [prefix]: { path: inner } }
  }
  const name = prefix === '' ? 'path' : `${prefix}.path`
  const flat: Params = { [name]: path, [`${name}.basename`]: basename, [`${name}.basenameNormalized`]: normalizedName(basename) }
  for (const [key, value] of Object.entries(file)) flat[`${name}.${key}`] = value
  segments.forEach((segment, at) => { flat[`${name}[${at}]`] = segment })
  return flat
}
