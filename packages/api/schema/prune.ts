import { refOf, type Resolve, type Schema } from './schema.ts'
import { isObject } from './value-type.ts'

/** Removes the fields a schema does not know, in place, and adds their paths (`spec.foo`, `spec.list[0].bar`) to `removed`. */
export type Prune = (value: unknown, path: string, removed: string[]) => void

const keepAtRoot = new Set(['apiVersion', 'kind', 'metadata'])

/** Compiles pruning; undefined when the schema lets everything pass. `embedded` objects (and the root) keep apiVersion, kind and metadata. */
export function compilePrune(schema: Schema, resolve: Resolve, embedded: boolean, memo: Map<string, { prune?: Prune }> = new Map()): Prune | undefined {
  const ref = refOf(schema)
  if (ref !== undefined) {
    const known = memo.get(ref)
    if (known) return (value, path, removed) => known.prune?.(value, path, removed)
    const slot: { prune?: Prune } = {}
    memo.set(ref, slot)
    const target = resolve(ref)
    const compiled = target && compilePrune(target, resolve, false, memo)
    if (compiled) slot.prune = compiled
    return (value, path, removed) => slot.prune?.(value, path, removed)
  }
  if (schema.items) {
    const each = compilePrune(schema.items, resolve, schema.items['x-kubernetes-embedded-resource'] === true, memo)
    return each && ((value, path, removed) => {
      if (Array.isArray(value)) for (let i = 0; i < value.length; i++) each(value[i], `${path}[${i}]`, removed)
    })
  }
  if (typeof schema.additionalProperties === 'object') {
    const nested = schema.additionalProperties
    const each = compilePrune(nested, resolve, nested['x-kubernetes-embedded-resource'] === true, memo)
    return each && ((value, path, removed) => {
      if (isObject(value)) for (const key in value) each(value[key], path === '' ? key : `${path}.${key}`, removed)
    })
  }
  if (schema.additionalProperties === true || (schema.type !== undefined && schema.type !== 'object')) return undefined
  return compileProperties(schema, resolve, embedded, memo)
}

function compileProperties(schema: Schema, resolve: Resolve, embedded: boolean, memo: Map<string, { prune?: Prune }>): Prune | undefined {
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true
  const known = new Map<string, Prune | undefined>()
  for (const name in schema.properties) {
    const child = schema.properties[name] ?? {}
    known.set(name, embedded && name === 'metadata' ? undefined : compilePrune(child, resolve, child['x-kubernetes-embedded-resource'] === true, memo))
  }
  if (preserve && [...known.values()].every((prune) => prune === undefined)) return undefined
  return (value, path, removed) => {
    if (!isObject(value)) return
    for (const key in value) {
      const child = known.get(key)
      if (child) child(value[key], path === '' ? key : `${path}.${key}`, removed)
      else if (!preserve && !known.has(key) && !(embedded && keepAtRoot.has(key))) {
        delete value[key]
        removed.push(path === '' ? key : `${path}.${key}`)
      }
    }
  }
}
