import { rfc3339 } from '@idp/kit'
import type { NodeContext } from './node-context.ts'
import type { MeasuredContainer } from './node-metrics.ts'

/** `/stats/summary` as kubelet answers it; cpu and memory are the estimates of `Usage`. */
export function statsSummary(node: NodeContext, measured: readonly MeasuredContainer[], startedAt: number): object {
  const time = rfc3339(node.clock.now())
  const stats = (of: readonly MeasuredContainer[]) => {
    const total = (pick: (m: MeasuredContainer) => number) => of.reduce((sum, m) => sum + pick(m), 0)
    const memory = total((m) => m.usage.memoryBytes)
    return {
      cpu: { time, usageNanoCores: Math.round(total((m) => m.usage.cpuCores) * 1e9), usageCoreNanoSeconds: Math.round(total((m) => m.usage.cpuSeconds) * 1e9) },
      memory: { time, usageBytes: memory, workingSetBytes: memory, rssBytes: memory },
    }
  }
  const byPod = Map.groupBy(measured, (m) => m.worker)
  return {
    node: { nodeName: node.name, startTime: rfc3339(startedAt), ...stats(measured), idp: 'estimated: an even share of what the idp process uses' },
    pods: [...byPod].map(([{ pod }, containers]) => ({
      podRef: { name: pod.metadata.name, namespace: pod.metadata.namespace, uid: pod.metadata.uid }, startTime: pod.status?.startTime,
      containers: containers.map((m) => ({ name: m.record.spec.name, startTime: rfc3339(m.instance.startedAt), ...stats([m]) })), ...stats(containers),
    })),
  }
}
