import type { Client } from '@idp/client'
import { Pod } from '@idp/api'
import { informer } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { CodedError, type Clock } from '@idp/kit'
import { applicationCause } from '../status/status.ts'

export interface WaitApplicationsOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** Names that must be there before the wait can end (ApplicationSets generate them a moment after the root is applied). */
  readonly expected: readonly string[]
  readonly onProgress: (well: number, all: number, waitingFor: string) => void
}

interface AppFields { status?: { sync?: { status?: string }; health?: { status?: string } } }
const isWell = (app: AnyObject): boolean => (app as AppFields).status?.sync?.status === 'Synced' && (app as AppFields).status?.health?.status === 'Healthy'

/** Waits until every Application, the expected ones among them, is Synced and Healthy; gives their names. Throws CodedError `NotHealthy` with the cause of each that is not. */
export async function waitApplications(client: Client, options: WaitApplicationsOptions): Promise<readonly string[]> {
  const { clock, signal, timeoutMs, expected, onProgress } = options
  const stop = new AbortController()
  const both = AbortSignal.any([stop.signal, signal])
  const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
  const view = informer<AnyObject>(client, kind, { signal: both, clock, query: { namespace: 'argocd' } })
  view.synced.catch(() => {})
  const result = Promise.withResolvers<readonly string[]>()
  const look = () => {
    const apps = view.cache.list()
    const names = new Set(apps.map((app) => app.metadata.name ?? ''))
    const absent = expected.filter((name) => !names.has(name))
    const unwell = apps.filter((app) => !isWell(app))
    if (absent.length === 0 && unwell.length === 0) result.resolve([...names].sort())
    else onProgress(apps.length - unwell.length, apps.length + absent.length, [...unwell.map((app) => app.metadata.name ?? ''), ...absent].slice(0, 4).join(', '))
  }
  const timer = clock.timer(timeoutMs, () => void unwellError(client, view.cache.list(), expected, timeoutMs).then(result.reject, result.reject))
  const onAbort = () => result.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([view.synced, result.promise])
    view.onChange(look)
    look()
    return await result.promise
  } finally {
    timer[Symbol.dispose]()
    signal.removeEventListener('abort', onAbort)
    stop.abort(new Error('waited long enough'))
  }
}

async function unwellError(client: Client, apps: readonly AnyObject[], expected: readonly string[], timeoutMs: number): Promise<CodedError> {
  const pods = (await client.list(Pod)).items as unknown as AnyObject[]
  const causes = apps.filter((app) => !isWell(app)).map((app) => `  ${app.metadata.name}: ${applicationCause(app, pods) ?? 'unknown'}`)
  const absent = expected.filter((name) => !apps.some((app) => app.metadata.name === name)).map((name) => `  ${name}: was not generated`)
  return new CodedError({ code: 'NotHealthy', message: `after ${timeoutMs / 1000} s these Applications are not Synced and Healthy:\n${[...causes, ...absent].join('\n')}`, remedy: "'idp status' shows them live; 'idp up' waits again" })
}
