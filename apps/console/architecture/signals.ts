import type { AnyObject, Json } from '@idp/formats'
import { objects, oneLine, words, type World } from '@idp/platform'
import { subjectOf, writerOf, type Change } from '../world/change.ts'

/** What a signal looks at besides the change: the arrow's own words in the diagram, and the cluster. */
export interface SignalScope {
  readonly with: Readonly<Record<string, Json>>
  readonly world: World
  /** The change is of the time before the console was opened: what passed it by then is not known. */
  readonly past?: boolean
}

/** Tells by what a change shows that something flows on an arrow; undefined when it does not. One sentence. */
export type Signal = (change: Change, scope: SignalScope) => string | undefined

const nameOf = ({ metadata }: AnyObject): string => (metadata.namespace === undefined ? '' : `${metadata.namespace}/`) + (metadata.name ?? '')
const title = (object: AnyObject): string => `${object.kind} ${nameOf(object)}`
const short = (revision: string): string => revision.slice(0, 7)

/** The text at a path before and after, when it changed. */
function moved({ before, after }: Change, ...path: string[]): { readonly from: string; readonly to: string } | undefined {
  const [from, to] = [words(before, ...path), words(after, ...path)]
  return after === undefined || from === to ? undefined : { from, to }
}

const condition = (object: AnyObject | undefined, type: string): string => words(objects(object, 'status', 'conditions').find((one) => one['type'] === type), 'status')
const turned = (change: Change, type: string): string | undefined => {
  const [from, to] = [condition(change.before, type), condition(change.after, type)]
  return change.after === undefined || from === to || to === '' ? undefined : to
}

const application: Signal = (change) => {
  if (change.kind !== 'Application') return undefined
  const name = subjectOf(change).metadata.name ?? ''
  const phase = moved(change, 'status', 'operationState', 'phase') ?? moved(change, 'status', 'operationState', 'startedAt')
  if (phase !== undefined && change.after !== undefined) return `Application ${name}: sync to ${short(words(change.after, 'status', 'operationState', 'operation', 'sync', 'revision') || words(change.after, 'status', 'operationState', 'syncResult', 'revision'))} ${words(change.after, 'status', 'operationState', 'phase')}, ${objects(change.after, 'status', 'operationState', 'syncResult', 'resources').length} resources`
  return undefined
}

const applied: Signal = (change) => {
  if (change.after === undefined || ['Application', 'ApplicationSet', 'Event'].includes(change.kind) || !specChanged(change)) return undefined
  const { manager, status } = writerOf(change)
  return manager === 'argocd-controller' && !status ? `${title(change.after)} applied by argocd-controller` : undefined
}

const revision: Signal = (change) => {
  if (change.kind !== 'Application') return undefined
  const seen = moved(change, 'status', 'sync', 'revision')
  return seen === undefined || seen.to === '' ? undefined : `Application ${subjectOf(change).metadata.name} saw commit ${short(seen.to)}${seen.from === '' ? '' : ` after ${short(seen.from)}`}`
}

const compared: Signal = (change) => {
  if (change.kind !== 'Application' || change.after === undefined) return undefined
  const { name } = change.after.metadata
  const sync = moved(change, 'status', 'sync', 'status')
  if (sync !== undefined) return `Application ${name}: ${sync.from === '' ? '' : `${sync.from} → `}${sync.to}`
  return moved(change, 'status', 'reconciledAt') === undefined ? undefined : `Application ${name} was compared with Git: ${words(change.after, 'status', 'sync', 'status')}`
}

/** A write that changes what is wanted, not only a status or a heartbeat. */
function specChanged({ before, after }: Change): boolean {
  if (after === undefined) return false
  if (before === undefined) return true
  if (after.metadata.generation !== undefined) return after.metadata.generation !== before.metadata.generation || JSON.stringify([after.metadata.labels, after.metadata.annotations]) !== JSON.stringify([before.metadata.labels, before.metadata.annotations])
  return !writerOf({ before, after }).status
}

