import { ConfigMap, CustomResourceDefinition, isApiError, parseApiVersion, Secret, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { createEventRecorder, createWorkQueue, informer, type CacheChange } from '@idp/controller'
import { deepEqual, type AnyObject } from '@idp/formats'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { keyText, objectKey } from '../engine/object-key.ts'
import { refreshWish } from '../engine/refresh.ts'
import { readSettings, type Settings } from '../engine/settings.ts'
import { AppProject } from '../kinds/app-project.ts'
import { Application } from '../kinds/application.ts'
import type { RepoService } from '../repo/repo-service.ts'
import { applicationPass } from './application-pass.ts'
import { syncManager } from './compare-application.ts'
import { newMemory, type ControllerContext, type Memory } from './controller-context.ts'
import { controllerMetrics } from './controller-metrics.ts'
import { deletionPass } from './delete-application.ts'
import { liveCluster } from './live-cluster.ts'
import type { Targets } from './load-targets.ts'
import { repositoryBook } from './repository-book.ts'

export interface ApplicationControllerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Where Argo CD runs, its ConfigMaps and its Applications are. */
  readonly namespace: string
  readonly repo: RepoService
  /** How many Applications are worked on at once; 20 by default, as upstream's status processors. */
  readonly concurrency?: number
  /** Milliseconds after a sync before drift is healed; 5 s by default. */
  readonly selfHealTimeout?: number
  readonly kubeVersion?: string
  readonly apiVersions?: readonly string[]
}

export interface ApplicationController {
  /** Resolves when the caches are filled. */
  readonly started: Promise<void>
  /** True when nothing is queued or running; delayed work does not count. */
  readonly idle: boolean
  /** Looks at an Application again. */
  wake(name: string, namespace?: string): void
  metricsText(): string
}

/** How long changes in the cluster are collected before an Application is looked at, in milliseconds; upstream's batches, too, are of 100 ms. */
const liveDelay = 100

