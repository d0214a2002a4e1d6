import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseYaml, type AnyObject, type Json } from '@idp/formats'
import { checks, loadDiagrams, worldOf } from '@idp/platform'
import { arrowsOf } from './arrows.ts'
import { boxObjects } from './box-objects.ts'
import { boxStates } from './box-state.ts'
import { findObjects } from './find-objects.ts'
import { arrowsOfFlow, flowTitle, type Flow } from './flow-signals.ts'
import { lightBoard } from './light-board.ts'
import { provenChecks, proofOf } from './proofs.ts'
import { signals } from './signals.ts'

const diagrams = await loadDiagrams(fileURLToPath(new URL('../../platform/diagrams', import.meta.url)))
const arrows = arrowsOf(diagrams)
const read = (yaml: string): AnyObject => parseYaml(yaml, { source: 'test' }) as unknown as AnyObject
const application = (status: string, more = ''): AnyObject => read(`{ apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: { name: shop, namespace: argocd${more} }, status: ${status} }`)
const pod = (status: string, spec = '{ nodeName: n1, containers: [{ name: a }] }'): AnyObject => read(`{ apiVersion: v1, kind: Pod, metadata: { name: vault-0, namespace: vault-system }, spec: ${spec}, status: ${status} }`)
const ready = (value: string): string => `{ conditions: [{ type: Ready, status: '${value}' }] }`
const node = read("{ apiVersion: v1, kind: Node, metadata: { name: n1, labels: { node-role: it-infra } } }")
const webhook = (kind: string): AnyObject => read(`{ apiVersion: admissionregistration.k8s.io/v1, kind: ${kind}, metadata: { name: kyverno-resource-${kind === 'MutatingWebhookConfiguration' ? 'mutating' : 'validating'}-webhook-cfg }, webhooks: [{ rules: [{ apiGroups: [apps], apiVersions: [v1], resources: [deployments] }] }] }`)
const world = worldOf({ objects: [node, webhook('ValidatingWebhookConfiguration'), webhook('MutatingWebhookConfiguration')], now: 0 })
const deployment = (generation: number, manager = 'kubectl', status = false): AnyObject => read(`{ apiVersion: apps/v1, kind: Deployment, metadata: { name: web, namespace: shop, generation: ${generation}, managedFields: [{ manager: ${manager}, time: '2026-01-01T00:00:0${generation}Z'${status ? ', subresource: status' : ''} }] } }`)
const secret = (manager: string): AnyObject => read(`{ apiVersion: v1, kind: Secret, metadata: { name: db, namespace: shop, managedFields: [{ manager: '${manager}', time: '2026-01-01T00:00:01Z' }] }, type: Opaque }`)

