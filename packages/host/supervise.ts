import { inFaultScope } from '@idp/sandbox'
import { backoff, messageOf, sleep, type Clock, type Log } from '@idp/kit'

/** As kubelet treats static pods, on the scale of a process: 100 ms, doubled up to 30 s; a minute without failure starts over. */
const restart = { initial: 100, max: 30_000 }
const forgivenAfter = 60_000

export interface SuperviseOptions { readonly name: string; readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }

/** Runs `run` until the signal aborts; when it ends or throws before that, it is started again with back-off. Takes nothing else down. Resolves when it has ended. */
export async function supervise(run: (signal: AbortSignal) => Promise<void>, { name, clock, log, signal }: SuperviseOptions): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    const begun = clock.now()
    const attempt = new AbortController()
    const onAbort = () => attempt.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    let why = 'it ended by itself'
    try {
      const stray = Promise.withResolvers<never>()
      await Promise.race([inFaultScope({ fail: stray.reject }, () => run(attempt.signal)), stray.promise])
    } catch (error) {
      why = error instanceof Error ? error.stack ?? error.message : messageOf(error)
    } finally {
      signal.removeEventListener('abort', onAbort)
      // What the attempt left running ends with it.
      attempt.abort()
    }
    if (signal.aborted) return
    failures = clock.now() - begun >= forgivenAfter ? 1 : failures + 1
    const ms = backoff(failures, restart)
    log.error('a control-plane program failed and is started again', { program: name, ms, error: why })
    await sleep(clock, ms, signal).catch(() => {})
  }
}
