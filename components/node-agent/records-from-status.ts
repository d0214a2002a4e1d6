import type { Pod } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import { newRecord, type ContainerRecord } from './container-record.ts'
import { containersOf, type ContainerStatus, type TerminatedState } from './pod-spec.ts'

/**
 * What is known of a pod's containers when the agent starts. Programs do not survive the process: what the status says is
 * running has ended meanwhile, as after a restart of a machine (exit code 255, reason Unknown), and init containers run again.
 */
export function recordsFromStatus(pod: Pod, now: number): ContainerRecord[] {
  const { status } = pod
  const statuses = new Map([...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].map((s) => [s.name, s]))
  const over = status?.phase === 'Succeeded' || status?.phase === 'Failed'
  return containersOf(pod).map(({ spec, role }) => {
    const record = newRecord(spec, role)
    const before = statuses.get(spec.name)
    if (before === undefined || before.containerID === undefined || before.containerID === '') return record
    Object.assign(record, { restartCount: before.restartCount, containerId: before.containerID, imageId: before.imageID, last: before.lastState?.terminated })
    const ended = before.state?.terminated ?? (before.state?.running === undefined ? undefined : lost(before, now))
    if (ended === undefined) return record
    if (over || role !== 'init' || ended.exitCode !== 0) record.state = { type: 'terminated', terminated: ended }
    else record.last = ended
    return record
  })
}

function lost(before: ContainerStatus, now: number): TerminatedState {
  return {
    exitCode: 255, reason: 'Unknown', startedAt: before.state?.running?.startedAt, finishedAt: rfc3339(now), containerID: before.containerID,
  } as TerminatedState
}
