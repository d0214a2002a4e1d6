import type { Client } from '@idp/client'
import { messageOf, sleep, type Clock, type Log } from '@idp/kit'
import type { Flow } from './flow-signals.ts'

export interface HubbleOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly watched: () => boolean
  readonly onFlow: (flow: Flow) => void
  /** Called with undefined when flows come, else with why they do not. */
  readonly onState: (problem: string | undefined) => void
}

/** The page of Hubble hands out flows as server-sent events; it is reached through the API server's proxy. */
const flows = '/api/v1/namespaces/kube-system/services/hubble-ui:80/proxy/api/flows?last=1'
/** How often it is seen whether somebody looks. */
const idle = 400
const again = 5_000

/** Follows Hubble's flows while somebody looks, until the signal ends it. */
export async function followFlows(options: HubbleOptions): Promise<void> {
  const { clock, signal, watched, onState, log } = options
  while (!signal.aborted) {
    if (watched()) {
      try {
        onState(await follow(options))
      } catch (error) {
        if (signal.aborted) return
        onState(messageOf(error))
        log.debug('flows cannot be followed', { error: messageOf(error) })
      }
    }
    await sleep(clock, watched() ? again : idle, signal).catch(() => {})
  }
}

async function follow({ client, clock, signal, watched, onFlow, onState }: HubbleOptions): Promise<string | undefined> {
  const stop = new AbortController()
  const response = await client.request(flows, { headers: { accept: 'text/event-stream' }, signal: AbortSignal.any([signal, stop.signal]) })
  if (!response.ok || response.headers.get('content-type')?.startsWith('text/event-stream') !== true || response.body === null) {
    await response.body?.cancel()
    return `Service kube-system/hubble-ui hands out no flows (${response.status})`
  }
  onState(undefined)
  let rest = ''
  let looked = clock.now()
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const { flow } = JSON.parse(block.replace(/^data: /, '')) as { flow?: Flow }
      if (flow !== undefined) onFlow(flow)
    }
    if (watched()) looked = clock.now()
    else if (clock.now() - looked > again) stop.abort(new Error('nobody looks'))
  }
  return 'Hubble ended the stream'
}
