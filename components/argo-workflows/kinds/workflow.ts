import { defineKind, type Kind } from '@idp/api'
import type { AnyObject, Json, JsonObject, KubeObject } from '@idp/formats'

export interface ValueFrom { path?: string; jsonPath?: string; jqFilter?: string; parameter?: string; expression?: string; default?: Json; supplied?: JsonObject; configMapKeyRef?: { name: string; key: string; optional?: boolean } }
export interface Parameter { name: string; value?: Json; default?: Json; valueFrom?: ValueFrom; globalName?: string; enum?: Json[]; description?: string }
export interface Artifact { name: string; path?: string; optional?: boolean; raw?: { data: string }; [field: string]: unknown }
export interface Arguments { parameters?: Parameter[]; artifacts?: Artifact[] }
export interface Outputs { parameters?: Parameter[]; artifacts?: Artifact[]; result?: string; exitCode?: string }
export interface RetryStrategy {
  limit?: number | string
  retryPolicy?: 'Always' | 'OnFailure' | 'OnError' | 'OnTransientError'
  backoff?: { duration?: string; factor?: number | string; maxDuration?: string; cap?: string }
  expression?: string
}
export interface ContinueOn { failed?: boolean; error?: boolean }
export interface Sequence { count?: number | string; start?: number | string; end?: number | string; format?: string }
export interface TemplateRef { name: string; template: string; clusterScope?: boolean }

/** A step of `steps` or a task of `dag`. */
export interface Step {
  name: string
  template?: string
  templateRef?: TemplateRef
  inline?: Template
  arguments?: Arguments
  withItems?: Json[]
  withParam?: string
  withSequence?: Sequence
  when?: string
  continueOn?: ContinueOn
  onExit?: string
  hooks?: JsonObject
  dependencies?: string[]
  depends?: string
}

export interface ContainerTemplate { name?: string; image: string; command?: string[]; args?: string[]; env?: JsonObject[]; volumeMounts?: { name: string; mountPath: string; readOnly?: boolean; subPath?: string }[]; [field: string]: unknown }
export interface ResourceTemplate { action: 'get' | 'create' | 'apply' | 'delete' | 'replace' | 'patch'; manifest?: string; successCondition?: string; failureCondition?: string; mergeStrategy?: 'merge' | 'strategic' | 'json'; setOwnerReference?: boolean; flags?: string[] }
export interface HttpTemplate { url: string; method?: string; headers?: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[]; body?: string; successCondition?: string; timeoutSeconds?: number; insecureSkipVerify?: boolean }

export interface Template {
  name?: string
  inputs?: { parameters?: Parameter[]; artifacts?: Artifact[] }
  outputs?: Outputs
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  container?: ContainerTemplate
  script?: ContainerTemplate & { source: string }
  steps?: Step[][]
  dag?: { tasks: Step[]; target?: string; failFast?: boolean }
  suspend?: { duration?: string | number }
  resource?: ResourceTemplate
  http?: HttpTemplate
  retryStrategy?: RetryStrategy
  activeDeadlineSeconds?: number | string
  timeout?: string
  parallelism?: number
  failFast?: boolean
  volumes?: JsonObject[]
  sidecars?: ContainerTemplate[]
  initContainers?: ContainerTemplate[]
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  nodeSelector?: Record<string, string>
  tolerations?: JsonObject[]
  affinity?: JsonObject
  priorityClassName?: string
  schedulerName?: string
  podSpecPatch?: string
  securityContext?: JsonObject
  [field: string]: unknown
}

export interface WorkflowSpec {
  entrypoint?: string
  templates?: Template[]
  arguments?: Arguments
  workflowTemplateRef?: { name: string; clusterScope?: boolean }
  templateDefaults?: Template
  onExit?: string
  parallelism?: number
  activeDeadlineSeconds?: number
  serviceAccountName?: string
  automountServiceAccountToken?: boolean
  executor?: { serviceAccountName?: string }
  suspend?: boolean
  shutdown?: 'Stop' | 'Terminate' | ''
  volumes?: JsonObject[]
  volumeClaimTemplates?: AnyObject[]
  nodeSelector?: Record<string, string>
  tolerations?: JsonObject[]
  affinity?: JsonObject
  imagePullSecrets?: { name: string }[]
  podPriorityClassName?: string
  priority?: number
  securityContext?: JsonObject
  hostNetwork?: boolean
  podMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  workflowMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  podGC?: { strategy?: 'OnPodCompletion' | 'OnPodSuccess' | 'OnWorkflowCompletion' | 'OnWorkflowSuccess'; labelSelector?: JsonObject; deleteDelayDuration?: string }
  ttlStrategy?: { secondsAfterCompletion?: number; secondsAfterSuccess?: number; secondsAfterFailure?: number }
  retryStrategy?: RetryStrategy
  [field: string]: unknown
}

