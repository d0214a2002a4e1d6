import { parseQuantity, quantityToNumber } from '@idp/formats'
import type { ContainerInstance } from './container-instance.ts'
import type { ContainerRecord } from './container-record.ts'
import type { NodeContext } from './node-context.ts'
import type { PodWorker } from './pod-worker.ts'
import type { Family } from './prometheus-text.ts'
import type { Usage } from './resource-usage.ts'

/** One running container with what it is estimated to use. */
export interface MeasuredContainer {
  readonly worker: PodWorker
  readonly record: ContainerRecord
  readonly instance: ContainerInstance
  readonly usage: Usage
}

const estimated = 'estimated: an even share of what the idp process uses.'
const cfsPeriod = 100_000

/** `/metrics` of a node: the part of kubelet's that dashboards and rules read. */
export function kubeletMetrics(node: NodeContext, workers: readonly PodWorker[]): Family[] {
  const states = { created: 0, running: 0, exited: 0, unknown: 0 }
  for (const worker of workers) for (const record of worker.records) states[record.state.type === 'running' ? 'running' : record.state.type === 'terminated' ? 'exited' : 'created']++
  const one = (name: string, help: string, value: number, labels: Record<string, string> = {}): Family => ({ name, type: 'gauge', help, samples: [{ labels, value }] })
  return [
    one('kubernetes_build_info', 'A metric with a constant 1 value, labelled by version.', 1, { git_version: 'v1.35.0+idp', platform: 'linux/amd64' }),
    one('kubelet_node_name', 'The node\'s name. The count is always 1.', 1, { node: node.name }),
    one('kubelet_running_pods', 'Number of pods that have a running pod sandbox', workers.filter((w) => w.ip !== undefined).length),
    { name: 'kubelet_running_containers', type: 'gauge', help: 'Number of containers currently running', samples: Object.entries(states).map(([container_state, value]) => ({ labels: { container_state }, value })) },
    one('kubelet_started_pods_errors_total', 'Cumulative number of errors when starting pods', 0),
    one('kubelet_node_config_error', 'This metric is true (1) if the node is experiencing a configuration-related error, false (0) otherwise.', 0),
    {
      name: 'process_cpu_seconds_total', type: 'counter', help: 'Total user and system CPU time spent in seconds, of the whole idp process.',
      samples: [{ value: (process.cpuUsage().user + process.cpuUsage().system) / 1e6 }],
    },
    one('process_resident_memory_bytes', 'Resident memory size in bytes, of the whole idp process.', process.memoryUsage.rss()),
  ]
}

/** `/metrics/cadvisor`: use of containers. The figures are estimates and their help texts say so. */
export function cadvisorMetrics(node: NodeContext, measured: readonly MeasuredContainer[]): Family[] {
  const labelsOf = ({ worker, record }: MeasuredContainer) => ({
    container: record.spec.name, id: `/kubepods/pod${worker.pod.metadata.uid}/${record.containerId.replace('idp://', '')}`, image: record.spec.image ?? '',
    name: record.containerId.replace('idp://', ''), namespace: worker.pod.metadata.namespace ?? '', pod: worker.pod.metadata.name ?? '',
  })
  const family = (name: string, type: Family['type'], help: string, value: (m: MeasuredContainer) => number | undefined): Family => ({
    name, type, help, samples: measured.flatMap((m) => {
      const found = value(m)
      return found === undefined ? [] : [{ labels: labelsOf(m), value: found }]
    }),
  })
  return [
    family('container_cpu_usage_seconds_total', 'counter', `Cumulative cpu time consumed in seconds; ${estimated}`, (m) => m.usage.cpuSeconds),
    family('container_memory_working_set_bytes', 'gauge', `Current working set in bytes; ${estimated}`, (m) => m.usage.memoryBytes),
    family('container_memory_rss', 'gauge', `Size of RSS in bytes; ${estimated}`, (m) => m.usage.memoryBytes),
    family('container_memory_usage_bytes', 'gauge', `Current memory usage in bytes; ${estimated}`, (m) => m.usage.memoryBytes),
    family('container_memory_cache', 'gauge', 'Number of bytes of page cache memory; not measured.', () => 0),
    family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds.', (m) => m.instance.startedAt / 1_000),
    family('container_last_seen', 'gauge', 'Last time a container was seen by the exporter', () => node.clock.now() / 1_000),
    family('container_spec_memory_limit_bytes', 'gauge', 'Memory limit for the container.', (m) => quantity(m, 'limits', 'memory') ?? 0),
    family('container_spec_cpu_period', 'gauge', 'CPU period of the container.', () => cfsPeriod),
    family('container_spec_cpu_quota', 'gauge', 'CPU quota of the container.', (m) => {
      const cores = quantity(m, 'limits', 'cpu')
      return cores === undefined ? undefined : cores * cfsPeriod
    }),
    { name: 'machine_cpu_cores', type: 'gauge', help: 'Number of logical CPU cores.', samples: [{ labels: { boot_id: node.name, machine_id: node.name, system_uuid: node.name }, value: quantityToNumber(parseQuantity(node.allocatable['cpu'] ?? 0)) }] },
    { name: 'machine_memory_bytes', type: 'gauge', help: 'Amount of memory installed on the machine.', samples: [{ labels: { boot_id: node.name, machine_id: node.name, system_uuid: node.name }, value: quantityToNumber(parseQuantity(node.allocatable['memory'] ?? 0)) }] },
  ]
}

/** `/metrics/resource`, which metrics-server reads. */
export function resourceMetrics(measured: readonly MeasuredContainer[]): Family[] {
  const labelsOf = ({ worker, record }: MeasuredContainer) => ({ container: record.spec.name, namespace: worker.pod.metadata.namespace ?? '', pod: worker.pod.metadata.name ?? '' })
  const sum = (of: (m: MeasuredContainer) => number) => measured.reduce((total, m) => total + of(m), 0)
  return [
    { name: 'container_cpu_usage_seconds_total', type: 'counter', help: `Cumulative cpu time consumed by the container in core-seconds; ${estimated}`, samples: measured.map((m) => ({ labels: labelsOf(m), value: m.usage.cpuSeconds })) },
    { name: 'container_memory_working_set_bytes', type: 'gauge', help: `Current working set of the container in bytes; ${estimated}`, samples: measured.map((m) => ({ labels: labelsOf(m), value: m.usage.memoryBytes })) },
    { name: 'container_start_time_seconds', type: 'gauge', help: 'Start time of the container since unix epoch in seconds', samples: measured.map((m) => ({ labels: labelsOf(m), value: m.instance.startedAt / 1_000 })) },
    { name: 'node_cpu_usage_seconds_total', type: 'counter', help: `Cumulative cpu time consumed by the node in core-seconds; ${estimated}`, samples: [{ value: sum((m) => m.usage.cpuSeconds) }] },
    { name: 'node_memory_working_set_bytes', type: 'gauge', help: `Current working set of the node in bytes; ${estimated}`, samples: [{ value: sum((m) => m.usage.memoryBytes) }] },
  ]
}

function quantity({ record }: MeasuredContainer, list: 'limits' | 'requests', name: string): number | undefined {
  const found = (record.spec.resources?.[list] as Readonly<Record<string, string | number>> | undefined)?.[name]
  return found === undefined ? undefined : quantityToNumber(parseQuantity(found))
}