/** Kyverno's webhook configurations say which writes pass through it. */
function coveredBy(kind: 'ValidatingWebhookConfiguration' | 'MutatingWebhookConfiguration', change: Change, { world, past }: SignalScope): string | undefined {
  if (past === true || !specChanged(change) || change.after === undefined || change.kind === 'Event') return undefined
  const [group = '', version] = change.after.apiVersion.includes('/') ? change.after.apiVersion.split('/') : ['', change.after.apiVersion]
  const plural = `${change.kind.toLowerCase()}s`.replace(/ys$/, 'ies').replace(/(s|ss)s$/, '$1es')
  const fits = (list: unknown, value: string | undefined): boolean => Array.isArray(list) && (list.includes('*') || list.includes(value))
  return world.list(kind).filter((one) => one.metadata.name?.startsWith('kyverno-resource-')).find((one) => objects(one, 'webhooks').some((hook) => objects(hook, 'rules').some((rule) =>
    fits(rule['apiGroups'], group) && fits(rule['apiVersions'], version) && Array.isArray(rule['resources']) && rule['resources'].some((resource) => resource === '*' || resource === '*/*' || resource === plural || resource === `${plural}/*`))))?.metadata.name
}

const policyEvent: Signal = (change) => {
  if (change.kind !== 'Event' || change.after === undefined) return undefined
  const reason = words(change.after, 'reason')
  return ['PolicyViolation', 'PolicyApplied', 'PolicyError', 'PolicySkipped'].includes(reason) ? `${reason} by ${words(change.after, 'involvedObject', 'name')}: ${oneLine(words(change.after, 'message'), 160)}` : undefined
}

const refused: Signal = (change) => {
  if (change.kind !== 'Application' || change.after === undefined) return undefined
  const said = JSON.stringify((change.after['status'] as { operationState?: unknown } | undefined)?.operationState ?? '')
  const before = JSON.stringify((change.before?.['status'] as { operationState?: unknown } | undefined)?.operationState ?? '')
  return said !== before && said.includes('denied the request') ? `Application ${change.after.metadata.name}: admission denied what its sync applied` : undefined
}

const validated: Signal = (change, scope) => {
  const by = coveredBy('ValidatingWebhookConfiguration', change, scope)
  return by === undefined ? undefined : `${change.before === undefined ? 'creating' : 'changing'} ${title(subjectOf(change))} passed ${by}`
}

const mutated: Signal = (change, scope) => {
  const by = coveredBy('MutatingWebhookConfiguration', change, scope)
  return by === undefined ? undefined : `${title(subjectOf(change))} was stored after ${by}`
}

const any = (...signals: readonly Signal[]): Signal => (change, scope) => {
  for (const signal of signals) {
    const seen = signal(change, scope)
    if (seen !== undefined) return seen
  }
  return undefined
}

const externalSecret: Signal = (change) => {
  if (change.kind !== 'ExternalSecret' || change.after === undefined) return undefined
  if (moved(change, 'status', 'refreshTime') !== undefined) return `${title(change.after)} was read from its store`
  const now = turned(change, 'Ready')
  if (now !== undefined) return `${title(change.after)}: Ready is ${now}`
  return change.before === undefined ? `${title(change.after)} was created` : undefined
}

const secretWritten: Signal = (change) => {
  if (change.kind !== 'Secret' || change.after === undefined) return undefined
  const { manager } = writerOf(change)
  return manager.startsWith('external') ? `${title(change.after)} written by ${manager.split('/')[0]}` : undefined
}

const podWith = (test: (pod: AnyObject) => boolean, words_: (pod: AnyObject) => string): Signal => (change) =>
  (change.kind === 'Pod' && turned(change, 'Ready') === 'True' && change.after !== undefined && test(change.after) ? words_(change.after) : undefined)

