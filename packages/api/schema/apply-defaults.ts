import { cloneJson, type Json } from '@idp/formats'
import { refOf, type Resolve, type Schema } from './schema.ts'
import { isObject } from './value-type.ts'

/** Fills in the defaults of a schema, in place. A null where null is not allowed and a default exists is replaced by the default. */
export type ApplyDefaults = (value: unknown) => void

/** Compiles defaulting; undefined when nothing below has a default. */
export function compileDefaults(schema: Schema, resolve: Resolve, memo: Map<string, { apply?: ApplyDefaults }> = new Map()): ApplyDefaults | undefined {
  const ref = refOf(schema)
  if (ref !== undefined) {
    const known = memo.get(ref)
    if (known) return (value) => known.apply?.(value)
    const slot: { apply?: ApplyDefaults } = {}
    memo.set(ref, slot)
    const target = resolve(ref)
    const compiled = target && compileDefaults(target, resolve, memo)
    if (compiled) slot.apply = compiled
    return (value) => slot.apply?.(value)
  }
  const each = schema.items ? compileDefaults(schema.items, resolve, memo) : undefined
  const values = typeof schema.additionalProperties === 'object' ? compileDefaults(schema.additionalProperties, resolve, memo) : undefined
  const missing: { name: string; copy: () => Json; nullable: boolean }[] = []
  const nested: { name: string; apply: ApplyDefaults }[] = []
  for (const name in schema.properties) {
    const child = schema.properties[name] ?? {}
    if (child.default !== undefined) missing.push({ name, copy: copier(child.default), nullable: child.nullable === true })
    const apply = compileDefaults(child, resolve, memo)
    if (apply) nested.push({ name, apply })
  }
  if (!each && !values && missing.length === 0 && nested.length === 0) return undefined
  return (value) => {
    if (Array.isArray(value)) {
      if (each) for (const item of value) each(item)
      return
    }
    if (!isObject(value)) return
    if (values) for (const key in value) values(value[key])
    for (const { name, copy, nullable } of missing) {
      const present = value[name]
      if (present === undefined || (present === null && !nullable)) value[name] = copy()
    }
    for (const { name, apply } of nested) if (value[name] !== undefined) apply(value[name])
  }
}

function copier(value: Json): () => Json {
  return typeof value === 'object' && value !== null ? () => cloneJson(value) : () => value
}
