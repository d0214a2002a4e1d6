import { healthOf, isSimulated, type ArrowResult, type Diagram, type Health, type Ref, type World } from '@idp/platform'
import type { KnownArrow } from '../architecture/arrows.ts'
import { boxObjects } from '../architecture/box-objects.ts'
import { podsOf } from '../architecture/box-state.ts'
import { findObjects } from '../architecture/find-objects.ts'
import type { Light } from '../architecture/light-board.ts'
import { proofOf, type Proof } from '../architecture/proofs.ts'
import { eventsOf, logsOf, type EventRow, type ObjectDetail } from './object-detail.ts'

export interface BehindRow { readonly ref: Ref; readonly health: Health; readonly missing: boolean; /** Its pods, or itself, are only simulated. */ readonly simulated: boolean }

/** What a drawer shows of one box. */
export interface BoxDetail { readonly diagram: string; readonly box: string; readonly label: string; readonly objects: readonly BehindRow[]; readonly events: readonly EventRow[]; readonly logs: ObjectDetail['logs'] }

/** What a drawer shows of one arrow. */
export interface ArrowDetail {
  readonly id: string
  readonly from: BoxDetail
  readonly to: BoxDetail
  readonly label: string
  readonly check: string
  readonly proof: Proof
  readonly verdict: ArrowResult | undefined
  readonly lights: readonly Light[]
  readonly count: number
  readonly events: readonly EventRow[]
}

/** At most this many objects are listed for a box. */
const most = 40

export function boxDetail(world: World, diagram: Diagram, box: string): BoxDetail {
  const { objects, missing } = findObjects(boxObjects[diagram.name]?.[box] ?? [], world)
  const rows = objects.slice(0, most).map((object): BehindRow => ({ ref: { kind: object.kind, name: object.metadata.name ?? '', ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }) }, health: healthOf(object, world), missing: false, simulated: podsOf([object], world).some(isSimulated) }))
  const refs = rows.map(({ ref }) => ref)
  const pods = podsOf(objects, world)
  return {
    diagram: diagram.name, box, label: (diagram.nodes[box] ?? box).replaceAll('\n', ' '),
    objects: [...missing.map((ref): BehindRow => ({ ref, health: 'unhealthy', missing: true, simulated: false })), ...rows],
    events: eventsOf(world, [...refs, ...pods.map((pod) => ({ kind: 'Pod', name: pod.metadata.name ?? '', namespace: pod.metadata.namespace }))]), logs: objects.length > 12 ? [] : logsOf(pods),
  }
}

export interface ArrowFacts { readonly verdict: ArrowResult | undefined; readonly lights: readonly Light[]; readonly count: number }

export function arrowDetail(world: World, diagram: Diagram, arrow: KnownArrow, { verdict, lights, count }: ArrowFacts): ArrowDetail {
  const [from, to] = [boxDetail(world, diagram, arrow.from), boxDetail(world, diagram, arrow.to)]
  const seen = new Set<string>()
  const events = [...eventsOf(world, lights.flatMap(({ ref }) => (ref === undefined ? [] : [ref]))), ...from.events, ...to.events].filter((event) => {
    const key = `${event.at} ${event.about} ${event.reason} ${event.message}`
    return seen.has(key) ? false : seen.add(key)
  }).toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, 12)
  return { id: arrow.id, from, to, label: (arrow.label ?? '').replaceAll('\n', ' '), check: arrow.check ?? '', proof: proofOf(arrow.check, arrow.with), verdict, lights, count, events }
}