const usesSecret = (pod: AnyObject): boolean => objects(pod, 'spec', 'volumes').some((volume) => words(volume, 'secret', 'secretName') !== '')
  || objects(pod, 'spec', 'containers').some((container) => objects(container, 'env').some((one) => words(one, 'valueFrom', 'secretKeyRef', 'name') !== '') || objects(container, 'envFrom').some((one) => words(one, 'secretRef', 'name') !== ''))

const secretAwaited: Signal = (change) => {
  if (change.after === undefined) return undefined
  if (change.kind === 'Event') return ['FailedMount', 'Failed'].includes(words(change.after, 'reason')) && /secret "?[^"]*"? not found/i.test(words(change.after, 'message')) ? `Pod ${words(change.after, 'involvedObject', 'name')}: ${oneLine(words(change.after, 'message'), 140)}` : undefined
  if (change.kind !== 'Pod') return undefined
  const waiting = (pod: AnyObject | undefined): string => words(objects(pod, 'status', 'containerStatuses').find((one) => words(one, 'state', 'waiting', 'reason') === 'CreateContainerConfigError'), 'state', 'waiting', 'message')
  return waiting(change.after) !== '' && waiting(change.before) === '' ? `${title(change.after)} waits: ${oneLine(waiting(change.after), 140)}` : undefined
}

const touched = (kinds: readonly string[], says: (object: AnyObject, change: Change) => string, filter: (object: AnyObject, scope: SignalScope) => boolean = () => true): Signal => (change, scope) =>
  (change.after !== undefined && kinds.includes(change.kind) && filter(change.after, scope) ? says(change.after, change) : undefined)

const becomes = (kinds: readonly string[], type: string, filter: (object: AnyObject, scope: SignalScope) => boolean = () => true): Signal => (change, scope) => {
  const now = kinds.includes(change.kind) ? turned(change, type) : undefined
  return now === undefined || change.after === undefined || !filter(change.after, scope) ? undefined : `${title(change.after)}: ${type} is ${now}`
}

const named = (object: AnyObject, scope: SignalScope, key = 'name'): boolean => object.metadata.name === scope.with[key] && (scope.with['namespace'] === undefined || object.metadata.namespace === scope.with['namespace'])
const ownedBySet = (object: AnyObject, { with: own }: SignalScope): boolean => object.metadata.ownerReferences?.some((owner) => owner.kind === 'ApplicationSet' && owner.name === own['applicationSet']) === true

const generated: Signal = (change, scope) => {
  const object = subjectOf(change)
  if (change.kind === 'ApplicationSet') return object.metadata.name === scope.with['applicationSet'] ? `ApplicationSet ${object.metadata.name} looked at its directories` : undefined
  if (change.kind !== 'Application' || !ownedBySet(object, scope) || (scope.with['application'] !== undefined && scope.with['application'] !== object.metadata.name)) return undefined
  if (change.before === undefined) return `Application ${object.metadata.name} was made`
  if (change.after === undefined) return `Application ${object.metadata.name} was removed`
  return JSON.stringify(change.before['spec']) === JSON.stringify(change.after['spec']) ? undefined : `the spec of Application ${object.metadata.name} was written by ${writerOf(change).manager}`
}

const healed: Signal = (change, scope) => {
  const about = application(change, scope) ?? compared(change, scope)
  if (change.kind === 'Application') return subjectOf(change).metadata.name === scope.with['application'] ? about : undefined
  return change.kind === scope.with['kind'] && named(subjectOf(change), scope) && specChanged(change) && writerOf(change).manager === 'argocd-controller' ? `${title(subjectOf(change))} applied by argocd-controller` : undefined
}

const placed: Signal = (change, { with: own, world }) => {
  if (change.kind !== 'Pod' || change.after === undefined) return undefined
  const node = moved(change, 'spec', 'nodeName')
  const prefixes = [own['pods']].flat().map(String)
  if (node === undefined || node.to === '' || change.after.metadata.namespace !== own['namespace'] || !prefixes.some((prefix) => change.after?.metadata.name?.startsWith(prefix))) return undefined
  const [label = '', value = ''] = String(own['pool'] ?? '').split('=')
  const pool = world.find({ kind: 'Node', name: node.to })?.metadata.labels ?? {}
  return label in pool && (value === '' || pool[label] === value) ? `${title(change.after)} was placed on ${node.to}` : undefined
}

