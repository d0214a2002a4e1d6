import { isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { deliveries, type Delivery } from '../engine/payloads.ts'
import type { ResultRow } from '../engine/results.ts'
import { isWanted } from '../engine/target-filter.ts'
import { withSecret, type Target } from '../engine/target-config.ts'

/** Sends what reports newly say to the targets that want it. */
export interface ResultSender {
  /** The results of one report as they are now; those that were there before, and those that pass or are skipped, are not sent. `existed`: the report is older than the reporter. */
  report(key: string, rows: readonly ResultRow[], existed: boolean): void
  forget(key: string): void
}

const attempts = 3

/** One delivery after the other for each target; one that fails is tried again twice, then given up with a warning. */
export function createResultSender(targets: readonly Target[], { client, clock, log, net, signal, pod }: Pick<Container, 'clock' | 'log' | 'net' | 'signal' | 'pod'> & { readonly client: Client }): ResultSender {
  const known = new Map<string, ReadonlySet<string>>()
  const queues = new Map<string, Promise<void>>()
  const idOf = ({ policy, rule, status, uid, name }: ResultRow): string => [policy, rule, status, uid, name].join('|')
  const deliver = async (target: Target, delivery: Delivery): Promise<void> => {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const response = await net.fetch(delivery.url, { method: 'POST', headers: { ...delivery.headers }, body: JSON.stringify(delivery.body), signal })
        await response.body?.cancel()
        if (response.ok) return
        throw new Error(`HTTP ${response.status}`)
      } catch (error) {
        if (signal.aborted) return
        if (attempt >= attempts) return log.warn('a result could not be sent', { target: target.name, error: messageOf(error) })
        await new Promise<void>((resolve) => clock.timer(1_000 * attempt, resolve))
      }
    }
  }
  const send = async (target: Target, rows: readonly ResultRow[]): Promise<void> => {
    const ready = target.secretRef === '' ? target : withSecret(target, await secretData(client, target.secretRef, pod.namespace))
    if (ready.url === '') return log.warn('a target has no address', { target: target.name, secret: target.secretRef })
    for (const delivery of deliveries(ready, rows, clock.now())) await deliver(ready, delivery)
  }
  return {
    report(key, rows, existed) {
      const before = known.get(key)
      known.set(key, new Set(rows.map(idOf)))
      const fresh = rows.filter((row) => row.status !== 'pass' && row.status !== 'skip' && before?.has(idOf(row)) !== true)
      for (const target of targets) {
        if (before === undefined && existed && target.skipExistingOnStartup) continue
        const wanted = fresh.filter((row) => isWanted(row, target))
        if (wanted.length === 0) continue
        const next = (queues.get(target.name) ?? Promise.resolve()).then(() => send(target, wanted)).catch((error: unknown) => log.warn('results could not be sent', { target: target.name, error: messageOf(error) }))
        queues.set(target.name, next)
      }
    },
    forget: (key) => void known.delete(key),
  }
}

async function secretData(client: Client, name: string, namespace: string): Promise<Record<string, string>> {
  try {
    const { data = {} } = await client.get(Secret, name, { namespace })
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()]))
  } catch (error) {
    if (isApiError(error, 'NotFound')) return {}
    throw error
  }
}
