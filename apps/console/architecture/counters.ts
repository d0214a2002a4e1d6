import type { Client } from '@idp/client'
import { messageOf, sleep, type Clock, type Log } from '@idp/kit'
import { words, type World } from '@idp/platform'
import type { KnownArrow } from './arrows.ts'
import type { Light } from './light-board.ts'

/**
 * What no watch tells: samples that Prometheus takes and records that Fluent Bit reads and delivers. Both count, so both are asked for their
 * counters, through the API server's proxy and only while somebody looks.
 */
export interface CounterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly arrows: readonly KnownArrow[]
  readonly world: () => World
  readonly watched: () => boolean
  readonly onLight: (light: Light) => void
}

/** How often it is seen whether somebody looks. */
const idle = 400
const every = 3_000
const prometheus = '/api/v1/namespaces/observability/services/prometheus-kube-prometheus-prometheus:9090/proxy/api/v1/query'
/** Jobs of the cluster's own parts: the arrow from an application's pod is not about them. */
const clusterJobs = new Set(['kubelet', 'apiserver', 'kube-state-metrics', 'node-exporter', 'prometheus-prometheus-node-exporter'])

/** Asks until the signal ends it. */
export async function watchCounters(options: CounterOptions): Promise<void> {
  const { clock, signal, log, watched } = options
  const scraped = new Map<string, number>()
  const records = new Map<string, { readonly read: number; readonly sent: number }>()
  while (!signal.aborted) {
    if (watched()) {
      await Promise.all([seeScrapes(options, scraped), seeRecords(options, records)]).catch((error: unknown) => log.debug('counters cannot be read', { error: messageOf(error) }))
    }
    await sleep(clock, watched() ? every : idle, signal).catch(() => {})
  }
}

interface Sample { readonly metric: { readonly job?: string }; readonly value: readonly [number, string] }

/** `timestamp(up)` is when a target was scraped last. */
async function seeScrapes({ client, arrows, onLight, world }: CounterOptions, scraped: Map<string, number>): Promise<void> {
  if (world().find({ kind: 'Service', namespace: 'observability', name: 'prometheus-kube-prometheus-prometheus' }) === undefined) return
  const response = await client.request(`${prometheus}?query=${encodeURIComponent('max by (job) (timestamp(up))')}`)
  if (!response.ok) return
  const { data } = (await response.json()) as { data?: { result?: readonly Sample[] } }
  for (const { metric: { job = '' }, value } of data?.result ?? []) {
    const at = Number(value[1]) * 1_000
    const before = scraped.get(job)
    scraped.set(job, at)
    if (before === undefined || at <= before) continue
    const lit = arrows.filter(({ check, with: own }) => (check === 'metrics-scraped' && own?.['job'] === job) || (check === 'application-metrics' && !clusterJobs.has(job))).map(({ id }) => id)
    if (lit.length > 0) onLight({ arrows: lit, at, says: `Prometheus scraped job ${job}`, source: 'counter' })
  }
}

/** Records read from container logs and delivered to Loki, by agent. */
async function seeRecords({ client, clock, arrows, onLight, world }: CounterOptions, records: Map<string, { readonly read: number; readonly sent: number }>): Promise<void> {
  const agents = world().list('Pod').filter(({ metadata }) => metadata.namespace === 'observability' && metadata.labels?.['app.kubernetes.io/name'] === 'fluent-bit')
  await Promise.all(agents.map(async (pod) => {
    const { name = '' } = pod.metadata
    const response = await client.request(`/api/v1/namespaces/observability/pods/${name}:2020/proxy/api/v1/metrics/prometheus`)
    if (!response.ok) return
    const metrics = await response.text()
    const sum = (metric: string): number => [...metrics.matchAll(new RegExp(`^${metric}\\{[^}]*\\} (\\d+)`, 'gm'))].reduce((total, [, count]) => total + Number(count), 0)
    const now = { read: sum('fluentbit_input_records_total'), sent: sum('fluentbit_output_proc_records_total') }
    const before = records.get(name)
    records.set(name, now)
    if (before === undefined) return
    const on = (...checks: string[]): string[] => arrows.filter(({ check }) => checks.includes(check ?? '')).map(({ id }) => id)
    const ref = { kind: 'Pod', name, namespace: 'observability' }
    const node = words(pod, 'spec', 'nodeName')
    if (now.read > before.read) onLight({ arrows: on('logs-written', 'logs-tailed'), at: clock.now(), says: `Fluent Bit on ${node} read ${now.read - before.read} log records`, source: 'counter', ref })
    if (now.sent > before.sent) onLight({ arrows: on('logs-forwarded'), at: clock.now(), says: `Fluent Bit on ${node} delivered ${now.sent - before.sent} records to Loki`, source: 'counter', ref })
  }))
}