const rolled: Signal = (change, scope) => {
  const { name } = scope.with
  if (change.kind === 'StatefulSet' && change.after !== undefined && named(change.after, scope)) {
    const seen = moved(change, 'status', 'updateRevision') ?? moved(change, 'status', 'readyReplicas')
    return seen === undefined ? undefined : `${title(change.after)}: ${words(change.after, 'status', 'readyReplicas') || '0'} of ${words(change.after, 'spec', 'replicas')} pods ready`
  }
  return change.kind === 'Pod' && subjectOf(change).metadata.namespace === scope.with['namespace'] && subjectOf(change).metadata.name?.startsWith(`${String(name)}-`) ? (change.before === undefined ? `${title(subjectOf(change))} was created` : becomes(['Pod'], 'Ready')(change, scope)) : undefined
}

/** Who made an object: the manager whose fields have not changed since; empty when all have. */
const makerOf = ({ metadata }: AnyObject): string => (metadata.managedFields ?? []).find((entry) => entry.subresource === undefined && (metadata.creationTimestamp === undefined || entry.time === metadata.creationTimestamp))?.manager ?? ''
const report = touched(['VulnerabilityReport'], (object, change) => `${title(object)} was ${change.before === undefined ? 'written' : 'renewed'}: ${words(object, 'report', 'summary', 'criticalCount') || 0} critical, ${words(object, 'report', 'summary', 'highCount') || 0} high`)
const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'Job']
const workload: Signal = (change) => (workloadKinds.includes(change.kind) && change.after !== undefined && change.before?.metadata.generation !== change.after.metadata.generation ? `${title(change.after)} was ${change.before === undefined ? `created${makerOf(change.after) === '' ? '' : ` by ${makerOf(change.after)}`}` : `changed by ${writerOf(change).manager || 'a client'}`}` : undefined)
const tlsSecret: Signal = touched(['Secret'], (object) => `${title(object)} holds a new certificate`, (object) => object['type'] === 'kubernetes.io/tls' && object.metadata.managedFields?.some((entry) => entry.manager?.startsWith('cert-manager')) === true)
const wildcardSecret = (key: string): Signal => touched(['Secret'], (object) => `${title(object)} was written`, (object, { with: own }) => object.metadata.name === own[key])
const route = (change: Change, { with: own, world }: SignalScope): string | undefined => {
  const object = subjectOf(change)
  if (change.kind === 'HTTPRoute') return object.metadata.namespace === own['namespace'] && object.metadata.name === (own['route'] ?? own['host']) ? `${title(object)} was ${change.after === undefined ? 'removed' : change.before === undefined ? 'created' : `written by ${writerOf(change).manager}`}` : undefined
  if (change.kind !== 'EndpointSlice' || own['service'] === undefined || change.after === undefined) return undefined
  return object.metadata.namespace === own['namespace'] && object.metadata.labels?.['kubernetes.io/service-name'] === own['service'] && world.reads('EndpointSlice') ? `Service ${own['namespace']}/${own['service']} has ${objects(change.after, 'endpoints').length === 1 ? 'an endpoint' : `${objects(change.after, 'endpoints').length} endpoints`}` : undefined
}