type Row = readonly [check: string, before: AnyObject | undefined, after: AnyObject | undefined, says: RegExp | undefined, own?: Readonly<Record<string, Json>>]
const rows: readonly Row[] = [
  ['commit-detected', application("{ sync: { revision: aaaaaaaaaa } }"), application("{ sync: { revision: bbbbbbbbbb } }"), /saw commit bbbbbbb after aaaaaaa/],
  ['commit-detected', application("{ sync: { revision: aaaaaaaaaa } }"), application("{ sync: { revision: aaaaaaaaaa } }"), undefined],
  ['change-computed', application("{ sync: { status: Synced } }"), application("{ sync: { status: OutOfSync } }"), /Synced → OutOfSync/],
  ['change-applied', application('{}'), application("{ operationState: { phase: Succeeded, syncResult: { revision: cccccccccc, resources: [{}, {}] } } }"), /sync to ccccccc Succeeded, 2 resources/],
  ['change-applied', undefined, deployment(1, 'argocd-controller'), /Deployment shop\/web applied by argocd-controller/],
  ['change-applied', deployment(1), deployment(1, 'argocd-controller', true), undefined],
  ['change-applied', undefined, deployment(1, 'kubectl'), undefined],
  ['all-healthy', application("{ health: { status: Progressing } }"), application("{ health: { status: Healthy } }"), /Progressing → Healthy/],
  ['application-managed', application("{ reconciledAt: a, sync: { status: Synced } }"), application("{ reconciledAt: b, sync: { status: Synced } }"), /compared with Git: Synced/, { application: 'shop' }],
  ['application-managed', application("{ reconciledAt: a }"), application("{ reconciledAt: b }"), undefined, { application: 'other' }],
  ['application-generated', undefined, application('{}', ', ownerReferences: [{ kind: ApplicationSet, name: stack }]'), /was made/, { applicationSet: 'stack', application: 'shop' }],
  ['application-generated', undefined, application('{}'), undefined, { applicationSet: 'stack' }],
  ['request-validated', undefined, deployment(1), /creating Deployment shop\/web passed kyverno-resource-validating-webhook-cfg/],
  ['request-validated', deployment(1), deployment(1, 'kube-controller-manager', true), undefined],
  ['request-validated', undefined, node, undefined],
  ['request-mutated', deployment(1), deployment(2), /stored after kyverno-resource-mutating-webhook-cfg/],
  ['sync-meets-policy', undefined, deployment(1, 'argocd-controller'), /passed kyverno-resource-validating/],
  ['validated-and-mutated', undefined, read("{ apiVersion: v1, kind: Event, metadata: { name: e, namespace: shop }, reason: PolicyViolation, message: 'no owner', involvedObject: { kind: ClusterPolicy, name: owners } }"), /PolicyViolation by owners: no owner/],
  ['secret-read', read('{ apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: { name: db, namespace: shop }, status: { refreshTime: a } }'), read('{ apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: { name: db, namespace: shop }, status: { refreshTime: b } }'), /read from its store/],
  ['secret-created', secret('x'), secret('externalsecrets.external-secrets.io/db'), /Secret shop\/db written by externalsecrets/],
  ['secret-created', undefined, secret('kubectl'), undefined],
  ['secret-mounted', pod(ready('False')), pod(ready('True'), '{ volumes: [{ secret: { secretName: db } }] }'), /runs with its Secret/],
  ['secret-mounted', pod(ready('False')), pod(ready('True')), undefined],
  ['vault-operational', pod(ready('False')), pod(ready('True')), /Pod vault-system\/vault-0: Ready is True/],
  ['placed-on', pod('{}', '{ containers: [] }'), pod('{}'), /placed on n1/, { namespace: 'vault-system', pods: 'vault-', pool: 'node-role=it-infra' }],
  ['placed-on', pod('{}', '{ containers: [] }'), pod('{}'), undefined, { namespace: 'vault-system', pods: 'vault-', pool: 'node-role=k8s-workloads' }],
  ['workload-created', undefined, deployment(1), /Deployment shop\/web was created by kubectl/],
  ['signed-by-ca', undefined, read("{ apiVersion: cert-manager.io/v1, kind: CertificateRequest, metadata: { name: c, namespace: shop }, status: { conditions: [{ type: Ready, status: 'True' }] } }"), /Ready is True/],
  ['workflow-analyses', undefined, read('{ apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: { name: w, namespace: cicd }, status: { phase: Succeeded } }'), /Workflow cicd\/w: Succeeded/],
]
for (const [check, before, after, says, own = {}] of rows) {
  test(`${check}: ${says === undefined ? 'not by' : 'by'} ${JSON.stringify(after?.['status'] ?? after?.metadata.name)}`, () => {
    const seen = signals[check]?.({ kind: (after ?? before)?.kind ?? '', before, after, at: 1 }, { with: own, world })
    if (says === undefined) assert.equal(seen, undefined)
    else assert.match(seen ?? '', says)
  })
}

test('every arrow has a check that is described, and something that lights it', () => {
  const elsewhere = new Set(['metrics-scraped', 'application-metrics', 'logs-written', 'logs-tailed', 'logs-forwarded', 'data-source-answers'])
  assert.equal(arrows.length, 134)
  assert.deepEqual(arrows.filter(({ check = '' }) => !provenChecks.includes(check) || !(check in signals || elsewhere.has(check))).map(({ id }) => id), [])
  assert.deepEqual(Object.keys(checks).filter((check) => !provenChecks.includes(check)), [])
  assert.ok(arrows.every(({ check, with: own }) => { const { does, look } = proofOf(check, own); return does.length > 20 && look.length > 0 && !`${does}${look.join('')}`.includes('undefined') }))
})

test('every box but people and Git’s own has live objects behind it, by names that parse', () => {
  const people = ['User', 'Browser', 'Engineer']
  const bare = diagrams.flatMap(({ name, nodes }) => Object.entries(nodes).filter(([id]) => !Object.keys(nodes).some((other) => other.startsWith(`${id}.`)) && boxObjects[name]?.[id] === undefined).map(([, label]) => label))
  assert.deepEqual(bare.filter((label) => !people.some((word) => label.includes(word))), [])
  const unknown = diagrams.flatMap(({ name, nodes }) => Object.keys(boxObjects[name] ?? {}).filter((id) => !(id in nodes)))
  assert.deepEqual(unknown, [])
})

