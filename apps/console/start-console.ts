import type { Client } from '@idp/client'
import { listen } from '@idp/http'
import { messageOf, type Clock, type Log, type Random } from '@idp/kit'
import { examine, examineWorld, type ArrowResult, type Diagram, type Examination } from '@idp/platform'
import { arrowsOf } from './architecture/arrows.ts'
import { boxStates } from './architecture/box-state.ts'
import { watchCounters } from './architecture/counters.ts'
import { arrowsOfFlow, flowTitle } from './architecture/flow-signals.ts'
import { followFlows } from './architecture/hubble.ts'
import { lightBoard, type Light } from './architecture/light-board.ts'
import { loadAssets } from './server/assets.ts'
import type { ExecInPod } from './exec-in-pod.ts'
import { createHub, type Collection } from './server/hub.ts'
import { routes } from './server/routes.ts'
import { createSessions } from './server/session.ts'
import { followVerdicts, type Verdicts } from './verdicts.ts'
import { applicationRows } from './views/application-rows.ts'
import { nodeRows, podRows } from './views/node-rows.ts'
import { problemRows } from './views/problem-rows.ts'
import { entryOf, keptEntries, pastEntries, type Entry } from './views/timeline.ts'
import { openLiveWorld } from './world/live-world.ts'
import { pastChanges } from './world/past-changes.ts'

export interface ConsoleOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  readonly diagrams: readonly Diagram[]
  /** What the page calls the cluster. */
  readonly cluster: { readonly name: string; readonly engine: string }
  /** 0 for any free port. */
  readonly port: number
  /** How a command is run in a pod; without it Hubble's flows come from its page only. */
  readonly exec?: ExecInPod | undefined
  /** Where `idp verify --output json` was written, if anywhere. */
  readonly verdicts?: string | undefined
}

export interface Console extends AsyncDisposable {
  readonly port: number
  /** A link for one browser; the one before is void unless it was used. */
  link(): string
  /** Bytes of the page's own files, as sent. */
  readonly bytes: number
}

/** Kinds whose objects tell what flowed before the console was opened. */
const recalled = ['Application', 'ApplicationSet', 'Event', 'Pod', 'Secret', 'ExternalSecret', 'SecretStore', 'ClusterSecretStore', 'Certificate', 'CertificateRequest', 'ClusterIssuer', 'Gateway', 'HTTPRoute', 'PolicyReport', 'ClusterPolicyReport', 'VulnerabilityReport', 'Workflow', 'Node', 'Deployment', 'StatefulSet', 'DaemonSet', 'EndpointSlice']
/** One arrow of one connection lights at most this often. */
const flowPace = 400
/** The doctor asks Vaults and reads logs of what crashes: not more often than this, and only while somebody looks. */
const examinePace = 4_000

