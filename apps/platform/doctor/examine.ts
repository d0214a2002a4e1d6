import type { Client } from '@idp/client'
import type { Clock } from '@idp/kit'
import { diagnose, type Problem } from './diagnose.ts'
import { areas, judges, onlyCauses } from './judges/index.ts'
import { readWorld } from './read-world.ts'
import type { World } from './world.ts'

/** One line of the summary. */
export interface AreaVerdict { readonly area: string; readonly well: number; readonly total: number; readonly healthy: boolean }

/** What the doctor found. */
export interface Examination {
  readonly healthy: boolean
  readonly areas: readonly AreaVerdict[]
  /** The one that most hangs on first. */
  readonly problems: readonly Problem[]
  /** Kinds that the user may not read: what they would tell is missing here. */
  readonly unread: readonly string[]
  /** Worth knowing, and no fault by itself. */
  readonly notices: readonly string[]
}

/** Examines a cluster through its API. Throws CodedError `ApiUnreachable`. */
export async function examine(client: Client, clock: Clock): Promise<Examination> {
  const { world, unread, drops } = await readWorld(client, clock)
  const dropped = Object.entries(drops).filter(([, packets]) => packets > 0).map(([reason, packets]) => `${packets} ${reason}`)
  const notices = dropped.length === 0 ? [] : [`Cilium has dropped packets since its agents started (${dropped.toSorted().join(', ')}): where a connection fails though its pods are well, compare NetworkPolicy and CiliumNetworkPolicy with 'hubble observe --verdict DROPPED'`]
  return { ...examineWorld(world), unread, notices }
}

/** The same from facts. */
export function examineWorld(world: World): Omit<Examination, 'unread' | 'notices'> {
  const problems = diagnose(world, judges, onlyCauses)
  const verdicts = areas.map(([area, kinds]) => {
    const all = kinds.flatMap((kind) => world.list(kind).map((object) => judges[kind]?.(object, world, { kind, name: object.metadata.name ?? '', namespace: object.metadata.namespace })))
    const well = all.filter((verdict) => verdict === undefined).length
    return { area, well, total: all.length, healthy: well === all.length }
  }).filter(({ total }) => total > 0)
  return { healthy: problems.length === 0, areas: verdicts, problems }
}
