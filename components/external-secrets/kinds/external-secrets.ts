import { defineKind, type Kind } from '@idp/api'
import type { ObjectMeta } from '@idp/formats'

const group = 'external-secrets.io'
const categories = ['external-secrets']

export interface Condition { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }
export interface SecretKeyRef { name: string; namespace?: string; key?: string }
export interface ServiceAccountRef { name: string; namespace?: string; audiences?: string[] }
export interface StoreRef { name: string; kind?: 'SecretStore' | 'ClusterSecretStore' }
export interface GeneratorRef { apiVersion?: string; kind: string; name: string }

export type ConversionStrategy = 'Default' | 'Unicode' | 'None'
export type DecodingStrategy = 'Auto' | 'Base64' | 'Base64URL' | 'None'
/** Are bytes of value zero taken, or an error? Ignore unless given. */
export type NullBytePolicy = 'Ignore' | 'Fail'
/** What is asked of a store; absent fields have upstream's defaults (Default, None, None). */
export interface RemoteRef { key: string; property?: string; version?: string; metadataPolicy?: 'None' | 'Fetch'; conversionStrategy?: ConversionStrategy; decodingStrategy?: DecodingStrategy; nullBytePolicy?: NullBytePolicy }
export interface Find { path?: string; name?: { regexp?: string }; tags?: Record<string, string>; conversionStrategy?: ConversionStrategy; decodingStrategy?: DecodingStrategy; nullBytePolicy?: NullBytePolicy }
export interface Rewrite {
  regexp?: { source: string; target: string }
  transform?: { template: string }
  merge?: { into?: string; priority?: string[]; priorityPolicy?: 'Strict' | 'IgnoreNotFound'; conflictPolicy?: 'Ignore' | 'Error'; strategy?: 'Extract' | 'JSON' }
}
export interface DataFrom { extract?: RemoteRef; find?: Find; rewrite?: Rewrite[]; sourceRef?: { storeRef?: StoreRef; generatorRef?: GeneratorRef } }
export interface DataEntry { secretKey: string; remoteRef: RemoteRef; sourceRef?: { storeRef?: StoreRef; generatorRef?: GeneratorRef } }

export type TemplateTarget = 'Data' | 'Annotations' | 'Labels'
export type TemplateScope = 'Values' | 'KeysAndValues'
export interface TemplateFromRef { name: string; items: { key: string; templateAs?: TemplateScope }[] }
export interface TemplateFrom { configMap?: TemplateFromRef; secret?: TemplateFromRef; literal?: string; target?: TemplateTarget; valuesDecodingStrategy?: DecodingStrategy }
export interface Template {
  type?: string
  engineVersion?: string
  mergePolicy?: 'Replace' | 'Merge'
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string>; finalizers?: string[] }
  data?: Record<string, string>
  templateFrom?: TemplateFrom[]
}
export interface Target { name?: string; creationPolicy?: 'Owner' | 'Orphan' | 'Merge' | 'None'; deletionPolicy?: 'Retain' | 'Delete' | 'Merge'; immutable?: boolean; template?: Template; manifest?: object }
export interface ExternalSecretSpec {
  secretStoreRef?: StoreRef
  target?: Target
  refreshPolicy?: 'Periodic' | 'CreatedOnce' | 'OnChange'
  refreshInterval?: string
  syncWindows?: object
  data?: DataEntry[]
  dataFrom?: DataFrom[]
}
export interface ExternalSecretStatus { refreshTime?: string; syncedResourceVersion?: string; conditions?: Condition[]; binding?: { name: string } }
export interface ExternalSecret { apiVersion: string; kind: string; metadata: ObjectMeta; spec: ExternalSecretSpec; status?: ExternalSecretStatus }
export const ExternalSecret: Kind<ExternalSecret> = defineKind({ group, version: 'v1', kind: 'ExternalSecret', plural: 'externalsecrets', scope: 'Namespaced', shortNames: ['es'], categories, subresources: ['status'] })

