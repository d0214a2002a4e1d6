import type { Json } from '@idp/formats'
import type { Schema } from './schema.ts'

/**
 * Reads the notation of `data/schemas.json`. A type is an object `field → code`; a trailing `!` on the field means required; `$` holds
 * markers of the type itself, `$gvk` its kind, `$raw` a whole schema that is not a plain object.
 *
 * A code is a type followed by flags that `|` separates:
 *
 *     s string · y bytes · b boolean · i int32 · l int64 · d double · o object · ? anything
 *     #T object T (allOf) · @T reference to T · [C list of C · {C map of C
 *     a atomic list · S set · m=k,l map list with keys · A atomic map · G granular map
 *     k=name patch merge key · p=merge patch strategy · z zero value as default · d=JSON default
 *
 * `"env": "[#core.v1.EnvVar|m=name|k=name|p=merge"` is a list of EnvVar, keyed and merged by name.
 */
export type PackedType = { $gvk?: string; $?: Record<string, Json>; $raw?: Schema } & { [field: string]: unknown }

const scalars: Readonly<Record<string, Schema>> = {
  s: { type: 'string' }, y: { type: 'string', format: 'byte' }, b: { type: 'boolean' }, i: { type: 'integer', format: 'int32' },
  l: { type: 'integer', format: 'int64' }, d: { type: 'number', format: 'double' }, o: { type: 'object' }, '?': {},
}
const zeros: Readonly<Record<string, Json>> = { s: '', b: false, i: 0, l: 0 }

/** The full name of a definition, e.g. `io.k8s.api.core.v1.Pod` for `core.v1.Pod`. */
export function longName(short: string): string {
  if (short.startsWith('+')) return `io.k8s.apimachinery.pkg.${short.slice(1)}`
  if (short.startsWith('!')) return `io.k8s.apiextensions-apiserver.pkg.apis.${short.slice(1)}`
  if (short.startsWith('~')) return `io.k8s.kube-aggregator.pkg.apis.${short.slice(1)}`
  return `io.k8s.api.${short}`
}

/** The inverse of `longName`. */
export function shortName(long: string): string {
  return long.replace('io.k8s.api.', '').replace('io.k8s.apimachinery.pkg.', '+').replace('io.k8s.apiextensions-apiserver.pkg.apis.', '!').replace('io.k8s.kube-aggregator.pkg.apis.', '~')
}

function ref(short: string): Schema {
  return { $ref: `#/components/schemas/${longName(short)}` }
}

function zeroOf(base: string): Json | undefined {
  return base.startsWith('#') ? {} : zeros[base]
}

/** The element of a list or map carries its type's zero value as default. */
function inflateElement(base: string): Schema {
  const schema = inflateBase(base)
  const zero = zeroOf(base)
  return zero === undefined ? schema : { ...schema, default: zero }
}

function inflateBase(base: string): Schema {
  const rest = base.slice(1)
  switch (base[0]) {
    case '#': return { allOf: [ref(rest)] }
    case '@': return ref(rest)
    case '[': return { type: 'array', items: inflateElement(rest) }
    case '{': return { type: 'object', additionalProperties: inflateElement(rest) }
    default: return { ...scalars[base] }
  }
}

/** A field's schema out of its code. */
export function inflateField(code: string): Schema {
  const [base = '', ...flags] = code.split('|')
  const schema = inflateBase(base)
  for (const flag of flags) {
    const value = flag.slice(2)
    switch (flag[0]) {
      case 'a': schema['x-kubernetes-list-type'] = 'atomic'; break
      case 'S': schema['x-kubernetes-list-type'] = 'set'; break
      case 'm': schema['x-kubernetes-list-type'] = 'map'; schema['x-kubernetes-list-map-keys'] = value.split(','); break
      case 'A': schema['x-kubernetes-map-type'] = 'atomic'; break
      case 'G': schema['x-kubernetes-map-type'] = 'granular'; break
      case 'k': schema['x-kubernetes-patch-merge-key'] = value; break
      case 'p': schema['x-kubernetes-patch-strategy'] = value; break
      case 'z': schema.default = zeroOf(base) ?? null; break
      case 'd': schema.default = JSON.parse(value) as Json; break
    }
  }
  return schema
}

/** `apps/v1/Deployment` or `v1/Pod` taken apart. */
export function parseGvk(text: string): { group: string; version: string; kind: string } {
  const [kind = '', version = '', group = ''] = text.split('/').reverse()
  return { group, version, kind }
}

/** A definition out of its packed form; `every` are the kinds of a definition that belongs to all group versions (DeleteOptions). */
export function inflateType(packed: PackedType, every: () => { group: string; version: string; kind: string }[]): Schema {
  const { $gvk, $, $raw, ...fields } = packed
  const kinds = $gvk === undefined ? {} : { 'x-kubernetes-group-version-kind': $gvk === '*' ? every() : [parseGvk($gvk)] }
  if ($raw !== undefined) return { ...$raw, ...kinds }
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const key in fields) {
    const name = key.endsWith('!') ? key.slice(0, -1) : key
    if (name !== key) required.push(name)
    properties[name] = inflateField(fields[key] as string)
  }
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}), ...($ as Schema | undefined), ...kinds }
}
