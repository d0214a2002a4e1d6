import { sleep } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { createEventLog } from '../engine/event-log.ts'
import type { CloudEvent } from '../kinds/events.ts'

export const busPort = 4222
/** How long a consumer's question waits for a message. */
const pollMs = 20_000
const keptMessages = 10_000

/** The bus that EventSources and Sensors share: HTTP instead of NATS, messages in memory, a position for each consumer. */
export async function eventBus({ clock, log, net, signal }: Container): Promise<number> {
  const messages = createEventLog(keptMessages)
  await using _listener = await net.listen(busPort, { handler: async (request) => {
    const url = new URL(request.url)
    const consumer = url.searchParams.get('consumer') ?? ''
    if (url.pathname === '/healthz') return new Response('ok\n')
    if (url.pathname === '/publish' && request.method === 'POST') return Response.json({ sequence: messages.append(await request.json() as CloudEvent) })
    if (url.pathname === '/ack' && request.method === 'POST') {
      messages.acknowledge(consumer, Number(url.searchParams.get('sequence')))
      return Response.json({})
    }
    if (url.pathname !== '/next' || consumer === '') return new Response('not found\n', { status: 404 })
    let waiting = messages.after(consumer)
    if (waiting.length === 0) {
      const next = Promise.withResolvers<void>()
      using _listening = messages.onNext(next.resolve)
      const gone = AbortSignal.any([signal, request.signal])
      const stop = new AbortController()
      await Promise.race([next.promise, sleep(clock, pollMs, AbortSignal.any([gone, stop.signal])).catch(() => {})])
      stop.abort()
      waiting = messages.after(consumer)
    }
    return Response.json(waiting)
  } })
  log.info('the event bus is listening', { port: busPort })
  await untilAborted(signal)
  return 0
}
