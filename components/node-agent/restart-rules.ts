import type { ContainerRecord } from './container-record.ts'

/** As kubelet: the first restart is immediate, then 10 s, doubled each time up to 5 min; a run of 10 min starts over. */
const firstBackoff = 10_000
const longestBackoff = 300_000
const forgivenAfter = 600_000

/** Whether a container that has ended is started again. */
export function shouldRestart(policy: string | undefined, { role, state }: ContainerRecord): boolean {
  if (state.type !== 'terminated') return true
  if (role === 'ephemeral') return false
  if (role === 'sidecar') return true
  const failed = state.terminated.exitCode !== 0
  if (role === 'init') return failed && policy !== 'Never'
  return policy === 'OnFailure' ? failed : policy !== 'Never'
}

/** Milliseconds since the epoch at which a container that has ended may start again. */
export function restartAllowedAt(record: ContainerRecord): number {
  const ended = endedAt(record)
  return ended === undefined || record.backoffMs === 0 ? 0 : ended + record.backoffMs
}

/** Notes that a container has ended, before it is decided when it starts again. */
export function noteEnd(record: ContainerRecord): void {
  if (record.state.type !== 'terminated') return
  const { startedAt, finishedAt } = record.state.terminated
  if (startedAt !== undefined && finishedAt !== undefined && Date.parse(finishedAt) - Date.parse(startedAt) >= forgivenAfter) record.backoffMs = 0
}

/** Notes that a container is started again. */
export function noteRestart(record: ContainerRecord): void {
  record.backoffMs = record.backoffMs === 0 ? firstBackoff : Math.min(longestBackoff, record.backoffMs * 2)
}

function endedAt({ state, last }: ContainerRecord): number | undefined {
  const ended = state.type === 'terminated' ? state.terminated : last
  return ended?.finishedAt === undefined ? undefined : Date.parse(ended.finishedAt)
}

/** As Go prints durations: `10s`, `1m20s`, `5m0s`. */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`
}
