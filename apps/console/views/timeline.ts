import type { AnyObject } from '@idp/formats'
import { objects, oneLine, titleOf, words, type Ref, type World } from '@idp/platform'
import { subjectOf, type Change } from '../world/change.ts'
import { systemOf } from './system-of.ts'

export type EntryClass = 'commit' | 'sync' | 'admission' | 'pod' | 'secret' | 'certificate' | 'scan' | 'workflow' | 'node' | 'event'
export type Tone = 'good' | 'plain' | 'warn' | 'bad'

/** One line of the timeline. */
export interface Entry {
  readonly id: string
  readonly at: number
  readonly class: EntryClass
  readonly tone: Tone
  readonly system: string
  readonly namespace: string
  readonly title: string
  readonly detail: string
  readonly ref?: Ref
}

/** How many lines are kept. */
export const keptEntries = 400

type Draft = Pick<Entry, 'class' | 'tone' | 'title'> & { readonly detail?: string; readonly at?: number; readonly key?: string; readonly ref?: Ref }
type Teller = (change: Change) => Draft | undefined

const time = (text: string): number => Date.parse(text)
const condition = (object: AnyObject | undefined, type: string): string => words(objects(object, 'status', 'conditions').find((one) => one['type'] === type), 'status')
const became = ({ before, after }: Change, type: string): string | undefined => (after === undefined || condition(before, type) === condition(after, type) ? undefined : condition(after, type) || undefined)
const changed = ({ before, after }: Change, ...path: string[]): string | undefined => (after === undefined || words(before, ...path) === words(after, ...path) ? undefined : words(after, ...path) || undefined)

