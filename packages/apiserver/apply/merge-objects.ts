import { isRecord } from '../json-value.ts'
import { fieldSchema, itemSchema, type Schema } from '../schema/resolve-schema.ts'
import { byElement } from './compare-objects.ts'
import { itemElement, structureOf, type Structure } from './merge-structure.ts'

/** `live` with everything that `config` sets: maps and keyed lists are merged, all else is replaced. */
export function mergeObjects(live: unknown, config: unknown, schema: Schema | undefined): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const left = structureOf(schema, live, config)
  const right = structureOf(schema, config, live)
  if (right.of === 'leaf' || left.of !== right.of) return config
  if (right.of === 'map') return mergeMaps(live, config, schema)
  if (isEmptyList(live) && isEmptyList(config)) return config
  return mergeLists(right, Array.isArray(live) ? live : [], Array.isArray(config) ? config : [], itemSchema(schema))
}

function mergeMaps(live: unknown, config: unknown, schema: Schema | undefined): unknown {
  const left = isRecord(live) ? live : undefined
  const right = isRecord(config) ? config : undefined
  if (Object.keys(left ?? {}).length === 0 && Object.keys(right ?? {}).length === 0) return config
  const out: Record<string, unknown> = { ...left }
  for (const name in right) out[name] = mergeObjects(left?.[name], right[name], fieldSchema(schema, name))
  return out
}

/**
 * Items of both lists. Those the config names stand in its order; those only live has keep their place behind the item they followed.
 */
function mergeLists(structure: Structure, live: readonly unknown[], config: readonly unknown[], schema: Schema | undefined): unknown[] {
  if (live.length === 0) return [...config]
  const liveItems = byElement(structure, live, schema)
  const wanted = config.map((item, i) => itemElement(structure, schema, item, i))
  const wantedSet = new Set(wanted)
  const shared = wanted.filter((element) => liveItems.has(element))
  const out: unknown[] = []
  const taken = new Set<string>()
  let next = 0
  let nextShared = 0
  const takeConfig = () => {
    const element = wanted[next] ?? ''
    taken.add(element)
    const same = liveItems.get(element) ?? []
    // One item in place of several that could not be told apart: there is nothing to merge it with.
    out.push(same.length > 1 ? config[next] : mergeObjects(same[0], config[next], schema))
    if (shared[nextShared] === element) nextShared++
    next++
  }
  live.forEach((item, i) => {
    const element = itemElement(structure, schema, item, i)
    if (!wantedSet.has(element)) {
      out.push(item)
      return
    }
    // A shared item that the config wants later or has placed already: its turn comes with the config's order.
    if (taken.has(element) || shared[nextShared] !== element) return
    while (next < wanted.length && wanted[next] !== element) takeConfig()
    takeConfig()
  })
  while (next < wanted.length) takeConfig()
  return out
}

function isEmptyList(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}
