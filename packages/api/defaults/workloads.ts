import type { JsonObject } from '@idp/formats'
import { child, ensure, fill, items } from './fields.ts'
import { defaultPodSpec } from './pod.ts'

function template(spec: JsonObject): void {
  defaultPodSpec(ensure(ensure(spec, 'template'), 'spec'))
}

export function defaultDeployment(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'replicas', 1)
  const strategy = ensure(spec, 'strategy')
  fill(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensure(strategy, 'rollingUpdate')
    fill(rolling, 'maxUnavailable', '25%')
    fill(rolling, 'maxSurge', '25%')
  }
  fill(spec, 'revisionHistoryLimit', 10)
  fill(spec, 'progressDeadlineSeconds', 600)
  template(spec)
}

export function defaultReplicaSet(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'replicas', 1)
  template(spec)
}

export function defaultDaemonSet(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  const strategy = ensure(spec, 'updateStrategy')
  fill(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensure(strategy, 'rollingUpdate')
    fill(rolling, 'maxUnavailable', 1)
    fill(rolling, 'maxSurge', 0)
  }
  fill(spec, 'revisionHistoryLimit', 10)
  template(spec)
}

export function defaultStatefulSet(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'podManagementPolicy', 'OrderedReady')
  const strategy = ensure(spec, 'updateStrategy')
  fill(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') fill(ensure(strategy, 'rollingUpdate'), 'partition', 0)
  const retention = ensure(spec, 'persistentVolumeClaimRetentionPolicy')
  fill(retention, 'whenDeleted', 'Retain')
  fill(retention, 'whenScaled', 'Retain')
  fill(spec, 'replicas', 1)
  fill(spec, 'revisionHistoryLimit', 10)
  template(spec)
  for (const claim of items(spec, 'volumeClaimTemplates')) {
    fill(claim, 'apiVersion', 'v1')
    fill(claim, 'kind', 'PersistentVolumeClaim')
    defaultClaim(claim)
  }
}

export function defaultClaim(claim: JsonObject): void {
  fill(ensure(claim, 'spec'), 'volumeMode', 'Filesystem')
  fill(ensure(claim, 'status'), 'phase', 'Pending')
}

export function defaultJob(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  if (spec.completions === undefined && spec.parallelism === undefined) fill(spec, 'completions', 1)
  fill(spec, 'parallelism', 1)
  fill(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : 2147483647)
  fill(spec, 'completionMode', 'NonIndexed')
  fill(spec, 'suspend', false)
  fill(spec, 'manualSelector', false)
  fill(spec, 'podReplacementPolicy', spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed')
  for (const rule of items(child(spec, 'podFailurePolicy'), 'rules')) for (const pattern of items(rule, 'onPodConditions')) fill(pattern, 'status', 'True')
  template(spec)
  const labels = child(spec, 'template', 'metadata', 'labels')
  const meta = ensure(object, 'metadata')
  if (labels && Object.keys(child(meta, 'labels') ?? {}).length === 0) meta.labels = { ...labels }
}

export function defaultCronJob(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'concurrencyPolicy', 'Allow')
  fill(spec, 'suspend', false)
  fill(spec, 'successfulJobsHistoryLimit', 3)
  fill(spec, 'failedJobsHistoryLimit', 1)
  template(ensure(ensure(spec, 'jobTemplate'), 'spec'))
}

export function defaultReplicationController(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'replicas', 1)
  template(spec)
  const labels = child(spec, 'template', 'metadata', 'labels')
  if (!labels) return
  const meta = ensure(object, 'metadata')
  if (Object.keys(child(spec, 'selector') ?? {}).length === 0) spec.selector = { ...labels }
  if (Object.keys(child(meta, 'labels') ?? {}).length === 0) meta.labels = { ...labels }
}

/**
 * Gives a Job the selector and the pod labels that the server generates from its uid, unless `manualSelector` is true. To be called on
 * create, when `metadata.uid` is set.
 */
export function generateJobSelector(job: JsonObject): void {
  const spec = ensure(job, 'spec')
  if (spec.manualSelector === true) return
  const meta = ensure(job, 'metadata')
  const uid = String(meta.uid ?? '')
  const labels = ensure(ensure(ensure(spec, 'template'), 'metadata'), 'labels')
  for (const prefix of ['', 'batch.kubernetes.io/']) {
    fill(labels, `${prefix}controller-uid`, uid)
    fill(labels, `${prefix}job-name`, String(meta.name ?? ''))
  }
  fill(ensure(ensure(spec, 'selector'), 'matchLabels'), 'batch.kubernetes.io/controller-uid', uid)
}
