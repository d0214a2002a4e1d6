import { parseQuantity, quantityToNumber, type AnyObject } from '@idp/formats'
import type { WorkloadSummary } from './preview-model.ts'
import { objectsOf, type Side } from './side.ts'

interface ContainerFields { readonly image?: string; readonly resources?: { readonly requests?: { readonly cpu?: string | number; readonly memory?: string | number } } }
interface PodFields { readonly containers?: readonly ContainerFields[]; readonly initContainers?: readonly ContainerFields[] }
interface WorkloadFields { readonly replicas?: number; readonly template?: { readonly spec?: PodFields }; readonly jobTemplate?: { readonly spec?: { readonly template?: { readonly spec?: PodFields } } } }

/** Images that come and go, and how many pods with which requests the workloads ask for before and after. A DaemonSet counts as one pod, what jobs ask for not at all. */
export function workloadSummary(base: Side, head: Side): WorkloadSummary {
  const [before, after] = [measure(base), measure(head)]
  return {
    images: { added: [...after.images].filter((one) => !before.images.has(one)).sort(), removed: [...before.images].filter((one) => !after.images.has(one)).sort() },
    pods: { before: before.pods, after: after.pods }, cpuMilli: { before: before.cpuMilli, after: after.cpuMilli }, memoryBytes: { before: before.memoryBytes, after: after.memoryBytes },
  }
}

function measure(side: Side) {
  const total = { images: new Set<string>(), pods: 0, cpuMilli: 0, memoryBytes: 0 }
  for (const { object } of objectsOf(side)) {
    const { pod, replicas } = workloadOf(object)
    for (const { image } of [...(pod.initContainers ?? []), ...(pod.containers ?? [])]) if (image !== undefined) total.images.add(image)
    total.pods += replicas
    for (const { resources } of pod.containers ?? []) {
      total.cpuMilli += replicas * amount(resources?.requests?.cpu) * 1000
      total.memoryBytes += replicas * amount(resources?.requests?.memory)
    }
  }
  return { ...total, cpuMilli: Math.round(total.cpuMilli), memoryBytes: Math.round(total.memoryBytes) }
}

function workloadOf({ kind, ...object }: AnyObject): { readonly pod: PodFields; readonly replicas: number } {
  const spec = (object['spec'] ?? {}) as WorkloadFields & PodFields
  if (kind === 'Deployment' || kind === 'StatefulSet' || kind === 'ReplicaSet') return { pod: spec.template?.spec ?? {}, replicas: spec.replicas ?? 1 }
  if (kind === 'DaemonSet') return { pod: spec.template?.spec ?? {}, replicas: 1 }
  if (kind === 'Pod') return { pod: spec, replicas: 1 }
  return { pod: (kind === 'Job' ? spec.template?.spec : kind === 'CronJob' ? spec.jobTemplate?.spec?.template?.spec : undefined) ?? {}, replicas: 0 }
}

/** What is no quantity is refused elsewhere, with its place. */
function amount(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0
  const value = /^[+-]?[0-9.]+([numkKMGTPE]i?|[eE][+-]?\d+)?$/.test(String(quantity)) ? quantityToNumber(parseQuantity(String(quantity))) : 0
  return Number.isFinite(value) ? value : 0
}