/** Starts the console: live views of a cluster through its API, on a port of this machine. Throws CodedError `ApiUnreachable`, `PortTaken`. */
export async function startConsole(options: ConsoleOptions): Promise<Console> {
  const { client, clock, log, diagrams, cluster } = options
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const assets = await loadAssets(new URL('web/', import.meta.url))
  const live = await openLiveWorld({ client, clock, log, signal })
  const arrows = arrowsOf(diagrams)
  const board = lightBoard(arrows)
  board.recall(pastChanges(live.now(), recalled), live.now())
  const sessions = createSessions(options.random)
  const timeline = new Map<string, Entry>(pastEntries(live.now()).map((entry) => [entry.id, entry]))
  let verdicts: Verdicts | undefined
  let deep: Pick<Examination, 'problems' | 'notices' | 'unread'> | undefined
  let flows: string | undefined = 'not asked yet'

  const verdictOf = (id: string): ArrowResult | undefined => {
    const arrow = arrows.find((one) => one.id === id)
    return verdicts?.arrows.find((one) => one.diagram === arrow?.diagram && one.from === arrow.from && one.to === arrow.to && one.label === (arrow.label ?? '').replaceAll('\n', ' '))
  }
  const anyKind = 'any' as const
  const collections: readonly Collection[] = [
    { name: 'boxes', kinds: anyKind, compute: () => new Map(diagrams.flatMap(({ name }) => [...boxStates(name, live.now())].map(([node, state]) => [`${name}/${node}`, state] as const))) },
    { name: 'arrows', kinds: new Set(['#verdicts']), unmarked: true, compute: () => new Map(arrows.map(({ id }) => { const verdict = verdictOf(id); return [id, { verdict: verdict?.verdict ?? '', count: board.count(id), last: board.of(id)[0] ?? null }] as const })) },
    { name: 'applications', kinds: new Set(['Application', 'Pod']), compute: () => applicationRows(live.now()) },
    { name: 'problems', kinds: anyKind, compute: () => problemRows(examineWorld(live.now()), deep) },
    { name: 'nodes', kinds: new Set(['Node', 'Pod']), compute: () => nodeRows(live.now()) },
    { name: 'pods', kinds: new Set(['Pod']), compute: () => podRows(live.now()) },
    { name: 'timeline', kinds: new Set(['#timeline']), compute: () => timeline },
    { name: 'about', kinds: anyKind, compute: () => new Map<string, unknown>([['sources', { objects: live.objects, unread: live.unread(), flows: flows ?? '', verdictsAt: verdicts?.at ?? 0, notices: deep?.notices ?? [] }]]) },
  ]
  const hub = createHub(collections, clock)
  const light = (lit: Light): void => hub.tell({ c: 'light', ...lit })

  live.onChange((change) => {
    for (const lit of board.see(change, live.now())) light(lit)
    const entry = entryOf(change)
    if (entry !== undefined) {
      timeline.delete(entry.id)
      timeline.set(entry.id, entry)
      for (const id of [...timeline.keys()].slice(0, Math.max(0, timeline.size - keptEntries))) timeline.delete(id)
      hub.dirty('#timeline')
    }
    hub.dirty(change.kind)
    deepen()
  })

  live.onList((kind) => hub.dirty(kind))

  let examining: Disposable | undefined
  const deepen = (): void => {
    examining ??= clock.timer(examinePace, () => {
      if (!hub.watched) return void (examining = undefined)
      examine(client, clock).then((found) => { deep = found }, (error: unknown) => log.debug('the examination failed', { error: messageOf(error) })).finally(() => {
        examining = undefined
        hub.dirty('#problems')
      })
    })
  }
  const take = (lit: Light): void => {
    board.take(lit)
    light(lit)
  }
  const paced = new Map<string, number>()
  void followFlows({
    client, exec: options.exec, world: () => live.now(), clock, log, signal, watched: () => hub.watched, onState: (problem) => { flows = problem; hub.dirty('#flows') },
    onFlow(flow) {
      const lit = arrowsOfFlow(flow, arrows, live.now())
      const says = flowTitle(flow) ?? 'a request reached the gateway'
      const now = clock.now()
      if (lit.length === 0 || now - (paced.get(says) ?? 0) < flowPace) return
      paced.set(says, now)
      take({ arrows: lit, at: now, says: `connection ${says}`, source: 'flow' })
    },
  })
  void watchCounters({ client, clock, log, signal, arrows, world: () => live.now(), watched: () => hub.watched, onLight: take })
  if (options.verdicts !== undefined) {
    void followVerdicts(options.verdicts, { clock, signal, onVerdicts: (read) => { verdicts = read; hub.dirty('#verdicts') }, onProblem: (error) => log.warn(messageOf(error)) })
  }

  let port = 0
  const handler = routes({
    client, clock, signal, assets, sessions, hub, world: () => live.now(), diagrams, arrows, port: () => port, hello: () => ({ c: 'hello', cluster, now: clock.now() }),
    factsOf: (id) => ({ verdict: verdictOf(id), lights: board.of(id), count: board.count(id) }),
  })
  const listening = await listen({ port: options.port, server: { handler }, setting: '--port' }).catch((error: unknown) => {
    stop.abort(error)
    throw error
  })
  port = listening.port
  return {
    port, bytes: assets.bytes,
    link: () => `http://127.0.0.1:${port}/#${sessions.invite()}`,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the console ends'))
      examining?.[Symbol.dispose]()
      await listening[Symbol.asyncDispose]()
    },
  }
}
