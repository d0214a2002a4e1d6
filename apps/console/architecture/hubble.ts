import type { Client } from '@idp/client'
import { messageOf, sleep, type Clock, type Log } from '@idp/kit'
import { objects, words, type World } from '@idp/platform'
import type { ExecInPod } from '../exec-in-pod.ts'
import type { Flow } from './flow-signals.ts'

export interface HubbleOptions {
  readonly client: Client
  /** Without it only the page of Hubble is asked. */
  readonly exec?: ExecInPod | undefined
  readonly world: () => World
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly watched: () => boolean
  readonly onFlow: (flow: Flow) => void
  /** Called with undefined when flows come, else with why they do not. */
  readonly onState: (problem: string | undefined) => void
}

/** The page of the stand-in hands out flows as server-sent events; it is reached through the API server's proxy. */
const page = '/api/v1/namespaces/kube-system/services/hubble-ui:80/proxy/api/flows?last=1'
/** Upstream's page speaks gRPC only; the command in the agents is the same on both. */
const observe = ['hubble', 'observe', '--follow', '--last', '1', '--output', 'jsonpb']
/** Every agent knows the flows of its own node; on a large cluster the first ones stand for all. */
const mostAgents = 8
/** How often it is seen whether somebody looks. */
const idle = 400
const again = 5_000

/** Follows Hubble's flows while somebody looks, until the signal ends it. */
export async function followFlows(options: HubbleOptions): Promise<void> {
  const { clock, signal, watched, onState, log } = options
  while (!signal.aborted) {
    if (watched()) {
      const stop = new AbortController()
      const ended = AbortSignal.any([signal, stop.signal])
      const looked = watchLookers(options, stop, ended)
      try {
        const problem = await followPage(options, ended) ?? await followAgents(options, ended)
        if (!ended.aborted) onState(problem)
      } catch (error) {
        if (signal.aborted) return
        if (!stop.signal.aborted) onState(messageOf(error))
        log.debug('flows cannot be followed', { error: messageOf(error) })
      }
      stop.abort(new Error('the flows have ended'))
      await looked
    }
    await sleep(clock, watched() ? again : idle, signal).catch(() => {})
  }
}

/** Ends the following when nobody has looked for a while. */
async function watchLookers({ clock, watched }: HubbleOptions, stop: AbortController, ended: AbortSignal): Promise<void> {
  let looked = clock.now()
  while (!ended.aborted) {
    if (watched()) looked = clock.now()
    else if (clock.now() - looked > again) stop.abort(new Error('nobody looks'))
    await sleep(clock, idle, ended).catch(() => {})
  }
}

/** Undefined when the page hands out no flows; otherwise why they have ended. */
async function followPage({ client, onFlow, onState }: HubbleOptions, signal: AbortSignal): Promise<string | undefined> {
  const response = await client.request(page, { headers: { accept: 'text/event-stream' }, signal })
  if (!response.ok || response.headers.get('content-type')?.startsWith('text/event-stream') !== true || response.body === null) {
    await response.body?.cancel()
    return undefined
  }
  onState(undefined)
  await eachFlow(response.body.pipeThrough(new TextDecoderStream()), '\n\n', onFlow)
  return 'Hubble ended the stream'
}

async function followAgents({ exec, world, onFlow, onState }: HubbleOptions, signal: AbortSignal): Promise<string> {
  const agents = world().list('Pod').filter((pod) => pod.metadata.labels?.['k8s-app'] === 'cilium' && words(pod, 'status', 'phase') === 'Running').slice(0, mostAgents)
  if (agents.length === 0) return 'no agent of Cilium runs'
  if (exec === undefined) return 'the page of Hubble hands out none'
  const first = (flow: Flow): void => {
    onState(undefined)
    onFlow(flow)
  }
  const ends = await Promise.allSettled(agents.map((pod) => {
    const container = objects(pod, 'spec', 'containers').map((one) => words(one, 'name'))
    return eachFlow(exec({ namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name ?? '', container: container.includes('cilium-agent') ? 'cilium-agent' : container[0] ?? '', command: observe }, signal), '\n', first)
  }))
  const failed = ends.find((end) => end.status === 'rejected')
  return failed === undefined ? 'hubble observe has ended' : `hubble observe: ${messageOf(failed.reason)}`
}

/** Reads flows, each a JSON object, from pieces of text. */
async function eachFlow(pieces: AsyncIterable<string>, end: string, onFlow: (flow: Flow) => void): Promise<void> {
  let rest = ''
  for await (const piece of pieces) {
    const blocks = (rest + piece).split(end)
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const text = block.replace(/^data: /, '').trim()
      if (!text.startsWith('{')) continue
      const { flow } = JSON.parse(text) as { flow?: Flow }
      if (flow !== undefined) onFlow(flow)
    }
  }
}
