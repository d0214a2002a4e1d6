import { goType, isMap, setKey, type GoMap, type GoSlice } from '@idp/lang-gotemplate/core'
import type { Changes } from './changes.ts'
import { share, type Shared } from './read-log.ts'

/** Members of a dot that are kept up to date by others. */
const elsewhere = new Set(['Files', 'Capabilities', 'Template'])

type Container = GoMap | GoSlice
/** A dot, the map of subcharts' dots, or anything else. */
type Place = 'dot' | 'dots' | 'data'

/**
 * Turns the data that templates saw into what they are to see now, in place: maps and lists stay the objects they are, and `changes` names what
 * differs. False when that is impossible, because one object is now to be at two places that were two objects, or the other way round; the old data
 * is then of no more use.
 */
export function updateData(live: GoMap, next: GoMap, changes: Changes, shared: Shared): boolean {
  /** The live object for each new one, and back. */
  const pairs = new Map<object, object>()
  const taken = new Map<object, object>()
  let possible = true

  function pair(old: object, fresh: object): boolean | undefined {
    const known = pairs.get(fresh)
    if (known === undefined && !taken.has(old)) {
      pairs.set(fresh, old)
      taken.set(old, fresh)
      return undefined
    }
    if (known !== old || taken.get(old) !== fresh) possible = false
    return true
  }

  /** A part that was not there before is taken as it is. */
  function adopt(value: unknown): void {
    if (!isContainer(value)) return
    if (pair(value, value) !== undefined) return
    for (const item of Array.isArray(value) ? value : Object.values(value)) adopt(item)
  }

  const seen = new Map<object, boolean>()

  /** Answers whether anything inside differs. */
  function walk(old: Container, fresh: Container, place: Place): boolean {
    if (pair(old, fresh) !== undefined) return seen.get(fresh) ?? false
    seen.set(fresh, false)
    const differs = Array.isArray(old) ? list(old, fresh as GoSlice) : map(old, fresh as GoMap, place)
    seen.set(fresh, differs)
    if (differs) changes.deep(old)
    return differs
  }

  function map(old: GoMap, fresh: GoMap, place: Place): boolean {
    let differs = false
    const oldKeys = Object.keys(old)
    const keys = Object.keys(fresh)
    if ((oldKeys.length === 0) !== (keys.length === 0)) changes.truth(old)
    for (const key of keys) {
      if (place === 'dot' && elsewhere.has(key)) continue
      const before = Object.hasOwn(old, key) ? old[key] : undefined
      const after = fresh[key]
      if (isContainer(before) && isContainer(after) && alike(before, after)) differs = walk(before, after, place === 'dots' ? 'dot' : place === 'dot' && key === 'Subcharts' ? 'dots' : 'data') || differs
      else if (before !== after || (before === undefined && !Object.hasOwn(old, key))) {
        setKey(old, key, after)
        changes.key(old, key)
        adopt(after)
        share(after, shared)
        differs = true
      }
    }
    for (const key of oldKeys) {
      if ((place === 'dot' && elsewhere.has(key)) || Object.hasOwn(fresh, key)) continue
      delete old[key]
      changes.key(old, key)
      differs = true
    }
    return differs
  }

  function list(old: GoSlice, fresh: GoSlice): boolean {
    let differs = false
    if ((old.length === 0) !== (fresh.length === 0)) changes.truth(old)
    if (old.length !== fresh.length) {
      changes.key(old, 'length')
      for (let i = fresh.length; i < old.length; i++) changes.key(old, String(i))
      differs = true
    }
    const count = old.length
    old.length = fresh.length
    for (let i = 0; i < fresh.length; i++) {
      const before = i < count ? old[i] : undefined
      const after = fresh[i]
      if (isContainer(before) && isContainer(after) && alike(before, after)) differs = walk(before, after, 'data') || differs
      else if (before !== after || i >= count) {
        old[i] = after
        changes.key(old, String(i))
        adopt(after)
        share(after, shared)
        differs = true
      }
    }
    return differs
  }

  walk(live, next, 'dot')
  return possible
}

function isContainer(value: unknown): value is Container {
  return Array.isArray(value) || isMap(value)
}

/** Containers of one kind and type. */
function alike(a: Container, b: Container): boolean {
  return Array.isArray(a) === Array.isArray(b) && a[goType] === b[goType]
}
