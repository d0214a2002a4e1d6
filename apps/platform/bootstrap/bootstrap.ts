import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { CodedError, messageOf, type Clock } from '@idp/kit'
import { applyObjects } from './apply-objects.ts'
import { bootstrapSteps, type BootstrapStep } from './steps.ts'

export type StepEvent =
  | { readonly step: string; readonly state: 'running' }
  | { readonly step: string; readonly state: 'waiting'; readonly lacking: readonly string[] }
  | { readonly step: string; readonly state: 'done' | 'failed'; readonly ms: number; readonly message?: string }

export interface BootstrapOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds one step may wait for readiness. */
  readonly timeoutMs: number
  /** A bootstrap was finished here before: what Argo CD has taken over since is left to it. */
  readonly again: boolean
  /** The objects of a folder of the repository. */
  render(path: string): Promise<readonly KubeObject[]>
  /** What the steps without a folder do. */
  readonly actions: Readonly<Record<NonNullable<BootstrapStep['does']>, () => Promise<void>>>
  readonly onEvent: (event: StepEvent) => void
  readonly steps?: readonly BootstrapStep[]
}

/**
 * Runs every step as soon as those it comes after are done. Each applies what it needs and waits for conditions, never for time;
 * running it again on a cluster where all is in place changes nothing. The first failing step stops the others and is thrown with its name.
 */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { steps = bootstrapSteps, clock } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, options.signal])
  const rendered = new Map(steps.flatMap(({ path }) => (path === undefined ? [] : [[path, options.render(path)] as const])))
  for (const rendering of rendered.values()) rendering.catch(() => {})
  const done = new Map<string, Promise<void>>()
  const run = async (step: BootstrapStep): Promise<void> => {
    await Promise.all(step.after.map((name) => done.get(name)))
    signal.throwIfAborted()
    const started = clock.now()
    options.onEvent({ step: step.name, state: 'running' })
    try {
      if (step.does !== undefined) await options.actions[step.does]()
      const objects = step.path === undefined ? [] : (await rendered.get(step.path)) ?? []
      await applyObjects(options.client, objects, { leaveTracked: options.again, clock, signal, timeoutMs: options.timeoutMs, onWaiting: (lacking) => options.onEvent({ step: step.name, state: 'waiting', lacking }) })
      options.onEvent({ step: step.name, state: 'done', ms: clock.now() - started })
    } catch (error) {
      if (!signal.aborted) {
        options.onEvent({ step: step.name, state: 'failed', ms: clock.now() - started, message: messageOf(error) })
        stop.abort(new CodedError({
          code: 'BootstrapFailed', message: `step '${step.name}' failed: ${messageOf(error)}`, where: step.path,
          remedy: error instanceof CodedError && error.remedy !== undefined ? error.remedy : "Run 'idp up' again: it continues where it stopped", cause: error,
        }))
      }
      throw signal.reason
    }
  }
  for (const step of steps) done.set(step.name, run(step))
  const results = await Promise.allSettled(done.values())
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
