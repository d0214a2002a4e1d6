import { ConfigMap, isApiError, Pod, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { createEventRecorder, createWorkQueue, informer, type Informer } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { CodedError, isCoded, messageOf, rfc3339, type Clock, type Log } from '@idp/kit'
import type { Net } from '@idp/sandbox'
import type { Kind } from '@idp/api'
import { isOver, operate, type Operated } from '../engine/operate.ts'
import { isFulfilled, markNode, type Operation, type PodRequest, type World } from '../engine/operation.ts'
import { labels, mainEnded, podObject, type Executor } from '../engine/pod-object.ts'
import { ClusterWorkflowTemplateKind, WorkflowKind, WorkflowTaskResultKind, WorkflowTemplateKind, type Workflow, type WorkflowSpec } from '../kinds/workflow.ts'
import { cleanUp, releasePods } from './clean-up.ts'
import { httpAnswers, type ReadSecret } from './http-answers.ts'

export interface WorkflowLoopOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly net: Pick<Net, 'fetch'>
  readonly executor: Executor
  /** Most workflows that run at once; without it all do. */
  readonly parallelism?: number | undefined
  /** What every workflow gets that does not say it itself. */
  readonly defaults?: WorkflowSpec | undefined
}

export interface WorkflowLoop {
  readonly synced: Promise<unknown>
  readonly workflows: Informer<Workflow>
  /** Upstream's gauges by phase. */
  phases(): ReadonlyMap<string, number>
}

const manager = 'workflow-controller'
const keyOf = (namespace: string | undefined, name: string | undefined): string => `${namespace ?? ''}/${name ?? ''}`

