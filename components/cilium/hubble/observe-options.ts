import type { FlowFilter } from './flow-filter.ts'
import type { GetFlowsRequest } from './observe.ts'

export interface ObserveOptions {
  readonly request: GetFlowsRequest
  readonly output: 'json' | 'compact'
}

type Lists = { -readonly [K in keyof FlowFilter]?: string[] }

/** Options of a filter, and what they fill. `both`: either end. */
const filters: Readonly<Record<string, { readonly field: string; readonly both?: boolean; readonly upper?: boolean }>> = {
  '--verdict': { field: 'verdict', upper: true }, '--protocol': { field: 'protocol' }, '--traffic-direction': { field: 'traffic_direction', upper: true }, '--drop-reason-desc': { field: 'drop_reason_desc', upper: true },
  '--http-status': { field: 'http_status_code' }, '--http-method': { field: 'http_method' }, '--http-path': { field: 'http_path' }, '--dns-query': { field: 'dns_query' }, '--node-name': { field: 'node_name' }, '--uuid': { field: 'uuid' },
  '--pod': { field: 'pod', both: true }, '--from-pod': { field: 'source_pod' }, '--to-pod': { field: 'destination_pod' }, '--ip': { field: 'ip', both: true }, '--from-ip': { field: 'source_ip' }, '--to-ip': { field: 'destination_ip' },
  '--label': { field: 'label', both: true }, '--from-label': { field: 'source_label' }, '--to-label': { field: 'destination_label' }, '--port': { field: 'port', both: true }, '--from-port': { field: 'source_port' }, '--to-port': { field: 'destination_port' },
  '--service': { field: 'service', both: true }, '--from-service': { field: 'source_service' }, '--to-service': { field: 'destination_service' }, '--to-fqdn': { field: 'destination_fqdn' }, '--from-fqdn': { field: 'source_fqdn' },
  '--namespace': { field: 'pod', both: true }, '--from-namespace': { field: 'source_pod' }, '--to-namespace': { field: 'destination_pod' },
}
const short: Readonly<Record<string, string>> = { '-n': '--namespace', '-o': '--output', '-f': '--follow', '-t': '--type' }
const types: Readonly<Record<string, number>> = { drop: 1, trace: 4, 'policy-verdict': 5, l7: 129 }

/** Arguments of `hubble observe`. @throws Error for an option that it does not know */
export function parseObserve(args: readonly string[]): ObserveOptions {
  const shared: Lists = {}
  const either: { readonly source: Lists; readonly destination: Lists } = { source: {}, destination: {} }
  const events: { type: number }[] = []
  const request: { -readonly [K in keyof GetFlowsRequest]: GetFlowsRequest[K] } = {}
  let output: ObserveOptions['output'] = 'compact'
  let hasEither = false
  const words = args.flatMap((word) => (word.startsWith('--') && word.includes('=') ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] : [word]))
  for (let i = 0; i < words.length; i++) {
    const word = short[words[i] ?? ''] ?? words[i] ?? ''
    if (word === '--follow') { request.follow = true; continue }
    if (word === '--all') { request.number = String(Number.MAX_SAFE_INTEGER); continue }
    if (word === '--print-raw-filters' || word === '--numeric') continue
    const value = words[++i]
    if (value === undefined) throw new Error(`${word} needs a value`)
    if (word === '--last' || word === '--first') { request.number = value; request.first = word === '--first' }
    else if (word === '--since') request.since = value
    else if (word === '--until') request.until = value
    else if (word === '--output') output = value === 'json' || value === 'jsonpb' ? 'json' : 'compact'
    else if (word === '--type') events.push({ type: types[value] ?? unknown(`event type ${value}`) })
    else {
      const option = filters[word] ?? unknown(`option ${word}`)
      const wanted = word.endsWith('namespace') ? `${value}/` : option.upper === true ? value.toUpperCase() : value
      const fields = option.both === true ? [[either.source, `source_${option.field}`], [either.destination, `destination_${option.field}`]] as const : [[shared, option.field]] as const
      hasEither ||= option.both === true
      for (const [into, field] of fields) (into[field as keyof FlowFilter] ??= []).push(wanted)
    }
  }
  const base = { ...shared, ...(events.length === 0 ? {} : { event_type: events }) } as unknown as FlowFilter
  const whitelist = hasEither ? [{ ...base, ...either.source } as unknown as FlowFilter, { ...base, ...either.destination } as unknown as FlowFilter] : [base]
  if (request.number === undefined && request.since === undefined && request.follow !== true) request.number = '20'
  return { request: { ...request, ...(Object.keys(base).length === 0 && !hasEither ? {} : { whitelist }) }, output }
}

function unknown(what: string): never {
  throw new Error(`hubble observe: unknown ${what}`)
}