/** Keeps every Application equal to what Git says, and its status true. */
export function startApplicationController(options: ApplicationControllerOptions): ApplicationController {
  const { client, clock, log, signal, namespace, repo } = options
  const memories = new Map<string, Memory>()
  const wanted = new Map<string, Set<string>>()
  const metrics = controllerMetrics()
  const watching = <T extends AnyObject>(kind: Kind<never>, labelSelector?: string) => informer<T>(client, kind as unknown as Kind<T>, { clock, log, signal, query: { namespace, ...(labelSelector === undefined ? {} : { labelSelector }) } })
  const applications = watching<Application & AnyObject>(Application as never)
  const projects = watching<AppProject & AnyObject>(AppProject as never)
  const configs = watching<ConfigMap & AnyObject>(ConfigMap as never, 'app.kubernetes.io/part-of=argocd')
  const repositories = watching<Secret & AnyObject>(Secret as never, 'argocd.argoproj.io/secret-type in (repository, repo-creds)')
  const crds = informer(client, CustomResourceDefinition, { clock, log, signal })
  let settings: Settings = readSettings(undefined)
  const live = liveCluster({ client, clock, log, signal, tracking: settings.tracking, manager: syncManager })
  const book = repositoryBook(() => repositories.cache.list())
  const recorder = createEventRecorder({ client, clock, log, component: 'argocd-application-controller', signal })

  const kindOf = async (apiVersion: string, kind: string): Promise<Kind<AnyObject> | undefined> => {
    try {
      return await client.kindOf(apiVersion, kind)
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    }
  }
  const context: ControllerContext = {
    client, clock, log, metrics, selfHealTimeout: options.selfHealTimeout ?? 5_000,
    settings: () => settings,
    project: ({ spec }) => projects.cache.get(spec.project === undefined || spec.project === '' ? 'default' : spec.project, namespace),
    loadContext: () => ({
      repo, settings, accessOf: (url) => book.accessOf(url), chartRepositories: book.chartRepositories(), kubeVersion: options.kubeVersion ?? '1.33.0', apiVersions: options.apiVersions ?? [],
      scopeOf: async (apiVersion, kind) => (await kindOf(apiVersion, kind))?.scope,
    }),
    compareContext: (memory) => ({ client, live, settings, predictions: memory.predictions, kindOf, now: () => new Date(clock.now()).toISOString() }),
    taskContext: () => ({ client, live, clock, signal, kindOf }),
    followTargets: (memory, targets, application) => followTargets(memory, targets, application),
    ownerOf(object, { metadata }) {
      const id = object.metadata.annotations?.['argocd.argoproj.io/tracking-id'] ?? ''
      const owner = id.slice(0, Math.max(0, id.indexOf(':')))
      return owner === '' || owner === metadata.name ? undefined : owner
    },
    latest: (application) => applications.cache.get(application.metadata.name ?? '', application.metadata.namespace) ?? application,
    observe: (application) => applications.observe(application as Application & AnyObject),
    event: (about, type, reason, message) => recorder.event({ object: about }, type, reason, message),
  }

  const followTargets = async (memory: Memory, targets: Targets, application: Application): Promise<void> => {
    const text = keyOf(application)
    const rows = [...targets.objects, ...targets.hooks]
    const keys = new Set(rows.map((one) => keyText(objectKey(one))))
    for (const key of memory.keys) if (!keys.has(key)) wanted.get(key)?.delete(text)
    for (const key of keys) {
      const who = wanted.get(key) ?? new Set()
      who.add(text)
      wanted.set(key, who)
    }
    memory.keys = keys
    const named = new Map(rows.map((one) => [`${one.apiVersion}/${one.kind}`, [one.apiVersion, one.kind] as const]))
    for (const { group = '', version = '', kind } of application.status?.resources ?? []) {
      const apiVersion = group === '' ? version : `${group}/${version}`
      named.set(`${apiVersion}/${kind}`, [apiVersion, kind])
    }
    const kinds = await Promise.all([...named.values()].map(([apiVersion, kind]) => kindOf(apiVersion, kind)))
    memory.missingKinds = kinds.includes(undefined)
    await live.follow(kinds.filter((kind) => kind !== undefined))
  }

  const queue = createWorkQueue({
    clock, concurrency: options.concurrency ?? 20,
    async work(text) {
      const [space = '', name = ''] = text.split('/')
      const application = applications.cache.get(name, space)
      const memory = memories.get(text) ?? newMemory()
      if (application === undefined) {
        forget(text)
        return
      }
      memories.set(text, memory)
      const began = clock.now()
      try {
        const outcome = application.metadata.deletionTimestamp === undefined ? await applicationPass(application, memory, context) : await deletionPass(application, memory, context)
        queue.forget(text)
        metrics.reconciled(application, (clock.now() - began) / 1_000)
        if (outcome.requeueAfter !== undefined) queue.addAfter(text, outcome.requeueAfter)
      } catch (error) {
        if (signal.aborted || isApiError(error, 'NotFound')) return
        log.warn('cannot reconcile application; trying again', { application: text, error: messageOf(error), stack: error instanceof Error ? error.stack : undefined })
        queue.addRateLimited(text)
      }
    },
  })
  signal.addEventListener('abort', () => queue.stop(), { once: true })

  const forget = (text: string): void => {
    for (const key of memories.get(text)?.keys ?? []) wanted.get(key)?.delete(text)
    memories.delete(text)
  }
  const wakeAll = (change?: (memory: Memory) => void): void => {
    for (const application of applications.cache.list()) {
      const memory = memories.get(keyOf(application))
      if (memory !== undefined) change?.(memory)
      queue.add(keyOf(application))
    }
  }
  const applicationChanged = ({ before, after }: CacheChange<Application & AnyObject>): void => {
    const object = after ?? before
    if (object === undefined) return
    const text = keyOf(object)
    const memory = memories.get(text)
    if (after !== undefined && refreshWish(after) !== undefined && memory !== undefined) memory.refreshSeenAt ??= clock.now()
    if (before === undefined || after === undefined || !isOwnEcho(before, after)) queue.add(text)
  }
  const liveChanged = (text: string): void => {
    const [space = '', name = ''] = text.split('/')
    const phase = applications.cache.get(name, space)?.status?.operationState?.phase
    // A sync that goes on may be waiting for just this.
    queue.addAfter(text, phase === 'Running' || phase === 'Terminating' ? 0 : liveDelay)
  }
  const start = async (): Promise<void> => {
    await Promise.all([applications.synced, projects.synced, configs.synced, repositories.synced, crds.synced])
    const readConfig = (): void => {
      settings = readSettings(configs.cache.get('argocd-cm', namespace)?.data as Record<string, string> | undefined)
      for (const problem of settings.problems) log.warn('setting ignored', { problem })
      live.retrack(settings.tracking)
    }
    readConfig()
    configs.onChange(({ before, after }) => {
      if ((after ?? before)?.metadata.name !== 'argocd-cm' || deepEqual(before?.data, after?.data)) return
      readConfig()
      wakeAll((memory) => { memory.stale = true })
    })
    projects.onChange(({ before, after }) => {
      if (after?.spec.orphanedResources !== undefined) log.warn('orphaned resources are not looked for', { project: after.metadata.name })
      for (const application of applications.cache.list()) if (application.spec.project === (after ?? before)?.metadata.name) queue.add(keyOf(application))
    })
    repositories.onChange(({ before }) => { if (before !== undefined) wakeAll((memory) => { memory.stale ||= memory.failures > 0 }) })
    // A kind has come: who missed it looks again at once instead of after its back-off.
    crds.onChange(({ before, after }) => {
      if (after === undefined && before !== undefined) live.drop(before.spec.group, before.spec.names.kind)
      if (after === undefined || !isEstablished(after)) return
      for (const [text, memory] of memories) {
        if (!memory.missingKinds) continue
        Object.assign(memory, { stale: true, kindsCame: true })
        queue.add(text)
      }
    })
    live.onChange(({ key, applications: named }) => {
      for (const name of named) liveChanged(`${namespace}/${name}`)
      for (const text of wanted.get(key) ?? []) liveChanged(text)
    })
    applications.onChange(applicationChanged)
  }
  const started = start()
  started.catch((error: unknown) => { if (!signal.aborted) log.error('application controller did not start', { error: messageOf(error) }) })
  return {
    started,
    get idle() { return queue.idle },
    wake: (name, space = namespace) => queue.add(`${space}/${name}`),
    metricsText: () => metrics.text(applications.cache.list()),
  }
}

function keyOf({ metadata }: Application): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
}

/** True for a change of nothing but the status: that was us. */
function isOwnEcho(before: Application, after: Application): boolean {
  const asked = (one: Application): unknown => [one.spec, one.operation, one.metadata.deletionTimestamp, one.metadata.finalizers, one.metadata.annotations]
  const [was, is] = [before, after].map((one) => JSON.stringify(asked(one)))
  const phase = (one: Application): string | undefined => one.status?.operationState?.phase
  return was === is && phase(before) === phase(after)
}

function isEstablished(crd: CustomResourceDefinition): boolean {
  return crd.status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True') === true
}

/** For callers that name a kind by its version. */
export function groupOf(apiVersion: string): string {
  return parseApiVersion(apiVersion).group
}
