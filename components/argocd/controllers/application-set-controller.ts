import { isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { controllerOf, createEventRecorder, createWorkQueue, informer, type CacheChange } from '@idp/controller'
import { deepEqual, type JsonObject } from '@idp/formats'
import { backoff, isCoded, messageOf, rfc3339, type Clock, type Log, type Random } from '@idp/kit'
import { goRenderer, plainRenderer } from '../engine/app-template.ts'
import { conditionsFor, mergedConditions, resourceRow } from '../engine/application-set-status.ts'
import { desiredApplication, ownerReference, sameDesire } from '../engine/desired-application.ts'
import { applicationsOf, GenerationError } from '../engine/generators/applications.ts'
import type { GeneratorWorld } from '../engine/generators/generate.ts'
import { concerns, type PushEvent } from '../engine/push-event.ts'
import { Application } from '../kinds/application.ts'
import { ApplicationSet, type ApplicationSetStatus, type ApplicationsSyncPolicy, type Generator } from '../kinds/application-set.ts'
import type { RepoService } from '../repo/repo-service.ts'
import { described } from './load-targets.ts'
import { repositoryBook } from './repository-book.ts'

export interface ApplicationSetControllerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly signal: AbortSignal
  readonly namespace: string
  readonly repo: RepoService
  /** `applicationsetcontroller.policy`; `sync` by default. A set's own policy counts before it. */
  readonly policy?: ApplicationsSyncPolicy
}

export interface ApplicationSetController {
  readonly started: Promise<void>
  readonly idle: boolean
  /** Looks at Git again for every set that the push may concern. */
  pushed(push: PushEvent): void
}

const setRefreshAnnotation = 'argocd.argoproj.io/application-set-refresh'
const defaultRequeue = 180_000
/** How often a server that does not answer is asked before the set's status says so; about half a minute. */
const unreachableAttempts = 60
/** How long changes of the Applications' status are collected before the set's own status shows them. */
const statusDelay = 3_000

