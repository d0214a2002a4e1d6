import type { Ref, World } from '@idp/platform'
import { subjectOf, type Change } from '../world/change.ts'
import type { KnownArrow } from './arrows.ts'
import { signals } from './signals.ts'

/** Something was seen to flow: on which arrows, when, by what, and where that was seen. */
export interface Light {
  readonly arrows: readonly string[]
  readonly at: number
  readonly says: string
  /** Where it was seen: the watch of the API server, Hubble's flows, a counter. */
  readonly source: 'watch' | 'flow' | 'counter'
  readonly ref?: Ref
}

export interface LightBoard {
  /** Judges one change; the lights it means, one for each sentence. */
  see(change: Change, world: World): readonly Light[]
  /** What objects still tell of the time before, oldest first: `at` of each change is when it happened. Not counted. */
  recall(changes: readonly Change[], world: World): void
  /** Takes a light that was seen elsewhere. */
  take(light: Light): void
  /** The last lights of an arrow, newest first. */
  of(arrow: string): readonly Light[]
  /** How often an arrow was lit since the console runs. */
  count(arrow: string): number
}

const kept = 12

/** Remembers what flowed on each arrow. */
export function lightBoard(arrows: readonly KnownArrow[]): LightBoard {
  // Arrows that one check proves with the same words light together; each rule is asked once.
  const rules = [...Map.groupBy(arrows.filter(({ check }) => check !== undefined && check in signals), ({ check, with: own }) => `${check} ${JSON.stringify(own ?? {})}`).values()]
    .map((members) => ({ arrows: members.map(({ id }) => id), signal: signals[members[0]?.check ?? ''], with: members[0]?.with ?? {} }))
  const lights = new Map<string, Light[]>()
  const counts = new Map<string, number>()
  const keep = (light: Light): void => { for (const arrow of light.arrows) lights.set(arrow, [light, ...(lights.get(arrow) ?? [])].slice(0, kept)) }
  const take = (light: Light): void => {
    keep(light)
    for (const arrow of light.arrows) counts.set(arrow, (counts.get(arrow) ?? 0) + 1)
  }
  const judge = (change: Change, world: World, past: boolean): readonly Light[] => {
    const bySentence = new Map<string, string[]>()
    for (const rule of rules) {
      const says = rule.signal?.(change, { with: rule.with, world, past })
      if (says !== undefined) bySentence.set(says, [...(bySentence.get(says) ?? []), ...rule.arrows])
    }
    const { kind, metadata: { name = '', namespace } } = subjectOf(change)
    return [...bySentence].map(([says, ids]): Light => ({ arrows: ids, at: change.at, says, source: 'watch', ref: { kind, name, ...(namespace === undefined ? {} : { namespace }) } }))
  }
  return {
    see(change, world) {
      const found = judge(change, world, false)
      found.forEach(take)
      return found
    },
    recall(changes, world) {
      for (const change of changes) judge(change, world, true).forEach(keep)
    },
    take,
    of: (arrow) => lights.get(arrow) ?? [],
    count: (arrow) => counts.get(arrow) ?? 0,
  }
}
