import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml, type AnyObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { worldOf } from '@idp/platform'
import { parseVerdicts } from '../verdicts.ts'
import { writerOf } from '../world/change.ts'
import { pastChanges } from '../world/past-changes.ts'
import { trimObject } from '../world/trim-object.ts'
import { applicationDetail } from './application-detail.ts'
import { applicationRows } from './application-rows.ts'
import { findByName } from './find-by-name.ts'
import { nodeRows, podRows } from './node-rows.ts'
import { objectDetail } from './object-detail.ts'
import { problemRows } from './problem-rows.ts'
import { entryOf, pastEntries } from './timeline.ts'

const read = (yaml: string): AnyObject => parseYaml(yaml, { source: 'test' }) as unknown as AnyObject
const pod = (status: string, more = ''): AnyObject => read(`{ apiVersion: v1, kind: Pod, metadata: { name: web-1, namespace: shop, uid: p${more} }, spec: { nodeName: n1, containers: [{ name: a, image: nginx, resources: { requests: { cpu: 500m } } }] }, status: ${status} }`)
const app = read(`
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: shop, namespace: argocd, uid: a, ownerReferences: [{ kind: ApplicationSet, name: stack }] }
spec: { project: shop, source: { repoURL: 'https://me:secret@git.example/r.git', path: K8s/shop, targetRevision: main }, destination: { namespace: shop }, syncPolicy: { automated: { prune: true } } }
status:
  reconciledAt: '2026-01-01T00:05:00Z'
  sync: { status: OutOfSync, revision: abcdef0123 }
  health: { status: Degraded }
  operationState: { phase: Failed, message: 'one task failed', finishedAt: '2026-01-01T00:01:00Z', syncResult: { revision: abcdef0123, resources: [{ kind: Deployment, name: web, namespace: shop, status: SyncFailed, message: denied }] } }
  history: [{ id: 0, revision: aaa, deployedAt: '2026-01-01T00:00:00Z', initiatedBy: { automated: true } }]
  resources: [{ kind: Deployment, name: web, namespace: shop, status: OutOfSync, health: { status: Degraded } }, { kind: Secret, name: db, namespace: shop, status: Synced }]
`)
const objects = [
  app, read("{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web, namespace: shop, uid: d } }"), read("{ apiVersion: apps/v1, kind: ReplicaSet, metadata: { name: web-a, namespace: shop, uid: r, ownerReferences: [{ kind: Deployment, name: web, uid: d, controller: true }] } }"),
  pod("{ phase: Running, startTime: '2026-01-01T00:00:00Z', containerStatuses: [{ name: a, ready: true, restartCount: 2 }], conditions: [{ type: Ready, status: 'True', lastTransitionTime: '2026-01-01T00:02:00Z' }] }", ", annotations: { idp.dev/stand-in: simulated }, ownerReferences: [{ kind: ReplicaSet, name: web-a, uid: r, controller: true }]"),
  read("{ apiVersion: v1, kind: Node, metadata: { name: n1, labels: { node-role: it-infra } }, status: { allocatable: { cpu: '2', pods: '110' }, conditions: [{ type: Ready, status: 'True' }] } }"),
  read("{ apiVersion: v1, kind: Event, metadata: { name: e, namespace: shop, uid: e }, type: Warning, reason: BackOff, message: again, lastTimestamp: '2026-01-01T00:03:00Z', involvedObject: { kind: Pod, namespace: shop, name: web-1 } }"),
]
const world = worldOf({ objects, now: Date.parse('2026-01-01T00:10:00Z') })

test('nothing that the console keeps of an object can show a value of a Secret', () => {
  const secret = trimObject(read("{ apiVersion: v1, kind: Secret, metadata: { name: db, annotations: { kubectl.kubernetes.io/last-applied-configuration: '{\"data\":\"hunter22\"}', note: hunter22 }, managedFields: [{ manager: m, fieldsV1: { 'f:data': {} } }] }, data: { password: aHVudGVyMjI= }, stringData: { other: hunter22 } }"))
  assert.doesNotMatch(JSON.stringify(secret), /hunter22|aHVudGVyMjI|f:data/)
  assert.deepEqual((secret as AnyObject)['data'], { password: '' })
  assert.deepEqual(secret.metadata.managedFields, [{ manager: 'm' }])
})

