import type {
  APIService, CertificateSigningRequest, ClusterRoleBinding, ConfigMap, Event, EventsV1Event, FlowSchema, Lease, MutatingWebhookConfiguration, Namespace, Node, PriorityClass,
  PriorityLevelConfiguration, ResourceQuota, RoleBinding, RuntimeClass, Secret, ServiceAccount, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
} from '../kinds/index.ts'
import { ageColumn, column, integer, nameColumn, none, type PrinterColumn, unset, wide } from './column.ts'
import { humanDuration, since } from './human-duration.ts'

export const namespaceColumns: readonly PrinterColumn<Namespace>[] = [nameColumn, column('Status', ({ status }) => status?.phase ?? ''), ageColumn]

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return spec?.unschedulable === true ? `${state},SchedulingDisabled` : state
}

const rolePrefix = 'node-role.kubernetes.io/'

function nodeRoles({ metadata: { labels = {} } }: Node): string {
  const roles = Object.entries(labels).flatMap(([name, value]) => name.startsWith(rolePrefix) && name.length > rolePrefix.length ? [name.slice(rolePrefix.length)] : name === 'kubernetes.io/role' && value !== '' ? [value] : [])
  return roles.length === 0 ? none : [...new Set(roles)].sort().join(',')
}

const address = (type: string) => ({ status }: Node) => status?.addresses?.find((entry) => entry.type === type)?.address ?? none
const orUnknown = (text: string | undefined) => text === undefined || text === '' ? '<unknown>' : text

