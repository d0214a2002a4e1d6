import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** When a process started, in a form that only serves comparison; undefined when there is no such process. A pid alone is recycled. */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // Field 3 is the state: a zombie has ended. Field 22 is the start time in ticks since boot.
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    // No such process: both ways of asking say so by failing.
    return undefined
  }
}

/** True while the process that was recorded as `pid`, started at `start`, is alive. */
export function isAlive(pid: number | undefined, start: string | undefined): boolean {
  return pid !== undefined && start !== undefined && processStart(pid) === start
}
