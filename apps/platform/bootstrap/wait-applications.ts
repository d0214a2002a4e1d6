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

interface AppFields { status?: { sync?: { status?: string }; health?: { status?: string }; reconciledAt?: string } }
const isWell = (app: AnyObject): boolean => (app as AppFields).status?.sync?.status === 'Synced' && (app as AppFields).status?.health?.status === 'Healthy'

/** When the container that keeps Applications began, in milliseconds since the epoch; 0 where it is not found, Infinity while it does not run. */
function controllerStart(pods: readonly Pod[]): number {
  const starts = pods.map(({ status }) => Date.parse(status?.containerStatuses?.[0]?.state?.running?.startedAt ?? ''))
  return starts.length === 0 ? 0 : starts.reduce((latest, at) => (at > latest ? at : Number.isNaN(at) ? Infinity : latest), 0)
}

/** How long a controller may take to look at every Application by itself; then it is asked to, in milliseconds. */
const lookWithin = 10_000

/**
 * Waits until every Application, the expected ones among them, is Synced and Healthy; gives their names. What a controller wrote before it
 * was last started does not count: a status of yesterday says nothing about today. Throws CodedError `NotHealthy` with the cause of each that is not.
 */
export async function waitApplications(client: Client, options: WaitApplicationsOptions): Promise<readonly string[]> {
  const { clock, signal, timeoutMs, expected, onProgress } = options
  const stop = new AbortController()
  const both = AbortSignal.any([stop.signal, signal])
  const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
  const view = informer<AnyObject>(client, kind, { signal: both, clock, query: { namespace: 'argocd' } })
  const controllers = informer(client, Pod, { signal: both, clock, query: { namespace: 'argocd', labelSelector: 'app.kubernetes.io/component=application-controller' } })
  const result = Promise.withResolvers<readonly string[]>()
  // Times in a status have whole seconds.
  const isOld = (app: AnyObject): boolean => !(Date.parse((app as AppFields).status?.reconciledAt ?? '') >= controllerStart(controllers.cache.list()) - 999)
  const look = () => {
    if (!view.hasSynced || !controllers.hasSynced) return
    const apps = view.cache.list()
    const names = new Set(apps.map((app) => app.metadata.name ?? ''))
    const absent = expected.filter((name) => !names.has(name))
    const unwell = apps.filter((app) => !isWell(app) || isOld(app))
    if (absent.length === 0 && unwell.length === 0) result.resolve([...names].sort())
    else onProgress(apps.length - unwell.length, apps.length + absent.length, [...unwell.map((app) => app.metadata.name ?? ''), ...absent].slice(0, 4).join(', '))
  }
  const timer = clock.timer(timeoutMs, () => void unwellError(client, view.cache.list(), expected, timeoutMs).then(result.reject, result.reject))
  const nudge = clock.timer(lookWithin, () => {
    const old = view.cache.list().filter((app) => isWell(app) && isOld(app))
    void Promise.all(old.map(({ metadata }) => client.patch(kind, metadata.name ?? '', { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } }, { type: 'merge', namespace: metadata.namespace }))).catch(result.reject)
  })
  const onAbort = () => result.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([Promise.all([view.synced, controllers.synced]), result.promise])
    view.onChange(look)
    controllers.onChange(look)
    look()
    return await result.promise
  } finally {
    timer[Symbol.dispose]()
    nudge[Symbol.dispose]()
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