export interface NamespaceCondition { namespaces?: string[]; namespaceRegexes?: string[]; namespaceSelector?: { matchLabels?: Record<string, string>; matchExpressions?: { key: string; operator: string; values?: string[] }[] } }
export interface StoreSpec {
  controller?: string
  provider: Record<string, unknown>
  refreshInterval?: number
  retrySettings?: { maxRetries?: number; retryInterval?: string }
  conditions?: NamespaceCondition[]
}
export interface StoreStatus { conditions?: Condition[]; capabilities?: string }
export interface Store { apiVersion: string; kind: string; metadata: ObjectMeta; spec: StoreSpec; status?: StoreStatus }
export const SecretStore: Kind<Store> = defineKind({ group, version: 'v1', kind: 'SecretStore', plural: 'secretstores', scope: 'Namespaced', shortNames: ['ss'], categories, subresources: ['status'] })
export const ClusterSecretStore: Kind<Store> = defineKind({ group, version: 'v1', kind: 'ClusterSecretStore', plural: 'clustersecretstores', scope: 'Cluster', shortNames: ['css'], categories, subresources: ['status'] })

export interface ClusterExternalSecretSpec {
  externalSecretName?: string
  externalSecretMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  externalSecretSpec: ExternalSecretSpec
  namespaceSelector?: NamespaceCondition['namespaceSelector']
  namespaceSelectors?: NonNullable<NamespaceCondition['namespaceSelector']>[]
  namespaces?: string[]
  refreshTime?: string
}
export interface ClusterExternalSecretStatus { externalSecretName?: string; provisionedNamespaces?: string[]; failedNamespaces?: { namespace: string; reason?: string }[]; conditions?: Condition[] }
export interface ClusterExternalSecret { apiVersion: string; kind: string; metadata: ObjectMeta; spec: ClusterExternalSecretSpec; status?: ClusterExternalSecretStatus }
export const ClusterExternalSecret: Kind<ClusterExternalSecret> = defineKind({ group, version: 'v1', kind: 'ClusterExternalSecret', plural: 'clusterexternalsecrets', scope: 'Cluster', shortNames: ['ces'], categories, subresources: ['status'] })

export interface PushData { match: { secretKey?: string; remoteRef: { remoteKey: string; property?: string } }; metadata?: unknown; conversionStrategy?: 'None' | 'ReverseUnicode' }
export interface PushSecretSpec {
  refreshInterval?: string
  secretStoreRefs: (Partial<StoreRef> & { labelSelector?: NamespaceCondition['namespaceSelector'] })[]
  updatePolicy?: 'Replace' | 'IfNotExists'
  deletionPolicy?: 'Delete' | 'None'
  selector: { secret?: { name?: string; selector?: NamespaceCondition['namespaceSelector'] }; generatorRef?: GeneratorRef }
  data?: PushData[]
  dataTo?: object[]
  template?: Template
}
/** What was pushed, by store (`SecretStore/name`) and remote key. */
export type SyncedPushSecrets = Record<string, Record<string, PushData>>
export interface PushSecretStatus { refreshTime?: string; syncedResourceVersion?: string; syncedPushSecrets?: SyncedPushSecrets; conditions?: Condition[] }
export interface PushSecret { apiVersion: string; kind: string; metadata: ObjectMeta; spec: PushSecretSpec; status?: PushSecretStatus }
export const PushSecret: Kind<PushSecret> = defineKind({ group, version: 'v1alpha1', kind: 'PushSecret', plural: 'pushsecrets', scope: 'Namespaced', shortNames: ['ps'], categories, subresources: ['status'] })

export interface ClusterPushSecretSpec {
  pushSecretName?: string
  pushSecretMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  pushSecretSpec: PushSecretSpec
  namespaceSelectors?: NonNullable<NamespaceCondition['namespaceSelector']>[]
  refreshTime?: string
}
export interface ClusterPushSecretStatus { pushSecretName?: string; provisionedNamespaces?: string[]; failedNamespaces?: { namespace: string; reason?: string }[]; conditions?: Condition[] }
export interface ClusterPushSecret { apiVersion: string; kind: string; metadata: ObjectMeta; spec: ClusterPushSecretSpec; status?: ClusterPushSecretStatus }
export const ClusterPushSecret: Kind<ClusterPushSecret> = defineKind({ group, version: 'v1alpha1', kind: 'ClusterPushSecret', plural: 'clusterpushsecrets', scope: 'Cluster', categories, subresources: ['status'] })

/** Annotations and labels of external-secrets.io. */
export const names = {
  dataHash: 'reconcile.external-secrets.io/data-hash', managed: 'reconcile.external-secrets.io/managed', createdBy: 'reconcile.external-secrets.io/created-by',
  finalizer: 'externalsecrets.external-secrets.io/externalsecret-cleanup', forceSync: 'external-secrets.io/force-sync', pushFinalizer: 'pushsecret.externalsecrets.io/finalizer',
} as const
