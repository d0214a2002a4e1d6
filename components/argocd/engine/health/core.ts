import { conditionsOf, fields, rows, specOf, statusOf, verdict, type Condition, type HealthCheck } from './verdict.ts'

export const persistentVolumeClaim: HealthCheck = (object) => {
  switch (statusOf(object)['phase']) {
    case 'Lost': return verdict('Degraded')
    case 'Pending': return verdict('Progressing')
    case 'Bound': return verdict('Healthy')
    default: return verdict('Unknown')
  }
}

const hasAddress: (object: Parameters<HealthCheck>[0]) => boolean = (object) => rows(fields(statusOf(object)['loadBalancer'])['ingress']).length > 0

export const service: HealthCheck = (object) => verdict(specOf(object)['type'] !== 'LoadBalancer' || hasAddress(object) ? 'Healthy' : 'Progressing')

export const ingress: HealthCheck = (object) => verdict(hasAddress(object) ? 'Healthy' : 'Progressing')

const failedScaling = new Set([
  'AbleToScale/FailedGetScale', 'AbleToScale/FailedUpdateScale', 'ScalingActive/FailedGetResourceMetric', 'ScalingActive/FailedGetObjectMetric', 'ScalingActive/FailedGetPodsMetric',
  'ScalingActive/FailedGetExternalMetric', 'ScalingActive/FailedComputeMetricsReplicas', 'ScalingActive/InvalidSelector',
])

export const horizontalPodAutoscaler: HealthCheck = (object) => {
  const conditions = object.apiVersion === 'autoscaling/v1' ? annotatedConditions(object.metadata.annotations) : conditionsOf(object)
  const failed = conditions.find((one) => failedScaling.has(`${one.type ?? ''}/${one.reason ?? ''}`))
  if (failed !== undefined) return verdict('Degraded', failed.message)
  const good = conditions.find((one) => (one.type === 'AbleToScale' || one.type === 'ScalingLimited') && one.status === 'True')
  return good === undefined ? verdict('Progressing', 'Waiting to Autoscale') : verdict('Healthy', good.message)
}

function annotatedConditions(annotations: Readonly<Record<string, string>> | undefined): readonly Condition[] {
  const text = annotations?.['autoscaling.alpha.kubernetes.io/conditions']
  if (text === undefined) return []
  try {
    return rows<Condition>(JSON.parse(text))
  } catch {
    // Written by the API server; anybody may overwrite it with something that says nothing.
    return []
  }
}

export const apiService: HealthCheck = (object) => {
  const available = conditionsOf(object).find((one) => one.type === 'Available')
  if (available === undefined) return verdict('Progressing', 'Waiting to be processed')
  return verdict(available.status === 'True' ? 'Healthy' : 'Progressing', `${available.reason ?? ''}: ${available.message ?? ''}`)
}

export const customResourceDefinition: HealthCheck = (object) => {
  const conditions = conditionsOf(object)
  if (conditions.length === 0) return verdict('Progressing', 'Status conditions not found')
  const of = (type: string): Condition | undefined => conditions.find((one) => one.type === type)
  if (of('NamesAccepted')?.status === 'False') return verdict('Degraded', `CRD names have not been accepted: ${of('NamesAccepted')?.message ?? ''}`)
  if (of('NonStructuralSchema')?.status === 'True') return verdict('Degraded', `Schema violations found: ${of('NonStructuralSchema')?.message ?? ''}`)
  const established = of('Established')
  if (established?.status === 'True') return verdict('Healthy', 'CRD is healthy')
  return established?.reason === 'Installing' ? verdict('Progressing', 'CRD is being installed') : verdict('Degraded', 'CRD is not established')
}

export const podDisruptionBudget: HealthCheck = (object) => {
  const conditions = conditionsOf(object)
  const bad = conditions.find((one) => one.status === 'False' && one.reason !== 'InsufficientPods')
  if (bad !== undefined) return verdict('Degraded', `PodDisruptionBudget has ${bad.reason ?? ''}`)
  const last = conditions.at(-1)
  return last === undefined ? verdict('Progressing', 'Waiting for status') : verdict('Healthy', `PodDisruptionBudget has ${last.reason ?? ''}`)
}