/** Brings every Workflow from its creation to its end: one pass for each change of it, of its pods and of their reports. */
export function runWorkflows(options: WorkflowLoopOptions): WorkflowLoop {
  const { client, clock, log, signal } = options
  const follow = <T extends KubeObject>(kind: Kind<T>, query: { labelSelector?: string } = {}): Informer<T> => informer(client, kind, { signal, clock, log, query })
  const workflows = follow(WorkflowKind)
  const pods = follow(Pod as Kind<Pod>, { labelSelector: labels.workflow })
  const results = follow(WorkflowTaskResultKind)
  const [templates, clusterTemplates] = [follow(WorkflowTemplateKind), follow(ClusterWorkflowTemplateKind)]
  const recorder = createEventRecorder({ client, clock, log, signal, component: manager })
  /** What main containers printed, by namespace and pod. Dropped with the workflow's end. */
  const printed = new Map<string, string>()
  /** Pods whose executor knows that the main container has ended. */
  const told = new Set<string>()
  const configMaps = new Map<string, Readonly<Record<string, string>>>()
  const queue = createWorkQueue({ clock, concurrency: 4, work: (key) => work(key) })
  const secretValue: ReadSecret = async (workflow, { name, key }) => {
    const value = (await client.get(Secret, name, { namespace: workflow.split('/')[0] })).data?.[key]
    if (value === undefined) throw new CodedError({ code: 'SecretKeyMissing', message: `the secret ${name} has no key ${key}`, where: workflow })
    return Buffer.from(value, 'base64').toString()
  }
  const answers = httpAnswers(options.net, signal, secretValue, (key) => queue.add(key))
  signal.addEventListener('abort', () => queue.stop(), { once: true })

  workflows.onChange(({ before, after }) => {
    const { metadata } = (after ?? before) as Workflow
    queue.add(keyOf(metadata.namespace, metadata.name))
    // A place is free: those that wait for one look again.
    if (options.parallelism !== undefined && (after === undefined || isOver(after))) for (const one of workflows.cache.list()) if (one.status?.phase === 'Pending') queue.add(keyOf(one.metadata.namespace, one.metadata.name))
  })
  for (const view of [pods, results] as unknown as Informer<KubeObject>[]) view.onChange(({ before, after }) => {
    const { namespace, labels: own } = (after ?? before as KubeObject).metadata
    const name = own?.[labels.workflow]
    if (name !== undefined) queue.add(keyOf(namespace, name))
  })

  const worldOf = ({ metadata: { namespace = '', name = '' } }: Workflow): World => ({
    now: clock.now(),
    pod: (pod) => pods.cache.get(pod, namespace),
    taskResult: (id) => results.cache.get(id, namespace),
    printed: (pod) => printed.get(`${namespace}/${name}/${pod}`),
    answer: (id) => answers.get(keyOf(namespace, name), id),
    template: (ref) => (ref.clusterScope === true ? clusterTemplates.cache.get(ref.name) : templates.cache.get(ref.name, namespace))?.spec,
    configMap: (map) => configMaps.get(`${namespace}/${map}`),
  })

  async function work(key: string): Promise<void> {
    try {
      await pass(key)
      queue.forget(key)
    } catch (error) {
      if (signal.aborted) return
      // Somebody else wrote it (the server resumed or stopped it): the watch brings that, and another pass.
      if (!isApiError(error, 'Conflict')) log.warn('a workflow could not be worked on; trying again', { workflow: key, error: messageOf(error) })
      queue.addRateLimited(key)
    }
  }

  async function pass(key: string): Promise<void> {
    const [namespace = '', name = ''] = key.split('/')
    const workflow = workflows.cache.get(name, namespace)
    if (workflow === undefined || workflow.metadata.deletionTimestamp !== undefined) return forget(key)
    if (isOver(workflow)) {
      forget(key)
      const again = await cleanUp({ client, clock, pods }, workflow)
      if (again !== undefined) queue.addAfter(key, again)
      return
    }
    if (await postponed(workflow)) return
    await readConfigMaps(workflow)
    const merged: Workflow = { ...workflow, spec: { ...options.defaults, ...workflow.spec } }
    const operated = operate(merged, worldOf(workflow))
    await start(merged, operated)
    await carryOut(key, workflow, operated)
    await write(workflow, operated)
    if (operated.effects.wakeAt !== undefined) queue.addAfter(key, Math.max(1, operated.effects.wakeAt - clock.now()))
  }

  function forget(key: string): void {
    answers.forget(key)
    for (const one of printed.keys()) if (one.startsWith(`${key}/`)) printed.delete(one)
    for (const one of told) if (one.startsWith(`${key}/`)) told.delete(one)
  }

  /** With the controller's parallelism used up a new workflow waits. */
  async function postponed(workflow: Workflow): Promise<boolean> {
    if (options.parallelism === undefined || workflow.status?.startedAt !== undefined) return false
    const running = workflows.cache.list().filter((one) => one.status?.phase === 'Running').length
    if (running < options.parallelism) return false
    if (workflow.status?.phase !== 'Pending') await put(workflow, { phase: 'Pending', message: 'Workflow processing has been postponed because too many workflows are already running' })
    return true
  }

  async function readConfigMaps({ metadata: { namespace = '' }, spec }: Workflow): Promise<void> {
    for (const { valueFrom } of spec.arguments?.parameters ?? []) {
      const name = valueFrom?.configMapKeyRef?.name
      if (name === undefined) continue
      const map = await client.get(ConfigMap, name, { namespace }).catch((error: unknown) => { if (isApiError(error, 'NotFound')) return undefined; throw error })
      configMaps.set(`${namespace}/${name}`, map?.data ?? {})
    }
  }

  async function start(workflow: Workflow, { effects, spec, status }: Operated): Promise<void> {
    for (const request of effects.pods) {
      try {
        pods.observe(await client.create(Pod, podObject(workflow, spec, request, options.executor), { fieldManager: manager }))
      } catch (error) {
        if (isApiError(error, 'AlreadyExists')) continue
        fail(request, status, error)
      }
    }
  }

  /** A pod that the API server refuses ends its node; one that the quota has no room for is tried again. */
  function fail({ node }: PodRequest, { nodes = {} }: Operated['status'], error: unknown): void {
    if (isApiError(error, 'Forbidden') && messageOf(error).includes('exceeded quota')) { delete nodes[node.id]; throw error }
    if (!isApiError(error) && !isCoded(error)) throw error
    if (isApiError(error) && error.code >= 500) throw error
    markNode({ world: { now: clock.now() } } as Operation, node, 'Error', messageOf(error))
  }

  async function carryOut(key: string, { metadata: { namespace } }: Workflow, { effects }: Operated): Promise<void> {
    for (const name of effects.read) {
      const response = await client.request(`/api/v1/namespaces/${namespace ?? ''}/pods/${name}/log?container=main`)
      printed.set(`${key}/${name}`, response.ok ? await response.text() : '')
      queue.add(key)
    }
    for (const name of effects.ended) {
      const pod = pods.cache.get(name, namespace)
      if (pod?.spec.volumes?.some((volume) => volume.name === 'main-state') !== true || told.has(`${key}/${name}`)) continue
      const owner = { apiVersion: 'v1', kind: 'Pod', name, uid: pod.metadata.uid ?? '' }
      await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: namespace ?? '', ownerReferences: [owner] }, data: { [mainEnded]: rfc3339(clock.now()) } })
        .catch((error: unknown) => { if (!isApiError(error, 'AlreadyExists')) throw error })
      told.add(`${key}/${name}`)
    }
    for (const name of effects.remove) if (pods.cache.get(name, namespace) !== undefined) await client.delete(Pod, name, { namespace }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
    for (const { node, template } of effects.http) answers.ask(key, node.id, template.http ?? { url: '' })
  }

  async function write(workflow: Workflow, { status, effects, spec }: Operated): Promise<void> {
    if (deepEqual(status, workflow.status ?? {})) return
    const written = await put(workflow, status)
    const before = workflow.status?.phase
    if (status.phase !== before) {
      const reason = `Workflow${status.phase === 'Error' ? 'Failed' : status.phase ?? ''}`
      recorder.event({ object: written }, status.phase === 'Failed' || status.phase === 'Error' ? 'Warning' : 'Normal', reason, status.message ?? `Workflow ${status.phase === 'Running' ? 'Running' : 'completed'}`)
    }
    await releasePods({ client, pods, log }, written, spec, Object.values(status.nodes ?? {}).filter((node) => node.type === 'Pod' && isFulfilled(node)))
    if (effects.pods.length > 0) queue.add(keyOf(workflow.metadata.namespace, workflow.metadata.name))
  }

  async function put(workflow: Workflow, status: Workflow['status']): Promise<Workflow> {
    const phase = status?.phase ?? ''
    const over = isOver({ ...workflow, ...(status === undefined ? {} : { status }) })
    const written = await client.update(WorkflowKind, { ...workflow, apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', metadata: { ...workflow.metadata, labels: { ...workflow.metadata.labels, [labels.phase]: phase, [labels.completed]: String(over) } }, ...(status === undefined ? {} : { status }) }, { fieldManager: manager })
    workflows.observe(written)
    return written
  }

  return {
    workflows, synced: Promise.all([workflows.synced, pods.synced, results.synced, templates.synced, clusterTemplates.synced]),
    phases: () => workflows.cache.list().reduce((counts, { status }) => counts.set(status?.phase ?? 'Pending', (counts.get(status?.phase ?? 'Pending') ?? 0) + 1), new Map<string, number>()),
  }
}