/** What is told of a change, by kind. */
const tellers: Readonly<Record<string, Teller>> = {
  Application(change) {
    const { after } = change
    if (after === undefined) return { class: 'sync', tone: 'warn', title: 'Application removed' }
    const revision = changed(change, 'status', 'sync', 'revision')
    if (revision !== undefined && change.before !== undefined) return { class: 'commit', tone: 'plain', title: `commit ${revision.slice(0, 7)} seen`, detail: `${after.metadata.name} follows ${words(after, 'spec', 'source', 'targetRevision') || 'HEAD'}`, key: `commit ${revision}` }
    const phase = changed(change, 'status', 'operationState', 'phase')
    if (phase !== undefined) return { class: 'sync', tone: phase === 'Succeeded' ? 'good' : phase === 'Running' ? 'plain' : 'bad', title: `sync ${phase.toLowerCase()}`, detail: oneLine(words(after, 'status', 'operationState', 'message'), 240) }
    const health = changed(change, 'status', 'health', 'status')
    return health === undefined ? undefined : { class: 'sync', tone: health === 'Healthy' ? 'good' : health === 'Degraded' || health === 'Missing' ? 'bad' : 'plain', title: `${health}`, detail: words(after, 'status', 'health', 'message') }
  },
  Pod(change) {
    const { before, after } = change
    if (after === undefined) return { class: 'pod', tone: 'plain', title: 'pod gone' }
    if (before === undefined) return { class: 'pod', tone: 'plain', title: 'pod created' }
    const restarts = (pod: AnyObject): number => objects(pod, 'status', 'containerStatuses').reduce((sum, one) => sum + Number(one['restartCount'] ?? 0), 0)
    if (restarts(after) > restarts(before)) return { class: 'pod', tone: 'warn', title: `container restarted`, detail: `${restarts(after)} restarts` }
    const ready = became(change, 'Ready')
    if (ready === 'True') return { class: 'pod', tone: 'good', title: 'pod ready', detail: `on ${words(after, 'spec', 'nodeName')}` }
    const phase = changed(change, 'status', 'phase')
    return phase === 'Failed' || phase === 'Succeeded' ? { class: 'pod', tone: phase === 'Failed' ? 'bad' : 'good', title: `pod ${phase.toLowerCase()}`, detail: words(after, 'status', 'message') } : undefined
  },
  ExternalSecret(change) {
    const ready = became(change, 'Ready')
    if (ready === 'False') return { class: 'secret', tone: 'bad', title: 'secret not synced', detail: oneLine(words(objects(change.after, 'status', 'conditions').find((one) => one['type'] === 'Ready'), 'message'), 240) }
    const version = changed(change, 'status', 'syncedResourceVersion')
    if (changed(change, 'status', 'refreshTime') !== undefined) return { class: 'secret', tone: 'good', title: version === undefined ? 'secret refreshed' : 'secret synced', detail: `${words(change.after, 'spec', 'secretStoreRef', 'kind') || 'SecretStore'} ${words(change.after, 'spec', 'secretStoreRef', 'name')}` }
    return change.after === undefined ? { class: 'secret', tone: 'warn', title: 'ExternalSecret removed' } : undefined
  },
  Certificate(change) {
    const revision = changed(change, 'status', 'revision')
    if (revision !== undefined) return { class: 'certificate', tone: 'good', title: 'certificate issued', detail: `valid to ${words(change.after, 'status', 'notAfter')}` }
    return became(change, 'Ready') === 'False' ? { class: 'certificate', tone: 'warn', title: 'certificate not ready', detail: oneLine(words(objects(change.after, 'status', 'conditions')[0], 'message'), 240) } : undefined
  },
  VulnerabilityReport: (change) => (change.after === undefined ? undefined : { class: 'scan', tone: Number(words(change.after, 'report', 'summary', 'criticalCount')) > 0 ? 'warn' : 'good', title: change.before === undefined ? 'image scanned' : 'image scanned anew', detail: `${words(change.after, 'report', 'artifact', 'repository')}:${words(change.after, 'report', 'artifact', 'tag')}: ${words(change.after, 'report', 'summary', 'criticalCount') || 0} critical, ${words(change.after, 'report', 'summary', 'highCount') || 0} high` }),
  Workflow(change) {
    const phase = changed(change, 'status', 'phase')
    return phase === undefined ? undefined : { class: 'workflow', tone: phase === 'Succeeded' ? 'good' : phase === 'Running' || phase === 'Pending' ? 'plain' : 'bad', title: `workflow ${phase.toLowerCase()}`, detail: words(change.after, 'status', 'message') }
  },
  Node(change) {
    const ready = became(change, 'Ready')
    return ready === undefined ? undefined : { class: 'node', tone: ready === 'True' ? 'good' : 'bad', title: ready === 'True' ? 'node ready' : 'node not ready' }
  },
  Event(change) {
    const { after } = change
    if (after === undefined) return undefined
    const [reason, type] = [words(after, 'reason'), words(after, 'type')]
    const { kind, name, namespace } = after['involvedObject'] as { kind?: string; name?: string; namespace?: string }
    const ref = { kind: kind ?? '', name: name ?? '', namespace }
    const detail = oneLine(words(after, 'message'), 300)
    if (reason.startsWith('Policy')) {
      const [, about = ''] = /^(\S+ \S+?): \[/.exec(detail) ?? []
      return { class: 'admission', tone: detail.includes('(blocked)') ? 'bad' : type === 'Warning' ? 'warn' : 'plain', title: detail.includes('(blocked)') ? 'refused by policy' : reason === 'PolicyViolation' ? 'policy reports a violation' : reason === 'PolicyApplied' ? 'policy applied' : 'policy error', detail, ref, key: `${reason} ${name} ${about}` }
    }
    const count = Number(words(after, 'count') || words(after, 'series', 'count') || 1)
    return type === 'Warning' ? { class: 'event', tone: 'warn', title: count > 1 ? `${reason} ×${count}` : reason, detail, ref, key: `${reason} ${titleOf(ref)}` } : undefined
  },
}

/** The line that a change is worth, or none. Pure; `id` is the same for news that replace one another (a commit that many Applications see). */
export function entryOf(change: Change): Entry | undefined {
  const draft = tellers[change.kind]?.(change)
  if (draft === undefined) return undefined
  const { kind, metadata: { name = '', namespace = '', uid = '' } } = subjectOf(change)
  const ref = draft.ref ?? { kind, name, ...(namespace === '' ? {} : { namespace }) }
  const at = draft.at ?? change.at
  return {
    id: draft.key ?? `${uid} ${draft.class} ${draft.title} ${at}`, at, class: draft.class, tone: draft.tone, title: draft.title, detail: draft.detail ?? '', ref,
    system: draft.class === 'admission' ? 'Kyverno' : systemOf(ref.kind, ref.namespace), namespace: ref.namespace ?? '',
  }
}

/** What the objects still tell of the time before the console was opened, oldest first. */
export function pastEntries(world: World): readonly Entry[] {
  const told: Change[] = ['Event', 'ExternalSecret', 'Certificate', 'VulnerabilityReport', 'Workflow'].flatMap((kind) => world.list(kind).map((after) => ({ kind, before: undefined, after, at: whenOf(after) })))
  const entries = told.map(entryOf).filter((entry) => entry !== undefined)
  const ready = world.list('Pod').filter((pod) => condition(pod, 'Ready') === 'True').map((pod) => entryOf({ kind: 'Pod', before: { ...pod, status: { ...(pod['status'] as object), conditions: [] } }, after: pod, at: time(words(objects(pod, 'status', 'conditions').find((one) => one['type'] === 'Ready'), 'lastTransitionTime')) })).filter((entry) => entry !== undefined)
  const syncs = world.list('Application').flatMap((app) => objects(app, 'status', 'history').map((row): Entry => ({
    id: `${app.metadata.uid} history ${words(row, 'id')}`, at: time(words(row, 'deployedAt')), class: 'sync', tone: 'good', system: 'Argo CD', namespace: app.metadata.namespace ?? '',
    title: `synced to ${words(row, 'revision').slice(0, 7)}`, detail: words(row, 'source', 'path'), ref: { kind: 'Application', name: app.metadata.name ?? '', namespace: app.metadata.namespace },
  })))
  return [...entries, ...ready, ...syncs].filter(({ at }) => Number.isFinite(at)).toSorted((a, b) => a.at - b.at).slice(-keptEntries)
}

/** When an object last told something. */
function whenOf(object: AnyObject): number {
  const told = words(object, 'lastTimestamp') || words(object, 'eventTime') || words(object, 'status', 'refreshTime') || words(object, 'report', 'updateTimestamp') || words(object, 'status', 'finishedAt')
  return time(told || words(objects(object, 'status', 'conditions')[0], 'lastTransitionTime') || object.metadata.creationTimestamp || '')
}
