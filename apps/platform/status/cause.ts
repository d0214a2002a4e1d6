import type { AnyObject } from '@idp/formats'

interface ContainerState { waiting?: { reason?: string; message?: string }; terminated?: { reason?: string; message?: string; exitCode?: number } }
interface PodFields {
  status?: {
    phase?: string
    reason?: string
    message?: string
    conditions?: { type: string; status: string; reason?: string; message?: string }[]
    containerStatuses?: { name: string; ready?: boolean; state?: ContainerState; lastState?: ContainerState }[]
    initContainerStatuses?: { name: string; state?: ContainerState; lastState?: ContainerState }[]
  }
}

/** Why a pod is not well, from the most to the least telling; undefined when it runs and is ready, or has done its work. */
export function causeOf(pod: AnyObject): string | undefined {
  const { status } = pod as PodFields
  if (status?.phase === 'Succeeded') return undefined
  const ready = status?.conditions?.find((c) => c.type === 'Ready')
  if (status?.phase === 'Running' && ready?.status === 'True') return undefined
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  for (const { name, state, lastState } of containers) {
    const waiting = state?.waiting
    const ended = state?.terminated ?? lastState?.terminated
    if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating' && waiting.reason !== 'PodInitializing') {
      return `container ${name}: ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}${ended?.exitCode ? ` (last exit code ${ended.exitCode})` : ''}`
    }
    if (state?.terminated !== undefined && state.terminated.exitCode !== 0) return `container ${name} ended with exit code ${state.terminated.exitCode}${state.terminated.message ? `: ${state.terminated.message}` : ''}`
  }
  const scheduled = status?.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False')
  if (scheduled !== undefined) return `not scheduled: ${scheduled.message ?? scheduled.reason ?? ''}`
  const pending = containers.find((c) => c.state?.waiting !== undefined)
  if (pending !== undefined) return `container ${pending.name}: ${pending.state?.waiting?.reason ?? 'waiting'}`
  return ready?.message ?? status?.message ?? status?.reason ?? `phase ${status?.phase ?? 'Pending'}`
}
