import { defineKind, type Kind } from '@idp/api'
import type { AnyObject, JsonObject, KubeObject, ObjectMeta } from '@idp/formats'

/** One place manifests come from. Exactly one of `path` and `chart`, unless the source is only named by `ref`. */
export interface ApplicationSource {
  repoURL: string
  path?: string
  targetRevision?: string
  chart?: string
  ref?: string
  name?: string
  directory?: { recurse?: boolean; include?: string; exclude?: string; jsonnet?: JsonObject }
  kustomize?: KustomizeOptions
  helm?: HelmOptions
  plugin?: JsonObject
}

export interface KustomizeOptions {
  namePrefix?: string
  nameSuffix?: string
  namespace?: string
  images?: string[]
  replicas?: { name: string; count: number | string }[]
  commonLabels?: Record<string, string>
  commonAnnotations?: Record<string, string>
  commonAnnotationsEnvsubst?: boolean
  forceCommonLabels?: boolean
  forceCommonAnnotations?: boolean
  labelWithoutSelector?: boolean
  labelIncludeTemplates?: boolean
  patches?: JsonObject[]
  components?: string[]
  ignoreMissingComponents?: boolean
  kubeVersion?: string
  apiVersions?: string[]
  version?: string
}

export interface HelmOptions {
  releaseName?: string
  values?: string
  valuesObject?: JsonObject
  valueFiles?: string[]
  parameters?: { name: string; value?: string; forceString?: boolean }[]
  fileParameters?: { name: string; path: string }[]
  ignoreMissingValueFiles?: boolean
  skipCrds?: boolean
  skipSchemaValidation?: boolean
  skipTests?: boolean
  passCredentials?: boolean
  namespace?: string
  kubeVersion?: string
  apiVersions?: string[]
  version?: string
}

export interface Destination { server?: string; name?: string; namespace?: string }

export interface RetryStrategy { limit?: number; backoff?: { duration?: string; factor?: number; maxDuration?: string } }

export interface SyncPolicy {
  automated?: { enabled?: boolean; prune?: boolean; selfHeal?: boolean; allowEmpty?: boolean }
  syncOptions?: string[]
  retry?: RetryStrategy
  managedNamespaceMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
}

export interface IgnoreDifference {
  group?: string
  kind: string
  name?: string
  namespace?: string
  jsonPointers?: string[]
  jqPathExpressions?: string[]
  managedFieldsManagers?: string[]
}

export interface ApplicationSpec {
  project: string
  source?: ApplicationSource
  sources?: ApplicationSource[]
  destination: Destination
  syncPolicy?: SyncPolicy
  ignoreDifferences?: IgnoreDifference[]
  info?: { name: string; value: string }[]
  revisionHistoryLimit?: number
}

export type SyncStatusCode = 'Synced' | 'OutOfSync' | 'Unknown'
export type HealthStatusCode = 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown'

export interface Health { status?: HealthStatusCode; message?: string; lastTransitionTime?: string }

export interface ResourceStatus {
  group?: string
  version?: string
  kind: string
  namespace?: string
  name: string
  status?: SyncStatusCode
  health?: Health
  hook?: boolean
  requiresPruning?: boolean
  requiresDeletionConfirmation?: boolean
  syncWave?: number
}

export interface ApplicationCondition { type: string; message: string; lastTransitionTime?: string }

export interface SyncOperationResource { group?: string; kind: string; name: string; namespace?: string }

export interface Operation {
  sync?: {
    revision?: string
    revisions?: string[]
    prune?: boolean
    dryRun?: boolean
    syncStrategy?: { apply?: { force?: boolean }; hook?: { force?: boolean } }
    resources?: SyncOperationResource[]
    source?: ApplicationSource
    sources?: ApplicationSource[]
    manifests?: string[]
    syncOptions?: string[]
    autoHealAttemptsCount?: number
  }
  initiatedBy?: { username?: string; automated?: boolean }
  info?: { name: string; value: string }[]
  retry?: RetryStrategy
}

export type OperationPhase = 'Running' | 'Terminating' | 'Failed' | 'Error' | 'Succeeded'
export type ResultCode = 'Synced' | 'SyncFailed' | 'Pruned' | 'PruneSkipped'

/** What a sync did with one object. */
export interface ResourceResult {
  group: string
  version: string
  kind: string
  namespace: string
  name: string
  status?: ResultCode
  message?: string
  hookType?: string
  hookPhase?: OperationPhase
  syncPhase?: string
  images?: string[]
}

export interface OperationState {
  operation: Operation
  phase: OperationPhase
  message?: string
  syncResult?: { resources?: ResourceResult[]; revision: string; revisions?: string[]; source?: ApplicationSource; sources?: ApplicationSource[]; managedNamespaceMetadata?: JsonObject }
  startedAt: string
  finishedAt?: string
  retryCount?: number
}

export interface RevisionHistory {
  id: number
  revision?: string
  revisions?: string[]
  deployedAt: string
  deployStartedAt?: string
  source?: ApplicationSource
  sources?: ApplicationSource[]
  initiatedBy?: { username?: string; automated?: boolean }
}

export interface ApplicationStatus {
  sync?: {
    status: SyncStatusCode
    revision?: string
    revisions?: string[]
    comparedTo?: { source?: ApplicationSource; sources?: ApplicationSource[]; destination: Destination; ignoreDifferences?: IgnoreDifference[] }
  }
  health?: Health
  resources?: ResourceStatus[]
  conditions?: ApplicationCondition[]
  history?: RevisionHistory[]
  operationState?: OperationState
  reconciledAt?: string
  resourceHealthSource?: string
  sourceType?: string
  sourceTypes?: string[]
  summary?: { externalURLs?: string[]; images?: string[] }
  controllerNamespace?: string
}

export interface Application extends KubeObject {
  metadata: ObjectMeta
  spec: ApplicationSpec
  operation?: Operation
  status?: ApplicationStatus
}

/** Has no status subresource, as upstream's: clients write `operation` and annotations, the controller `status`. */
export const Application: Kind<Application> = defineKind({
  group: 'argoproj.io', version: 'v1alpha1', kind: 'Application', plural: 'applications', scope: 'Namespaced', shortNames: ['app', 'apps'],
})

/** Runs in the place of `spec.sources`, whatever form the user chose. */
export function sourcesOf(spec: Pick<ApplicationSpec, 'source' | 'sources'>): readonly ApplicationSource[] {
  return spec.sources !== undefined && spec.sources.length > 0 ? spec.sources : spec.source === undefined ? [] : [spec.source]
}

export function hasMultipleSources(spec: Pick<ApplicationSpec, 'sources'>): boolean {
  return spec.sources !== undefined && spec.sources.length > 0
}

export type LiveObject = AnyObject