/** By the name of the check that proves the arrow. Arrows of traffic and of samples have more signals in `flow-signals.ts` and `counters.ts`. */
export const signals: Readonly<Record<string, Signal>> = {
  'change-applied': any(application, applied), 'commit-detected': revision, 'change-computed': compared, 'drift-healed': healed,
  'application-managed': (change, scope) => (change.kind === 'Application' && subjectOf(change).metadata.name === scope.with['application'] ? application(change, scope) ?? compared(change, scope) ?? revision(change, scope) : undefined),
  'directories-monitored': generated, 'application-generated': generated,
  'validated-and-mutated': any(policyEvent, mutated, validated), 'request-validated': any(policyEvent, refused, validated), 'request-mutated': mutated,
  'sync-meets-policy': any(refused, (change, scope) => (applied(change, scope) === undefined ? undefined : validated(change, scope))),
  'reports-served': touched(['PolicyReport', 'ClusterPolicyReport'], (object, change) => `${title(object)} was ${change.before === undefined ? 'written' : 'renewed'}`),
  'secret-read': externalSecret, 'secret-created': secretWritten, 'secret-kept': secretWritten, 'secret-missing': secretAwaited,
  'secret-mounted': podWith(usesSecret, (pod) => `${title(pod)} runs with its Secret`), 'store-configured': touched(['SecretStore', 'ClusterSecretStore'], (object) => `${title(object)} was checked`),
  'vault-operational': any(becomes(['SecretStore', 'ClusterSecretStore'], 'Ready'), becomes(['Pod'], 'Ready', (pod) => pod.metadata.namespace === 'vault-system')),
  'secrets-available': any(becomes(['ExternalSecret'], 'Ready', ({ metadata }) => metadata.namespace === 'argocd'), becomes(['Pod'], 'Ready', ({ metadata }) => metadata.name?.startsWith('argocd-server') === true)),
  'cluster-ready-for-vault': becomes(['Pod'], 'Ready', ({ metadata }) => metadata.namespace === 'vault-system' || metadata.labels?.['k8s-app'] === 'cilium'),
  'cluster-created': becomes(['Node'], 'Ready'), 'application-sets-synced': touched(['ApplicationSet'], (object) => `${title(object)} was seen by its controller`),
  'all-healthy': (change) => { const seen = change.kind === 'Application' ? moved(change, 'status', 'health', 'status') : undefined; return seen === undefined ? undefined : `Application ${subjectOf(change).metadata.name}: ${seen.from === '' ? '' : `${seen.from} → `}${seen.to}` },
  'rolling-update': rolled, 'placed-on': placed, 'daemon-on': placed, 'installed-from-chart': (change, scope) => (change.kind === scope.with['kind'] && named(subjectOf(change), scope) ? workload(change, scope) : undefined),
  'workload-created': workload, 'workload-watched': report, 'images-discovered': report, 'images-scanned': report, 'report-renewed': report, 'report-stored': report, 'platform-scanned': report,
  'workflow-analyses': (change) => { const seen = change.kind === 'Workflow' ? moved(change, 'status', 'phase') : undefined; return seen === undefined ? undefined : `${title(subjectOf(change))}: ${seen.to}` },
  'certificate-requested': any(touched(['Certificate'], (object, change) => `${title(object)} was ${change.before === undefined ? 'requested' : 'written'}`, ({ metadata }) => metadata.ownerReferences?.some((owner) => owner.kind === 'Gateway') === true), touched(['CertificateRequest'], (object) => `${title(object)} asks for a certificate`)),
  'issuer-read': any(touched(['CertificateRequest'], (object) => `${title(object)} names ${words(object, 'spec', 'issuerRef', 'kind')} ${words(object, 'spec', 'issuerRef', 'name')}`), touched(['ClusterIssuer', 'Issuer'], (object) => `${title(object)} was checked`)),
  'signed-by-ca': becomes(['CertificateRequest'], 'Ready'), 'certificate-secret-created': any(tlsSecret, becomes(['Certificate'], 'Ready')), 'certificate-referenced': any(wildcardSecret('secret'), touched(['Gateway'], (object) => `${title(object)} was programmed`)),
  'gateway-presents-certificate': wildcardSecret('secret'), 'https-reaches-gateway': becomes(['Gateway'], 'Programmed'), 'route-attached': route, 'backend-answers': route,
}