test('the writer of a change is who has new managed fields', () => {
  const at = (...entries: { manager: string; time: string; subresource?: string }[]): AnyObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', managedFields: entries } })
  assert.deepEqual(writerOf({ before: at({ manager: 'a', time: '2' }), after: at({ manager: 'a', time: '2' }, { manager: 'b', time: '1', subresource: 'status' }) }), { manager: 'b', status: true })
  assert.deepEqual(writerOf({ before: at({ manager: 'a', time: '2' }), after: at({ manager: 'a', time: '2' }) }), { manager: 'a', status: false })
})

test('Applications: the row, what differs, the operation, the tree down to the pod; no password of the repository', () => {
  const row = applicationRows(world).get('argocd/shop')
  assert.deepEqual([row?.stack, row?.source, row?.differ, row?.sync, row?.health], ['stack', 'K8s/shop', 1, 'OutOfSync', 'Degraded'])
  assert.match(row?.cause ?? '', /Deployment shop\/web was refused: denied/)
  const detail = applicationDetail(world, 'argocd', 'shop')
  assert.deepEqual(detail?.tree.map(({ depth, ref, simulated }) => [depth, ref.kind, ref.name, simulated]), [[0, 'Deployment', 'web', false], [1, 'ReplicaSet', 'web-a', false], [2, 'Pod', 'web-1', true], [0, 'Secret', 'db', false]])
  assert.deepEqual(detail?.differ.map(({ what, status }) => [what, status]), [['Deployment shop/web', 'OutOfSync']])
  assert.deepEqual(detail?.operation?.results, [{ what: 'Deployment shop/web', status: 'SyncFailed', message: 'denied' }])
  assert.deepEqual(detail?.history.map(({ revision, by }) => [revision, by]), [['aaa', 'automated']])
  assert.doesNotMatch(JSON.stringify(detail), /secret@/)
  assert.equal(applicationDetail(world, 'argocd', 'none'), undefined)
})

test('nodes and pods: pool, share asked for, restarts, and what is simulated', () => {
  const node = nodeRows(world).get('n1')
  assert.deepEqual([node?.pool, node?.ready, node?.pods, node?.cpu], ['it-infra', true, 1, '25 %'])
  const row = podRows(world).get('shop/web-1')
  assert.deepEqual([row?.ready, row?.restarts, row?.standIn, row?.owner], ['1/1', 2, 'simulated', 'ReplicaSet web-a'])
})

const told: readonly (readonly [what: string, before: AnyObject | undefined, after: AnyObject | undefined, title: string | undefined, tone?: string])[] = [
  ['a pod that becomes ready', pod("{ conditions: [{ type: Ready, status: 'False' }] }"), pod("{ conditions: [{ type: Ready, status: 'True' }] }"), 'pod ready', 'good'],
  ['a restart', pod('{ containerStatuses: [{ restartCount: 0 }] }'), pod('{ containerStatuses: [{ restartCount: 1 }] }'), 'container restarted', 'warn'],
  ['a pod that goes', pod('{}'), undefined, 'pod gone', 'plain'],
  ['a heartbeat', pod('{ phase: Running }'), pod('{ phase: Running, podIP: 1.2.3.4 }'), undefined],
  ['a commit', app, { ...app, status: { sync: { revision: 'fedcba9876' } } }, 'commit fedcba9 seen', 'plain'],
  ['a sync that fails', { ...app, status: { sync: { revision: 'a' } } }, { ...app, status: { sync: { revision: 'a' }, operationState: { phase: 'Failed' } } }, 'sync failed', 'bad'],
  ['a refusal', undefined, read("{ apiVersion: v1, kind: Event, metadata: { name: e }, type: Warning, reason: PolicyViolation, message: 'Namespace x: [r] fail (blocked); no owner', involvedObject: { kind: ClusterPolicy, name: p } }"), 'refused by policy', 'bad'],
  ['a warning that repeats', undefined, read("{ apiVersion: v1, kind: Event, metadata: { name: e }, type: Warning, reason: BackOff, count: 3, message: again, involvedObject: { kind: Pod, name: p } }"), 'BackOff ×3', 'warn'],
  ['an ordinary event', undefined, read("{ apiVersion: v1, kind: Event, metadata: { name: e }, type: Normal, reason: Pulled, involvedObject: { kind: Pod, name: p } }"), undefined],
  ['a certificate', read('{ apiVersion: cert-manager.io/v1, kind: Certificate, metadata: { name: c }, status: { revision: 1 } }'), read('{ apiVersion: cert-manager.io/v1, kind: Certificate, metadata: { name: c }, status: { revision: 2, notAfter: later } }'), 'certificate issued', 'good'],
]
for (const [what, before, after, title, tone] of told) {
  test(`timeline: ${what} ${title === undefined ? 'is no news' : `is told as '${title}'`}`, () => {
    const entry = entryOf({ kind: (after ?? before)?.kind ?? '', before, after, at: 7 })
    assert.deepEqual([entry?.title, entry?.tone], [title, tone])
  })
}