export const nodeColumns: readonly PrinterColumn<Node>[] = [
  nameColumn, column('Status', nodeStatus), column('Roles', nodeRoles), ageColumn, column('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  wide('Internal-IP', address('InternalIP')), wide('External-IP', address('ExternalIP')), wide('OS-Image', ({ status }) => orUnknown(status?.nodeInfo?.osImage)),
  wide('Kernel-Version', ({ status }) => orUnknown(status?.nodeInfo?.kernelVersion)), wide('Container-Runtime', ({ status }) => orUnknown(status?.nodeInfo?.containerRuntimeVersion)),
]

export const secretColumns: readonly PrinterColumn<Secret>[] = [nameColumn, column('Type', ({ type }) => type ?? ''), integer('Data', ({ data }) => Object.keys(data ?? {}).length), ageColumn]
export const configMapColumns: readonly PrinterColumn<ConfigMap>[] = [nameColumn, integer('Data', ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length), ageColumn]
export const serviceAccountColumns: readonly PrinterColumn<ServiceAccount>[] = [nameColumn, integer('Secrets', ({ secrets }) => secrets?.length ?? 0), ageColumn]

interface EventFacts { first: string | undefined; last: string | undefined; count: number; object: { kind?: string; name?: string; fieldPath?: string } | undefined; source: string; message: string; type: string; reason: string }

function coreEvent(event: Event): EventFacts {
  const first = event.firstTimestamp ?? event.eventTime
  const source = event.source?.component ? [event.source.component, event.source.host].filter(Boolean).join(', ') : [event.reportingComponent, event.reportingInstance].filter(Boolean).join(', ')
  return { first, last: event.series?.lastObservedTime ?? event.lastTimestamp ?? first, count: (event.series?.count ?? event.count ?? 1) || 1, object: event.involvedObject, source, message: event.message ?? '', type: event.type ?? '', reason: event.reason ?? '' }
}

function newEvent(event: EventsV1Event): EventFacts {
  const first = event.deprecatedFirstTimestamp ?? event.eventTime
  const source = [event.deprecatedSource?.component ?? event.reportingController, event.deprecatedSource?.host].filter(Boolean).join(', ')
  return { first, last: event.series?.lastObservedTime ?? event.deprecatedLastTimestamp ?? first, count: (event.series?.count ?? event.deprecatedCount ?? 1) || 1, object: event.regarding, source, message: event.note ?? '', type: event.type ?? '', reason: event.reason ?? '' }
}

function eventColumnsOf<T extends Event | EventsV1Event>(facts: (event: T) => EventFacts): PrinterColumn<T>[] {
  return [
    column('Last Seen', (event, now) => since(facts(event).last, now)), column('Type', (event) => facts(event).type), column('Reason', (event) => facts(event).reason),
    column('Object', (event) => { const { object } = facts(event); return object?.name ? `${(object.kind ?? '').toLowerCase()}/${object.name}` : (object?.kind ?? '').toLowerCase() }),
    wide('Subobject', (event) => facts(event).object?.fieldPath ?? ''), wide('Source', (event) => facts(event).source), column('Message', (event) => facts(event).message.trim()),
    wide('First Seen', (event, now) => since(facts(event).first, now)), wide('Count', (event) => facts(event).count), { ...nameColumn, priority: 1 },
  ]
}

export const eventColumns = eventColumnsOf<Event>(coreEvent)
export const newEventColumns = eventColumnsOf<EventsV1Event>(newEvent)

type Binding = RoleBinding | ClusterRoleBinding
const subjects = (kind: string, text: (subject: { name: string; namespace?: string }) => string) => ({ subjects: list = [] }: Binding) => list.filter((subject) => subject.kind === kind).map(text).join(', ')

export const bindingColumns: readonly PrinterColumn<Binding>[] = [
  nameColumn, column('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`), ageColumn, wide('Users', subjects('User', ({ name }) => name)), wide('Groups', subjects('Group', ({ name }) => name)),
  wide('ServiceAccounts', subjects('ServiceAccount', ({ namespace = '', name }) => `${namespace}/${name}`)),
]

export const leaseColumns: readonly PrinterColumn<Lease>[] = [nameColumn, column('Holder', ({ spec }) => spec.holderIdentity ?? ''), ageColumn]
export const priorityClassColumns: readonly PrinterColumn<PriorityClass>[] = [
  nameColumn, integer('Value', ({ value }) => value ?? 0), column('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }), ageColumn, column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? 'PreemptLowerPriority'),
]
export const runtimeClassColumns: readonly PrinterColumn<RuntimeClass>[] = [nameColumn, column('Handler', ({ handler }) => handler), ageColumn]

function quotaText({ spec, status }: ResourceQuota, limits: boolean): string {
  const hard = status?.hard ?? spec.hard ?? {}
  return Object.keys(hard).filter((name) => name.startsWith('limits.') === limits).sort().map((name) => `${name}: ${status?.used?.[name] ?? 0}/${hard[name]}`).join(', ')
}
export const quotaColumns: readonly PrinterColumn<ResourceQuota>[] = [nameColumn, column('Request', (quota) => quotaText(quota, false)), column('Limit', (quota) => quotaText(quota, true)), ageColumn]

export const webhookColumns: readonly PrinterColumn<MutatingWebhookConfiguration>[] = [nameColumn, integer('Webhooks', ({ webhooks }) => webhooks?.length ?? 0), ageColumn]
export const admissionPolicyColumns: readonly PrinterColumn<ValidatingAdmissionPolicy>[] = [
  nameColumn, integer('Validations', ({ spec }) => spec.validations?.length ?? 0), column('ParamKind', ({ spec: { paramKind } }) => paramKind === undefined ? unset : `${paramKind.apiVersion}/${paramKind.kind}`), ageColumn,
]
export const admissionPolicyBindingColumns: readonly PrinterColumn<ValidatingAdmissionPolicyBinding>[] = [
  nameColumn, column('PolicyName', ({ spec }) => spec.policyName ?? ''), column('ParamRef', ({ spec: { paramRef } }) => paramRef === undefined ? unset : paramRef.name === undefined ? '*' : `${paramRef.namespace ?? '*'}/${paramRef.name}`), ageColumn,
]

function requestState({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type))
  const state = ['Denied', 'Approved'].find((type) => types.has(type)) ?? 'Pending'
  return `${state}${types.has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`
}
export const signingRequestColumns: readonly PrinterColumn<CertificateSigningRequest>[] = [
  nameColumn, ageColumn, column('SignerName', ({ spec }) => spec.signerName), column('Requestor', ({ spec }) => spec.username ?? ''),
  column('RequestedDuration', ({ spec }) => spec.expirationSeconds === undefined ? none : humanDuration(spec.expirationSeconds * 1000)), column('Condition', requestState),
]

export const apiServiceColumns: readonly PrinterColumn<APIService>[] = [
  nameColumn, column('Service', ({ spec: { service } }) => service === undefined || service === null ? 'Local' : `${service.namespace}/${service.name}`),
  column('Available', ({ status }) => { const available = status?.conditions?.find(({ type }) => type === 'Available'); return available === undefined ? 'Unknown' : available.status === 'True' ? 'True' : `${available.status} (${available.reason ?? ''})` }), ageColumn,
]

export const flowSchemaColumns: readonly PrinterColumn<FlowSchema>[] = [
  nameColumn, column('PriorityLevel', ({ spec }) => spec.priorityLevelConfiguration.name), integer('MatchingPrecedence', ({ spec }) => spec.matchingPrecedence ?? 0), column('DistinguisherMethod', ({ spec }) => spec.distinguisherMethod?.type ?? none), ageColumn,
  column('MissingPL', ({ status }) => { const dangling = status?.conditions?.find(({ type }) => type === 'Dangling'); return dangling === undefined ? '?' : dangling.status ?? '?' }),
]

export const priorityLevelColumns: readonly PrinterColumn<PriorityLevelConfiguration>[] = [
  nameColumn, column('Type', ({ spec }) => spec.type), column('NominalConcurrencyShares', ({ spec }) => spec.limited?.nominalConcurrencyShares ?? spec.exempt?.nominalConcurrencyShares ?? none),
  column('Queues', ({ spec }) => spec.limited?.limitResponse?.queuing?.queues ?? none), column('HandSize', ({ spec }) => spec.limited?.limitResponse?.queuing?.handSize ?? none),
  column('QueueLengthLimit', ({ spec }) => spec.limited?.limitResponse?.queuing?.queueLengthLimit ?? none), ageColumn,
]
