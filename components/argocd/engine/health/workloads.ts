import { conditionsOf, count, fields, isObserved, rows, specOf, statusOf, verdict, type HealthCheck } from './verdict.ts'

const rollout = 'Waiting for rollout to finish'

export const deployment: HealthCheck = (object) => {
  const [spec, status] = [specOf(object), statusOf(object)]
  if (spec['paused'] === true) return verdict('Suspended', 'Deployment is paused')
  if (!isObserved(object)) return verdict('Progressing', `${rollout}: observed deployment generation less than desired generation`)
  const progressing = conditionsOf(object).find((one) => one.type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return verdict('Degraded', `Deployment "${object.metadata.name ?? ''}" exceeded its progress deadline`)
  const [wanted, updated, all, available] = [count(spec, 'replicas'), count(status, 'updatedReplicas'), count(status, 'replicas'), count(status, 'availableReplicas')]
  if (updated < wanted) return verdict('Progressing', `${rollout}: ${updated} out of ${wanted} new replicas have been updated...`)
  if (all > updated) return verdict('Progressing', `${rollout}: ${all - updated} old replicas are pending termination...`)
  if (available < updated) return verdict('Progressing', `${rollout}: ${available} of ${updated} updated replicas are available...`)
  return verdict('Healthy')
}

export const replicaSet: HealthCheck = (object) => {
  if (!isObserved(object)) return verdict('Progressing', `${rollout}: observed replica set generation less than desired generation`)
  const failure = conditionsOf(object).find((one) => one.type === 'ReplicaFailure' && one.status === 'True')
  if (failure !== undefined) return verdict('Degraded', failure.message)
  const [wanted, available] = [count(specOf(object), 'replicas'), count(statusOf(object), 'availableReplicas')]
  if (available < wanted) return verdict('Progressing', `${rollout}: ${available} out of ${wanted} new replicas are available...`)
  return verdict('Healthy')
}

export const statefulSet: HealthCheck = (object) => {
  const [spec, status] = [specOf(object), statusOf(object)]
  if (count(status, 'observedGeneration') === 0 || !isObserved(object)) return verdict('Progressing', 'Waiting for statefulset spec update to be observed...')
  const [wanted, ready, updated] = [count(spec, 'replicas'), count(status, 'readyReplicas'), count(status, 'updatedReplicas')]
  if (ready < wanted) return verdict('Progressing', `Waiting for ${wanted - ready} pods to be ready...`)
  const strategy = fields(spec['updateStrategy'])
  const partition = fields(strategy['rollingUpdate'])['partition']
  if (strategy['type'] === 'RollingUpdate' && typeof partition === 'number') {
    if (updated < wanted - partition) return verdict('Progressing', `Waiting for partitioned roll out to finish: ${updated} out of ${wanted - partition} new pods have been updated...`)
    return verdict('Healthy', `partitioned roll out complete: ${updated} new pods have been updated...`)
  }
  if (strategy['type'] === 'OnDelete') return verdict('Healthy', `statefulset has ${ready} ready pods`)
  if (status['updateRevision'] !== status['currentRevision']) return verdict('Progressing', `waiting for statefulset rolling update to complete ${updated} pods at revision ${String(status['updateRevision'])}...`)
  return verdict('Healthy', `statefulset rolling update complete ${count(status, 'currentReplicas')} pods at revision ${String(status['currentRevision'])}...`)
}

export const daemonSet: HealthCheck = (object) => {
  const status = statusOf(object)
  const name = object.metadata.name ?? ''
  if (!isObserved(object)) return verdict('Progressing', `${rollout}: observed daemon set generation less than desired generation`)
  const [wanted, updated, available] = [count(status, 'desiredNumberScheduled'), count(status, 'updatedNumberScheduled'), count(status, 'numberAvailable')]
  if (fields(specOf(object)['updateStrategy'])['type'] === 'OnDelete') return verdict('Healthy', `daemon set ${updated} out of ${wanted} new pods have been updated`)
  if (updated < wanted) return verdict('Progressing', `Waiting for daemon set "${name}" rollout to finish: ${updated} out of ${wanted} new pods have been updated...`)
  if (available < wanted) return verdict('Progressing', `Waiting for daemon set "${name}" rollout to finish: ${available} of ${wanted} updated pods are available...`)
  return verdict('Healthy')
}

export const job: HealthCheck = (object) => {
  const conditions = conditionsOf(object)
  const failed = conditions.find((one) => one.type === 'Failed' && one.status !== 'False')
  if (failed !== undefined) return verdict('Degraded', failed.message)
  const complete = conditions.find((one) => one.type === 'Complete' && one.status !== 'False')
  if (complete !== undefined) return verdict('Healthy', complete.message)
  const suspended = conditions.find((one) => one.type === 'Suspended' && one.status === 'True')
  return suspended === undefined ? verdict('Progressing') : verdict('Suspended', suspended.message)
}

export const cronJob: HealthCheck = (object) => {
  const status = statusOf(object)
  if (specOf(object)['suspend'] === true) return verdict('Suspended', 'CronJob is Suspended')
  const [last, succeeded] = [status['lastScheduleTime'], status['lastSuccessfulTime']]
  if (typeof last !== 'string') return verdict('Healthy', 'CronJob has not been scheduled yet')
  if (typeof succeeded !== 'string') return verdict('Healthy', 'The CronJob never completed successfully. It may not be healthy')
  if (rows(status['active']).length > 0) return verdict('Healthy', 'The job is running. Its last execution may not have been successful')
  return succeeded < last ? verdict('Degraded', 'CronJob has not completed its last execution successfully') : verdict('Healthy', 'CronJob has completed its last execution successfully')
}

interface ContainerStatus { name?: string; state?: { waiting?: { reason?: string; message?: string }; terminated?: { reason?: string; message?: string; exitCode?: number } }; lastState?: { terminated?: unknown } }

const isFailing = (reason: string): boolean => reason.startsWith('Err') || reason.endsWith('Error') || reason.endsWith('BackOff')

export const pod: HealthCheck = (object) => {
  const status = statusOf(object)
  const containers = rows<ContainerStatus>(status['containerStatuses'])
  const runsAlways = (specOf(object)['restartPolicy'] ?? 'Always') === 'Always'
  const message = typeof status['message'] === 'string' ? status['message'] : undefined
  const failing = containers.map((one) => one.state?.waiting).filter((waiting) => waiting !== undefined && isFailing(waiting.reason ?? ''))
  if (runsAlways && failing.length > 0) return verdict('Degraded', failing.map((waiting) => waiting?.message ?? '').join(', '))
  switch (status['phase']) {
    case 'Pending': return verdict('Progressing', message)
    case 'Succeeded': return verdict('Healthy', message)
    case 'Failed': return verdict('Degraded', message ?? [...rows<ContainerStatus>(status['initContainerStatuses']), ...containers].map(failureOf).find((text) => text !== ''))
    case 'Running': {
      if (!runsAlways) return verdict('Progressing', message)
      if (conditionsOf(object).some((one) => one.type === 'Ready' && one.status === 'True')) return verdict('Healthy', message)
      return verdict(containers.some((one) => one.lastState?.terminated !== undefined) ? 'Degraded' : 'Progressing', message)
    }
    default: return verdict('Unknown', message)
  }
}

function failureOf({ name = '', state }: ContainerStatus): string {
  const end = state?.terminated
  if (end?.message !== undefined && end.message !== '') return end.message
  if (end?.reason === 'OOMKilled') return end.reason
  return (end?.exitCode ?? 0) === 0 ? '' : `container "${name}" failed with exit code ${end?.exitCode ?? 0}`
}
