import { isKnownKind } from './known-kinds.ts'

/** What a strategic merge must know of a field: its members, and for lists that merge, the keys of their elements. */
export interface ListMergeSchema {
  readonly fields?: Readonly<Record<string, ListMergeSchema>>
  /** Merge keys of a list that merges; empty for one of plain values. Absent: the list is replaced. */
  readonly mergeKeys?: readonly string[]
  readonly items?: ListMergeSchema
  /** For maps with any key. */
  readonly values?: ListMergeSchema
}

const keyed = (mergeKeys: readonly string[], fields?: ListMergeSchema['fields']): ListMergeSchema => ({ mergeKeys, items: fields === undefined ? {} : { fields } })
const object = (fields: NonNullable<ListMergeSchema['fields']>): ListMergeSchema => ({ fields })

const metadata = object({ finalizers: { mergeKeys: [] }, ownerReferences: keyed(['uid']) })
const conditions = object({ conditions: keyed(['type']) })
const mounts = { env: keyed(['name']), volumeDevices: keyed(['devicePath']), volumeMounts: keyed(['mountPath']) }
const container = { ...mounts, ports: keyed(['containerPort', 'protocol']) }
const podSpec = object({
  containers: keyed(['name'], container),
  initContainers: keyed(['name'], container),
  ephemeralContainers: keyed(['name'], mounts),
  hostAliases: keyed(['ip']),
  imagePullSecrets: keyed(['name']),
  topologySpreadConstraints: keyed(['topologyKey', 'whenUnsatisfiable']),
  volumes: keyed(['name'], { ephemeral: object({ volumeClaimTemplate: object({ metadata }) }) }),
})
const podTemplate = object({ metadata, spec: podSpec })
const workload = object({ metadata, spec: object({ template: podTemplate }), status: conditions })
const cronJob = object({ metadata, spec: object({ jobTemplate: object({ metadata, spec: object({ template: podTemplate }) }) }) })
const webhooks = object({ metadata, webhooks: keyed(['name']) })
const withConditions = object({ metadata, status: conditions })
const plain = object({ metadata })

const SPECIAL: Readonly<Record<string, ListMergeSchema>> = {
  Deployment: workload, DaemonSet: workload, ReplicaSet: workload, StatefulSet: workload, ReplicationController: workload, Job: workload,
  CronJob: cronJob,
  Pod: object({ metadata, spec: podSpec, status: object({ conditions: keyed(['type']), podIPs: keyed(['ip']) }) }),
  PodTemplate: object({ metadata, template: podTemplate }),
  Service: object({ metadata, spec: object({ ports: keyed(['port', 'protocol']) }), status: conditions }),
  ServiceAccount: object({ metadata, secrets: keyed(['name']) }),
  MutatingWebhookConfiguration: webhooks, ValidatingWebhookConfiguration: webhooks,
  CSINode: object({ metadata, spec: object({ drivers: keyed(['name']) }) }),
  ComponentStatus: object({ metadata, conditions: keyed(['type']) }),
  Node: object({ metadata, spec: object({ podCIDRs: { mergeKeys: [] } }), status: object({ addresses: keyed(['type']), conditions: keyed(['type']) }) }),
  Namespace: withConditions, PersistentVolumeClaim: withConditions, PodDisruptionBudget: withConditions, APIService: withConditions,
}

/** The merge rules of a built-in kind, or undefined for a kind that is not known: its lists are replaced. */
export function listMergeSchema(apiVersion: string, kind: string): ListMergeSchema | undefined {
  return isKnownKind(apiVersion, kind) ? (SPECIAL[kind] ?? plain) : undefined
}
