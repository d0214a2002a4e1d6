import { createHmac } from 'node:crypto'
import { backoff, messageOf, sleep, type Clock, type Log } from '@idp/kit'

export interface DeliveryOptions {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly secret?: string | undefined
}

const attempts = 8

/** POSTs one event to every URL. Tries again with back-off for about a minute; what cannot be delivered is logged, since receivers also poll. */
export async function deliverWebhooks(urls: readonly string[], event: object, { fetch, clock, log, signal, secret }: DeliveryOptions): Promise<void> {
  const body = JSON.stringify(event)
  const headers: Record<string, string> = { 'content-type': 'application/json', 'x-github-event': 'push', 'user-agent': 'idp-git-server' }
  if (secret !== undefined && secret !== '') headers['x-hub-signature-256'] = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  await Promise.all(urls.map(async (url) => {
    for (let tries = 1; tries <= attempts; tries++) {
      try {
        const response = await fetch(url, { method: 'POST', headers, body, signal })
        await response.body?.cancel()
        if (response.status < 500) {
          if (!response.ok) log.warn('webhook was refused', { url, status: response.status })
          return
        }
      } catch (error) {
        if (signal.aborted) return
        if (tries === attempts) log.warn('webhook was not delivered', { url, error: messageOf(error) })
      }
      try {
        await sleep(clock, backoff(tries, { initial: 250, max: 16_000 }), signal)
      } catch {
        // The server ends; so does its delivery.
        return
      }
    }
  }))
}