test('the timeline begins with what the objects still tell, oldest first', () => {
  assert.deepEqual(pastEntries(world).map(({ title }) => title), ['synced to aaa', 'pod ready', 'BackOff'])
  const times = (kind: string): string[] => pastChanges(worldOf({ objects: objects.map((object) => ({ ...object, metadata: { ...object.metadata, creationTimestamp: '2025-12-31T00:00:00Z', managedFields: [{ manager: 'm', time: '2026-01-01T00:09:00Z' }] } })), now: 0 }), [kind]).map(({ at }) => new Date(at).toISOString())
  assert.deepEqual(times('Deployment'), ['2025-12-31T00:00:00.000Z'], 'when it was made, not when it was written last')
  assert.deepEqual(times('Pod'), ['2026-01-01T00:02:00.000Z'], 'when it became ready')
  assert.deepEqual(pastChanges(world, ['Application']).map(({ at }) => new Date(at).toISOString()), ['2026-01-01T00:01:00.000Z', '2026-01-01T00:05:00.000Z'])
})

test('details of an object: facts, events, logs of its pods, and that it is missing', () => {
  const detail = objectDetail(world, { kind: 'Deployment', namespace: 'shop', name: 'web' })
  assert.deepEqual(detail.logs, [{ namespace: 'shop', pod: 'web-1', containers: ['a'] }])
  const one = objectDetail(world, { kind: 'Pod', namespace: 'shop', name: 'web-1' })
  assert.deepEqual(one.events.map(({ reason }) => reason), ['BackOff'])
  assert.match(one.facts.find(([name]) => name === 'stand-in')?.[1] ?? '', /^simulated/)
  assert.equal(objectDetail(world, { kind: 'Pod', namespace: 'shop', name: 'gone' }).there, false)
})

test('search finds by kind and parts of names, Applications first', () => {
  assert.deepEqual(findByName(world, 'shop').map(({ kind }) => kind).slice(0, 2), ['Application', 'Deployment'])
  assert.deepEqual(findByName(world, 'pod web').map(({ name }) => name), ['web-1'])
  assert.deepEqual(findByName(world, '  '), [])
})

test('problems: the deep chain takes the place of the quick one that begins the same', () => {
  const link = (subject: string) => ({ subject, says: 'x' })
  const quick = { chain: [link('Pod a')], remedy: 'look', also: [], weight: 1 }
  const rows = problemRows({ areas: [{ area: 'nodes', well: 1, total: 1, healthy: true }], problems: [quick, { ...quick, chain: [link('Pod b')] }] }, { problems: [{ ...quick, chain: [link('Pod a'), link('container c')], remedy: 'its log' }] })
  assert.deepEqual([...rows.values()].map((row) => (row.kind === 'area' ? row.area : row.remedy)), ['nodes', 'its log', 'look'])
})

test('verdicts are read from what idp verify prints', () => {
  const arrow = { diagram: 'd', from: 'a', to: 'b', label: '', verdict: 'proven', evidence: 'seen', ms: 1 }
  assert.deepEqual(parseVerdicts(`{"event":"waiting"}\n${JSON.stringify({ arrows: [arrow] })}\n`, 'v.json'), [arrow])
  assert.throws(() => parseVerdicts('nothing', 'v.json'), (error) => isCoded(error, 'VerdictsInvalid'))
})
