import type { Pod, PodTemplate } from '../kinds/index.ts'
import { ageColumn, column, labelsText, nameColumn, none, type PrinterColumn, wide } from './column.ts'
import { since } from './human-duration.ts'

type Status = NonNullable<Pod['status']>
type ContainerStatus = NonNullable<Status['containerStatuses']>[number]

interface Summary { reason: string; ready: number; total: number; restarts: number; lastRestart: string | undefined }

const conditionTrue = (status: Status | undefined, type: string) => status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false

function later(current: string | undefined, status: ContainerStatus): string | undefined {
  const finished = status.lastState?.terminated?.finishedAt
  if (finished === undefined) return current
  return current === undefined || Date.parse(finished) > Date.parse(current) ? finished : current
}

function ended(terminated: { reason?: string; signal?: number; exitCode: number }, prefix: string): string {
  if (terminated.reason !== undefined && terminated.reason !== '') return `${prefix}${terminated.reason}`
  return terminated.signal ? `${prefix}Signal:${terminated.signal}` : `${prefix}ExitCode:${terminated.exitCode}`
}

/** What READY, STATUS and RESTARTS say of a pod. */
export function summarizePod(pod: Pod): Summary {
  const { status } = pod
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name))
  const gated = status?.conditions?.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated') ?? false
  const phaseReason = status?.reason !== undefined && status.reason !== '' ? status.reason : status?.phase ?? ''
  const summary: Summary = { reason: gated ? 'SchedulingGated' : phaseReason, ready: 0, total: pod.spec.containers.length + sidecars.size, restarts: 0, lastRestart: undefined }
  const sidecar: Pick<Summary, 'restarts' | 'lastRestart'> = { restarts: 0, lastRestart: undefined }
  const initializing = summarizeInit(pod, sidecars, summary, sidecar)
  if (!initializing || conditionTrue(status, 'Initialized')) {
    summary.restarts = sidecar.restarts
    summary.lastRestart = sidecar.lastRestart
    summarizeContainers(status, summary)
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status?.reason === 'NodeLost') summary.reason = 'Unknown'
    else if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') summary.reason = 'Terminating'
  }
  return summary
}

/** True while an init container has not done its part. */
function summarizeInit(pod: Pod, sidecars: ReadonlySet<string>, summary: Summary, sidecar: Pick<Summary, 'restarts' | 'lastRestart'>): boolean {
  const statuses = pod.status?.initContainerStatuses ?? []
  for (const [index, status] of statuses.entries()) {
    summary.restarts += status.restartCount
    summary.lastRestart = later(summary.lastRestart, status)
    const isSidecar = sidecars.has(status.name)
    if (isSidecar) {
      sidecar.restarts += status.restartCount
      sidecar.lastRestart = later(sidecar.lastRestart, status)
    }
    const { terminated, waiting } = status.state ?? {}
    if (terminated?.exitCode === 0) continue
    if (isSidecar && status.started === true) {
      if (status.ready) summary.ready++
      continue
    }
    if (terminated) summary.reason = ended(terminated, 'Init:')
    else if (waiting?.reason !== undefined && waiting.reason !== '' && waiting.reason !== 'PodInitializing') summary.reason = `Init:${waiting.reason}`
    else summary.reason = `Init:${index}/${pod.spec.initContainers?.length ?? 0}`
    return true
  }
  return false
}

function summarizeContainers(status: Status | undefined, summary: Summary): void {
  let running = false
  for (const container of (status?.containerStatuses ?? []).toReversed()) {
    summary.restarts += container.restartCount
    summary.lastRestart = later(summary.lastRestart, container)
    const { waiting, terminated, running: now } = container.state ?? {}
    if (waiting?.reason !== undefined && waiting.reason !== '') summary.reason = waiting.reason
    else if (terminated) summary.reason = ended(terminated, '')
    else if (container.ready && now) {
      running = true
      summary.ready++
    }
  }
  if (summary.reason === 'Completed' && running) summary.reason = conditionTrue(status, 'Ready') ? 'Running' : 'NotReady'
}

function restartsText(pod: Pod, now: number): string {
  const { restarts, lastRestart } = summarizePod(pod)
  return restarts === 0 || lastRestart === undefined ? String(restarts) : `${restarts} (${since(lastRestart, now)} ago)`
}

function gatesText(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? []
  return gates.length === 0 ? none : `${gates.filter(({ conditionType }) => conditionTrue(pod.status, conditionType)).length}/${gates.length}`
}

const orNone = (text: string | undefined) => text === undefined || text === '' ? none : text

export const podColumns: readonly PrinterColumn<Pod>[] = [
  nameColumn,
  column('Ready', (pod) => { const { ready, total } = summarizePod(pod); return `${ready}/${total}` }),
  column('Status', (pod) => summarizePod(pod).reason),
  column('Restarts', restartsText),
  ageColumn,
  wide('IP', ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP)),
  wide('Node', ({ spec }) => orNone(spec.nodeName)),
  wide('Nominated Node', ({ status }) => orNone(status?.nominatedNodeName)),
  wide('Readiness Gates', gatesText),
]

interface Containers { containers?: readonly { name: string; image?: string }[] }

/** The two columns that workloads show of their containers. */
export function containerColumns<T extends { apiVersion: string; kind: string; metadata: Pod['metadata'] }>(template: (object: T) => Containers | undefined): PrinterColumn<T>[] {
  return [
    wide('Containers', (object) => template(object)?.containers?.map(({ name }) => name).join(',') ?? ''),
    wide('Images', (object) => template(object)?.containers?.map(({ image }) => image ?? '').join(',') ?? ''),
  ]
}

export const podTemplateColumns: readonly PrinterColumn<PodTemplate>[] = [
  nameColumn,
  ...containerColumns<PodTemplate>(({ template }) => template?.spec).map((entry) => ({ ...entry, priority: 0 })),
  column('Pod Labels', ({ template }) => labelsText(template?.metadata?.labels)),
]