/** Makes, updates and removes the Applications of every ApplicationSet. */
export function startApplicationSetController(options: ApplicationSetControllerOptions): ApplicationSetController {
  const { client, clock, log, signal, namespace } = options
  const query = { namespace }
  const sets = informer(client, ApplicationSet, { clock, log, signal, query })
  const applications = informer(client, Application, { clock, log, signal, query })
  const secrets = informer(client, Secret, { clock, log, signal, query: { namespace, labelSelector: 'argocd.argoproj.io/secret-type' } })
  const recorder = createEventRecorder({ client, clock, log, component: 'argocd-applicationset-controller', signal })
  const book = repositoryBook(() => secrets.cache.list())
  const freshAfter = new Map<string, number>()
  /** Sets to generate anew, when each is due anyway, and what stood in the way last time. */
  const dirty = new Set<string>()
  const dueAt = new Map<string, number>()
  const failures = new Map<string, GenerationError | undefined>()
  const attempts = new Map<string, number>()

  const world = (set: ApplicationSet): GeneratorWorld => {
    const fresh = freshAfter.get(set.metadata.name ?? '')
    const at = (repoURL: string, revision: string) => ({ repository: book.accessOf(repoURL), revision, ...(fresh === undefined ? {} : { freshAfter: fresh }) })
    const goTemplate = set.spec.goTemplate === true
    return {
      goTemplate, renderer: goTemplate ? goRenderer({ clock, random: options.random, options: set.spec.goTemplateOptions ?? [] }) : plainRenderer,
      directories: (repoURL, revision) => options.repo.directories(at(repoURL, revision)),
      files: (repoURL, revision, patterns) => options.repo.files({ ...at(repoURL, revision), patterns }),
      clusters: async () => secrets.cache.list().filter((one) => one.metadata.labels?.['argocd.argoproj.io/secret-type'] === 'cluster').map(clusterFacts),
    }
  }
  const owned = (set: ApplicationSet): Application[] => applications.cache.ownedBy(set.metadata.uid ?? '') as Application[]

  const reconcile = async (set: ApplicationSet): Promise<number> => {
    const name = set.metadata.name ?? ''
    const annotated = set.metadata.annotations?.[setRefreshAnnotation] === 'true'
    if (annotated) freshAfter.set(name, Math.max(freshAfter.get(name) ?? 0, clock.now()))
    let failure: GenerationError | undefined
    let wanted: Application[] = []
    try {
      wanted = await applicationsOf(set, world(set))
      failure = await converge(set, wanted)
    } catch (error) {
      if (!(error instanceof GenerationError)) throw error
      failure = error
    }
    // Nothing is known to be wrong with the set: who answers for Git has not come up yet. Soon it is asked again.
    if (failure !== undefined && isCoded(failure.cause, 'RepoServerUnreachable', 'GitUnreachable') && (attempts.get(name) ?? 0) < unreachableAttempts) {
      attempts.set(name, (attempts.get(name) ?? 0) + 1)
      return backoff(attempts.get(name) ?? 1, { initial: 50, max: 500 })
    }
    if (set.spec.strategy?.type === 'RollingSync') recorder.event({ object: set }, 'Warning', 'Unsupported', 'strategy RollingSync is not supported: all Applications sync at once')
    if (annotated) await client.patch(ApplicationSet, name, { metadata: { annotations: { [setRefreshAnnotation]: null } } }, { type: 'merge', namespace })
    failures.set(name, failure)
    await writeStatus(set, failure)
    attempts.set(name, failure === undefined ? 0 : (attempts.get(name) ?? 0) + 1)
    if (failure !== undefined) return backoff(attempts.get(name) ?? 1, { initial: 1_000, max: 60_000 })
    const seconds = set.spec.generators.map((one) => one.git?.requeueAfterSeconds).filter((one) => one !== undefined && one > 0)
    return seconds.length === 0 ? defaultRequeue : Math.min(...seconds.map((one) => (one ?? 0) * 1_000))
  }

  /** Creates, updates, then removes, as far as the policy lets it. One Application that is refused does not stop the others. */
  const converge = async (set: ApplicationSet, wanted: readonly Application[]): Promise<GenerationError | undefined> => {
    const policy = set.spec.syncPolicy?.applicationsSync ?? options.policy ?? 'sync'
    const problems: GenerationError[] = []
    const attempt = async (reason: string, run: () => Promise<void>): Promise<void> => {
      try {
        await run()
      } catch (error) {
        if (signal.aborted) throw error
        problems.push(new GenerationError(reason, described(error), error))
      }
    }
    await Promise.all(wanted.map(async (application) => {
      const live = applications.cache.get(application.metadata.name ?? '', namespace)
      if (live === undefined) await attempt('CreateApplicationError', () => create(set, application))
      else if (policy === 'sync' || policy === 'create-update') await attempt('UpdateApplicationError', () => update(set, live, application))
    }))
    if (policy === 'sync' || policy === 'create-delete') {
      const names = new Set(wanted.map((one) => one.metadata.name))
      for (const live of owned(set)) {
        if (names.has(live.metadata.name) || live.metadata.deletionTimestamp !== undefined) continue
        await attempt('DeleteApplicationError', async () => {
          await client.delete(Application, live.metadata.name ?? '', { namespace, propagationPolicy: 'Background' })
          recorder.event({ object: set }, 'Normal', 'Deleted', `Deleted Application "${live.metadata.name ?? ''}"`)
        })
      }
    }
    return problems[0]
  }

  const create = async (set: ApplicationSet, application: Application): Promise<void> => {
    const object = { ...application, metadata: { ...application.metadata, ownerReferences: [ownerReference(set)] } }
    try {
      applications.observe(await client.create(Application, object, { fieldManager: 'argocd-applicationset-controller' }))
      recorder.event({ object: set }, 'Normal', 'created', `created Application "${application.metadata.name ?? ''}"`)
    } catch (error) {
      // Made a moment ago, or by somebody else: the next pass finds it in the cache.
      if (!isApiError(error, 'AlreadyExists')) throw error
    }
  }

  const update = async (set: ApplicationSet, live: Application, wanted: Application): Promise<void> => {
    const owner = controllerOf(live)
    if (owner !== undefined && owner.uid !== set.metadata.uid) throw new Error(`Application ${live.metadata.name ?? ''} is already owned by ${owner.kind} ${owner.name}`)
    const next = desiredApplication(set, live, wanted)
    if (sameDesire(live, next)) return
    applications.observe(await client.update(Application, next, { fieldManager: 'argocd-applicationset-controller' }))
    recorder.event({ object: set }, 'Normal', 'updated', `updated Application "${live.metadata.name ?? ''}"`)
  }

  const writeStatus = async (set: ApplicationSet, failure: GenerationError | undefined): Promise<void> => {
    const rows = owned(set).map(resourceRow).sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1))
    const conditions = mergedConditions(set.status?.conditions, conditionsFor(failure), rfc3339(clock.now()))
    const status: ApplicationSetStatus = { ...set.status, conditions, ...(rows.length === 0 ? { resources: [] } : { resources: rows, resourcesCount: rows.length }) }
    if (failure !== undefined && !(set.status?.conditions ?? []).some((one) => one.message === failure.message)) recorder.event({ object: set }, 'Warning', failure.reason, failure.message)
    if (deepEqual(set.status ?? {}, status)) return
    await client.patch(ApplicationSet, set.metadata.name ?? '', { status } as unknown as JsonObject, { type: 'merge', namespace, subresource: 'status' })
  }

  const queue = createWorkQueue({
    clock, concurrency: 4,
    async work(name) {
      const set = sets.cache.get(name, namespace)
      if (set === undefined || set.metadata.deletionTimestamp !== undefined) return
      try {
        // Changes of the Applications' status alone need no look at Git and no new templates.
        const due = dueAt.get(name) ?? 0
        if (dirty.delete(name) || clock.now() >= due) dueAt.set(name, clock.now() + await reconcile(set))
        else await writeStatus(set, failures.get(name))
        queue.addAfter(name, Math.max(0, (dueAt.get(name) ?? 0) - clock.now()))
        queue.forget(name)
      } catch (error) {
        if (signal.aborted) return
        dirty.add(name)
        log.warn('cannot reconcile application set; trying again', { applicationSet: name, error: messageOf(error) })
        queue.addRateLimited(name)
      }
    },
  })
  signal.addEventListener('abort', () => queue.stop(), { once: true })

  const generate = (name: string): void => {
    dirty.add(name)
    queue.add(name)
  }
  const applicationChanged = ({ before, after }: CacheChange<Application>): void => {
    const owner = controllerOf(after ?? before as Application) // a change has one of the two
    if (owner?.kind !== 'ApplicationSet') return
    if (before !== undefined && after !== undefined && sameDesire(before, after)) {
      if (before.status?.health?.status !== after.status?.health?.status || before.status?.sync?.status !== after.status?.sync?.status) queue.addAfter(owner.name, statusDelay)
    } else if (before === undefined && after !== undefined) queue.addAfter(owner.name, statusDelay)
    else generate(owner.name)
  }
  const start = async (): Promise<void> => {
    await Promise.all([sets.synced, applications.synced, secrets.synced])
    sets.onChange(({ before, after }) => {
      if (after === undefined) return
      if (before === undefined || !deepEqual(before.spec, after.spec) || after.metadata.annotations?.[setRefreshAnnotation] === 'true') {
        freshAfter.set(after.metadata.name ?? '', clock.now())
        generate(after.metadata.name ?? '')
      }
    })
    applications.onChange(applicationChanged)
    secrets.onChange(({ before }) => { if (before !== undefined) for (const set of sets.cache.list()) generate(set.metadata.name ?? '') })
  }
  const started = start()
  started.catch((error: unknown) => { if (!signal.aborted) log.error('application set controller did not start', { error: messageOf(error) }) })
  return {
    started,
    get idle() { return queue.idle },
    pushed(push) {
      for (const set of sets.cache.list()) {
        if (!set.spec.generators.some((one) => mayConcern(push, one))) continue
        freshAfter.set(set.metadata.name ?? '', clock.now())
        generate(set.metadata.name ?? '')
      }
    },
  }
}

function mayConcern(push: PushEvent, { git, matrix, merge }: Generator): boolean {
  if (git !== undefined) return concerns(push, { repoURL: git.repoURL, targetRevision: git.revision ?? 'HEAD' })
  return [...(matrix?.generators ?? []), ...(merge?.generators ?? [])].some((one) => mayConcern(push, one))
}

function clusterFacts({ data, metadata }: Secret) {
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString()
  return { name: text('name'), server: text('server'), project: text('project'), labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} }
}
