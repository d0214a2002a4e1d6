import type { ControllerRevision, CronJob, DaemonSet, Deployment, HorizontalPodAutoscaler, Job, PodDisruptionBudget, ReplicaSet, ReplicationController, StatefulSet } from '../kinds/index.ts'
import { ageColumn, column, integer, labelsText, nameColumn, none, type PrinterColumn, selectorText, wide } from './column.ts'
import { humanDuration, since } from './human-duration.ts'
import { containerColumns } from './pod.ts'

export const deploymentColumns: readonly PrinterColumn<Deployment>[] = [
  nameColumn, column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`), integer('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0),
  integer('Available', ({ status }) => status?.availableReplicas ?? 0), ageColumn,
  ...containerColumns<Deployment>(({ spec }) => spec.template.spec), wide('Selector', ({ spec }) => selectorText(spec.selector)),
]

export const replicaSetColumns: readonly PrinterColumn<ReplicaSet>[] = [
  nameColumn, integer('Desired', ({ spec }) => spec.replicas ?? 0), integer('Current', ({ status }) => status?.replicas ?? 0), integer('Ready', ({ status }) => status?.readyReplicas ?? 0), ageColumn,
  ...containerColumns<ReplicaSet>(({ spec }) => spec.template?.spec), wide('Selector', ({ spec }) => selectorText(spec.selector)),
]

export const replicationControllerColumns: readonly PrinterColumn<ReplicationController>[] = [
  nameColumn, integer('Desired', ({ spec }) => spec.replicas ?? 0), integer('Current', ({ status }) => status?.replicas ?? 0), integer('Ready', ({ status }) => status?.readyReplicas ?? 0), ageColumn,
  ...containerColumns<ReplicationController>(({ spec }) => spec.template?.spec), wide('Selector', ({ spec }) => labelsText(spec.selector)),
]

export const daemonSetColumns: readonly PrinterColumn<DaemonSet>[] = [
  nameColumn, integer('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0), integer('Current', ({ status }) => status?.currentNumberScheduled ?? 0),
  integer('Ready', ({ status }) => status?.numberReady ?? 0), integer('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0), integer('Available', ({ status }) => status?.numberAvailable ?? 0),
  column('Node Selector', ({ spec }) => labelsText(spec.template.spec?.nodeSelector)), ageColumn,
  ...containerColumns<DaemonSet>(({ spec }) => spec.template.spec), wide('Selector', ({ spec }) => selectorText(spec.selector)),
]

export const statefulSetColumns: readonly PrinterColumn<StatefulSet>[] = [
  nameColumn, column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`), ageColumn, ...containerColumns<StatefulSet>(({ spec }) => spec.template.spec),
]

const jobStates = ['Complete', 'Failed', 'Terminating', 'Suspended', 'FailureTarget', 'SuccessCriteriaMet']

function jobState({ metadata, status }: Job): string {
  const holds = new Set(status?.conditions?.filter((condition) => condition.status === 'True').map(({ type }) => type))
  if (metadata.deletionTimestamp !== undefined) holds.add('Terminating')
  return jobStates.find((state) => holds.has(state)) ?? 'Running'
}

function jobCompletions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0
  if (spec.completions !== undefined) return `${done}/${spec.completions}`
  return (spec.parallelism ?? 0) > 1 ? `${done}/1 of ${spec.parallelism}` : `${done}/1`
}

function jobDuration({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return ''
  return humanDuration((status.completionTime === undefined ? now : Date.parse(status.completionTime)) - Date.parse(status.startTime))
}

export const jobColumns: readonly PrinterColumn<Job>[] = [
  nameColumn, column('Status', jobState), column('Completions', jobCompletions), column('Duration', jobDuration), ageColumn,
  ...containerColumns<Job>(({ spec }) => spec.template.spec), wide('Selector', ({ spec }) => selectorText(spec.selector)),
]

export const cronJobColumns: readonly PrinterColumn<CronJob>[] = [
  nameColumn, column('Schedule', ({ spec }) => spec.schedule), column('Timezone', ({ spec }) => spec.timeZone ?? none), column('Suspend', ({ spec }) => spec.suspend === true ? 'True' : 'False'),
  integer('Active', ({ status }) => status?.active?.length ?? 0), column('Last Schedule', ({ status }, now) => status?.lastScheduleTime === undefined ? none : since(status.lastScheduleTime, now)), ageColumn,
  ...containerColumns<CronJob>(({ spec }) => spec.jobTemplate.spec?.template.spec), wide('Selector', ({ spec }) => selectorText(spec.jobTemplate.spec?.selector)),
]

type Metric = NonNullable<HorizontalPodAutoscaler['spec']['metrics']>[number]
type Measured = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number]
interface Target { averageUtilization?: number; averageValue?: string | number; value?: string | number }

function metricText(metric: Metric, measured: Measured | undefined): string {
  const [name, target, current]: [string, Target | undefined, Target | undefined] =
    metric.type === 'Resource' ? [`${metric.resource?.name}: `, metric.resource?.target, measured?.resource?.current]
      : metric.type === 'ContainerResource' ? [`${metric.containerResource?.name}: `, metric.containerResource?.target, measured?.containerResource?.current]
        : metric.type === 'Pods' ? ['', metric.pods?.target, measured?.pods?.current]
          : metric.type === 'Object' ? ['', metric.object?.target, measured?.object?.current] : ['', metric.external?.target, measured?.external?.current]
  const suffix = (metric.type === 'Object' || metric.type === 'External') && target?.averageValue !== undefined ? ' (avg)' : ''
  if (target?.averageUtilization !== undefined) return `${name}${current?.averageUtilization === undefined ? '<unknown>' : `${current.averageUtilization}%`}/${target.averageUtilization}%`
  if (target?.averageValue !== undefined) return `${name}${current?.averageValue ?? '<unknown>'}/${target.averageValue}${suffix}`
  return `${name}${current?.value ?? '<unknown>'}/${target?.value ?? '<auto>'}`
}

function targetsText({ spec, status }: HorizontalPodAutoscaler): string {
  const parts = (spec.metrics ?? []).map((metric, index) => metricText(metric, status?.currentMetrics?.[index]))
  if (parts.length === 0) return none
  return parts.length > 2 ? `${parts.slice(0, 2).join(', ')} + ${parts.length - 2} more...` : parts.join(', ')
}

export const autoscalerColumns: readonly PrinterColumn<HorizontalPodAutoscaler>[] = [
  nameColumn, column('Reference', ({ spec }) => `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`), column('Targets', targetsText),
  column('MinPods', ({ spec }) => spec.minReplicas === undefined ? unsetMinimum : String(spec.minReplicas)), integer('MaxPods', ({ spec }) => spec.maxReplicas),
  integer('Replicas', ({ status }) => status?.currentReplicas ?? 0), ageColumn,
]
const unsetMinimum = '<unset>'

export const disruptionBudgetColumns: readonly PrinterColumn<PodDisruptionBudget>[] = [
  nameColumn, column('Min Available', ({ spec }) => String(spec.minAvailable ?? 'N/A')), column('Max Unavailable', ({ spec }) => String(spec.maxUnavailable ?? 'N/A')),
  integer('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0), ageColumn,
]

export const controllerRevisionColumns: readonly PrinterColumn<ControllerRevision>[] = [
  nameColumn,
  column('Controller', ({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
    return owner === undefined ? none : `${owner.kind.toLowerCase()}${owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : ''}/${owner.name}`
  }),
  integer('Revision', ({ revision }) => revision), ageColumn,
]