test('objects behind a box: by name, by ending, by label; missing only what is named and readable', () => {
  const objects = [node, deployment(1), pod(ready('True'))]
  const of = (...patterns: string[]) => { const { objects: found, missing } = findObjects(patterns, worldOf({ objects, now: 0 })); return [found.map(({ metadata }) => metadata.name), missing.map(({ name }) => name)] }
  assert.deepEqual(of('Deployment shop/web'), [['web'], []])
  assert.deepEqual(of('Deployment shop/w*', 'Pod *'), [['web', 'vault-0'], []])
  assert.deepEqual(of('Node *[node-role=it-infra]', 'Node *[node-role=none]'), [['n1'], []])
  assert.deepEqual(of('Deployment shop/api', 'Gateway shop/api'), [[], ['api']])
})

test('a box tells the worst of what is behind it, in a few words, and says what is simulated', () => {
  const set = read("{ apiVersion: apps/v1, kind: StatefulSet, metadata: { name: vault, namespace: vault-system, uid: u, generation: 1 }, spec: { replicas: 1 }, status: { observedGeneration: 1, readyReplicas: 1, replicas: 1, availableReplicas: 1, updatedReplicas: 1 } }")
  const own = read("{ apiVersion: v1, kind: Pod, metadata: { name: vault-0, namespace: vault-system, annotations: { idp.dev/stand-in: simulated }, ownerReferences: [{ kind: StatefulSet, name: vault, uid: u, controller: true }] }, status: { phase: Running, conditions: [{ type: Ready, status: 'True' }] } }")
  const state = (...objects: AnyObject[]) => boxStates('04-secret-synchronization', worldOf({ objects, kinds: ['StatefulSet', 'Pod'], now: 0 })).get('Vault')
  assert.deepEqual(state(set, own), { health: 'healthy', says: '1/1 simulated', simulated: true, missing: [] })
  assert.deepEqual(state(), { health: 'unhealthy', says: 'missing', simulated: false, missing: ['StatefulSet vault-system/vault'] })
})

test('arrows of one check and the same words light together; the past is recalled without being counted', () => {
  const board = lightBoard(arrows)
  const change = { kind: 'Application', before: application("{ sync: { revision: a } }"), after: application("{ sync: { revision: b } }"), at: 5 }
  const [light] = board.see(change, world)
  assert.ok(light !== undefined && ['05-gitops-synchronization:0', '06-general-architecture:0'].every((id) => light.arrows.includes(id)))
  assert.deepEqual(light.ref, { kind: 'Application', name: 'shop', namespace: 'argocd' })
  assert.equal(board.count('06-general-architecture:0'), 1)
  const fresh = lightBoard(arrows)
  fresh.recall([{ ...change, before: undefined }, { kind: 'Deployment', before: undefined, after: deployment(1), at: 6 }], world)
  assert.equal(fresh.of('06-general-architecture:0')[0]?.at, 5)
  assert.equal(fresh.count('06-general-architecture:0'), 0)
  assert.deepEqual(fresh.of('06-general-architecture:3'), [], 'what passed admission before is not known')
})

test('a connection lights what it means; replies, probes and drops light nothing', () => {
  const end = (namespace: string, name: string) => ({ namespace, pod_name: `${name}-1`, workloads: [{ name }] })
  const flow: Flow = { verdict: 'FORWARDED', source: end('observability', 'prometheus-grafana'), destination: end('observability', 'loki'), l4: { TCP: { destination_port: 3100 } } }
  assert.deepEqual(arrowsOfFlow(flow, arrows, world), ['06-general-architecture:10', '11-observability-data:8'])
  assert.equal(flowTitle(flow), 'observability/prometheus-grafana → observability/loki:3100')
  assert.deepEqual(arrowsOfFlow({ ...flow, is_reply: true }, arrows, world), [])
  assert.deepEqual(arrowsOfFlow({ ...flow, verdict: 'DROPPED' }, arrows, world), [])
  assert.equal(flowTitle({ ...flow, source: { labels: ['reserved:host'] } }), undefined)
  const behind = worldOf({ now: 0, objects: [read('{ apiVersion: v1, kind: Service, metadata: { name: vault, namespace: vault-system }, spec: { selector: { app: vault } } }'), read('{ apiVersion: v1, kind: Pod, metadata: { name: vault-0, namespace: vault-system, labels: { app: vault } } }'), read('{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: vault, namespace: vault-system }, spec: { rules: [{ backendRefs: [{ name: vault }] }] } }')] })
  const request: Flow = { verdict: 'FORWARDED', source: { labels: ['reserved:ingress'] }, destination: { namespace: 'vault-system', pod_name: 'vault-0' } }
  const lit = arrows.filter(({ id }) => arrowsOfFlow(request, arrows, behind).includes(id))
  assert.deepEqual([...new Set(lit.map(({ check }) => check))].toSorted(), ['backend-answers', 'https-reaches-gateway', 'route-attached'])
  assert.ok(lit.every(({ check, with: own }) => check === 'https-reaches-gateway' || own?.['host'] === 'vault'))
})
