import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { CodedError, messageOf, type Clock } from '@idp/kit'
import { applyObjects, isDefinition } from './apply-objects.ts'
import { renderSteps } from './render-steps.ts'
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
 * Runs every step as soon as those it comes after are done; its definitions, on account of which nothing runs, already while those become ready.
 * Each applies what it needs and waits for conditions, never for time; running it again on a cluster where all is in place changes nothing.
 * The first failing step stops the others and is thrown with its name.
 */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { steps = bootstrapSteps, clock } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, options.signal])
  const folders = renderSteps(options.render, steps)
  const done = new Map<string, Promise<void>>()
  /** Resolve when what a step applies is applied, ready or not. */
  const applied = new Map(steps.map(({ name }) => [name, Promise.withResolvers<void>()]))
  const apply = async (step: BootstrapStep, objects: readonly KubeObject[], onApplied?: () => void): Promise<void> => applyObjects(options.client, objects, {
    leaveTracked: options.again, clock, signal, timeoutMs: options.timeoutMs, ...(onApplied === undefined ? {} : { onApplied }),
    onWaiting: (lacking) => options.onEvent({ step: step.name, state: 'waiting', lacking }),
  })
  const definitionsOf = async (step: BootstrapStep, objects: readonly KubeObject[]): Promise<void> => {
    await Promise.all(step.after.map((name) => applied.get(name)?.promise))
    if (!signal.aborted) await apply(step, objects.filter(isDefinition))
  }
  const run = async (step: BootstrapStep): Promise<void> => {
    const objects: Promise<readonly KubeObject[]> = step.path === undefined ? Promise.resolve([]) : folders(step.path)
    const definitions = objects.then((all) => definitionsOf(step, all))
    definitions.catch(() => {})
    await Promise.all(step.after.map((name) => done.get(name)))
    signal.throwIfAborted()
    const started = clock.now()
    options.onEvent({ step: step.name, state: 'running' })
    try {
      if (step.does !== undefined) await options.actions[step.does]()
      await definitions
      await apply(step, (await objects).filter((object) => !isDefinition(object)), applied.get(step.name)?.resolve)
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
    } finally {
      // Also after a failure, so that nobody waits for it.
      applied.get(step.name)?.resolve()
    }
  }
  for (const step of steps) done.set(step.name, run(step))
  const results = await Promise.allSettled(done.values())
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
