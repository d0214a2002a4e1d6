import { CodedError, messageOf, sleep } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { Stored } from '../engine/event-log.ts'
import type { CloudEvent } from '../kinds/events.ts'

const retryMs = 1_000

type Net = Pick<Container, 'clock' | 'env' | 'log' | 'net' | 'signal'>

function busUrl({ env }: Net): string {
  const config = JSON.parse(Buffer.from(env['EVENTBUS_CONFIG'] ?? '', 'base64').toString() || '{}') as { jetstream?: { url?: string } }
  const url = config.jetstream?.url
  if (url === undefined) throw new CodedError({ code: 'NoEventBus', message: 'EVENTBUS_CONFIG has no address', where: 'EVENTBUS_CONFIG' })
  return url.replace(/^nats:/, 'http:')
}

/** Puts an event on the bus; tries again while the bus is away, a few times. */
export async function publish(container: Net, event: CloudEvent, tries = 5): Promise<void> {
  const { clock, log, net, signal } = container
  for (let left = tries; ; left--) {
    try {
      const response = await net.fetch(`${busUrl(container)}/publish`, { method: 'POST', body: JSON.stringify(event), signal })
      await response.body?.cancel()
      if (!response.ok) throw new CodedError({ code: 'BusRefused', message: `the event bus answers ${response.status}` })
      return
    } catch (error) {
      if (signal.aborted || left <= 1) throw error
      log.warn('the event bus did not take an event; trying again', { error: messageOf(error) })
      await sleep(clock, retryMs, signal)
    }
  }
}

/** Gives each event once to `handle`, in order; acknowledged when it is done. Ends with the signal. */
export async function consume(container: Net, consumer: string, handle: (event: CloudEvent) => Promise<void>, ready: () => void): Promise<void> {
  const { clock, log, net, signal } = container
  const url = busUrl(container)
  const name = encodeURIComponent(consumer)
  const ack = async (sequence: number): Promise<void> => { await (await net.fetch(`${url}/ack?consumer=${name}&sequence=${sequence}`, { method: 'POST', signal })).body?.cancel() }
  // Its position is known to the bus before it says that it is ready.
  let known = false
  while (!signal.aborted) {
    try {
      if (!known) { await ack(0); known = true; ready() }
      const response = await net.fetch(`${url}/next?consumer=${name}`, { signal })
      if (!response.ok) throw new CodedError({ code: 'BusRefused', message: `the event bus answers ${response.status}` })
      for (const { sequence, event } of await response.json() as Stored[]) {
        await handle(event)
        await ack(sequence)
      }
    } catch (error) {
      if (signal.aborted) return
      log.warn('the event bus cannot be read; trying again', { error: messageOf(error) })
      await sleep(clock, retryMs, signal).catch(() => {})
    }
  }
}