export type NodePhase = 'Pending' | 'Running' | 'Succeeded' | 'Skipped' | 'Failed' | 'Error' | 'Omitted'
export type NodeType = 'Pod' | 'Steps' | 'StepGroup' | 'DAG' | 'TaskGroup' | 'Retry' | 'Skipped' | 'Suspend' | 'HTTP'

/** One node of `status.nodes`: a pod, or what groups pods. */
export interface Node {
  id: string
  name: string
  displayName: string
  type: NodeType
  templateName?: string
  templateRef?: TemplateRef
  templateScope?: string
  phase: NodePhase
  boundaryID?: string
  message?: string
  startedAt?: string
  finishedAt?: string
  progress?: string
  children?: string[]
  outboundNodes?: string[]
  inputs?: { parameters?: Parameter[] }
  outputs?: Outputs
  hostNodeName?: string
  [field: string]: unknown
}

export interface WorkflowStatus {
  phase?: '' | 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Error'
  startedAt?: string | null
  finishedAt?: string | null
  estimatedDuration?: number
  progress?: string
  message?: string
  nodes?: Record<string, Node>
  storedTemplates?: Record<string, Template>
  storedWorkflowTemplateSpec?: WorkflowSpec
  conditions?: { type: string; status?: string; message?: string }[]
  outputs?: Outputs
  persistentVolumeClaims?: JsonObject[]
  artifactRepositoryRef?: JsonObject
  [field: string]: unknown
}

export interface Workflow extends KubeObject { spec: WorkflowSpec; status?: WorkflowStatus }
export interface WorkflowTemplate extends KubeObject { spec: WorkflowSpec }
export interface CronWorkflow extends KubeObject {
  spec: {
    workflowSpec: WorkflowSpec
    workflowMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
    schedule?: string
    schedules?: string[]
    timezone?: string
    suspend?: boolean
    concurrencyPolicy?: 'Allow' | 'Forbid' | 'Replace'
    startingDeadlineSeconds?: number
    successfulJobsHistoryLimit?: number
    failedJobsHistoryLimit?: number
    when?: string
    stopStrategy?: JsonObject
  }
  status?: { active?: JsonObject[]; lastScheduledTime?: string; conditions?: { type: string; status: string; message?: string }[]; succeeded?: number; failed?: number; phase?: string }
}
/** What the executor in a step's pod reports. */
export interface WorkflowTaskResult extends KubeObject { phase?: NodePhase; message?: string; outputs?: Outputs }

const kind = <T extends KubeObject>(name: string, plural: string, shortNames: string[], scope: 'Namespaced' | 'Cluster' = 'Namespaced'): Kind<T> => defineKind({ group: 'argoproj.io', version: 'v1alpha1', kind: name, plural, scope, shortNames })
export const WorkflowKind: Kind<Workflow> = kind('Workflow', 'workflows', ['wf'])
export const WorkflowTemplateKind: Kind<WorkflowTemplate> = kind('WorkflowTemplate', 'workflowtemplates', ['wftmpl'])
export const ClusterWorkflowTemplateKind: Kind<WorkflowTemplate> = kind('ClusterWorkflowTemplate', 'clusterworkflowtemplates', ['clusterwftmpl', 'cwft'], 'Cluster')
export const CronWorkflowKind: Kind<CronWorkflow> = kind('CronWorkflow', 'cronworkflows', ['cwf', 'cronwf'])
export const WorkflowTaskResultKind: Kind<WorkflowTaskResult> = kind('WorkflowTaskResult', 'workflowtaskresults', [])
