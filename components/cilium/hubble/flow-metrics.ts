import { dropReasons, eventName, eventTypes, tracePoints, type Flow } from './flow.ts'

/** Counters of Hubble (upstream's names and labels) over the flows of one node. */
export interface FlowMetrics {
  count(flow: Flow): void
  /** Prometheus text. */
  render(): string
}

const help: Readonly<Record<string, string>> = {
  hubble_flows_processed_total: 'Total number of flows processed', hubble_drop_total: 'Number of drops', hubble_tcp_flags_total: 'TCP flag occurrences', hubble_port_distribution_total: 'Numbers of packets distributed by destination port',
  hubble_http_requests_total: 'Count of HTTP requests by methods and response codes', hubble_dns_queries_total: 'Number of DNS queries observed', hubble_dns_responses_total: 'Number of DNS queries observed', hubble_dns_response_types_total: 'Number of DNS queries observed',
}
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @param groups names of Helm's `hubble.metrics.enabled` (`flow`, `drop`, `tcp`, `port-distribution`, `http`/`httpV2`, `dns`; options after `:` are ignored) */
export function createFlowMetrics(groups: readonly string[]): FlowMetrics {
  const on = new Set(groups.map((group) => group.split(':')[0]?.replace('httpV2', 'http')))
  const counters = new Map<string, Map<string, number>>()
  const durations = new Map<string, { readonly buckets: number[]; sum: number; count: number }>()
  const add = (group: string, name: string, labels: Readonly<Record<string, string>>) => {
    if (!on.has(group)) return
    const key = Object.entries(labels).map(([label, value]) => `${label}="${value.replaceAll(/["\\\n]/g, '_')}"`).join(',')
    const values = counters.get(name) ?? new Map<string, number>()
    counters.set(name, values.set(key, (values.get(key) ?? 0) + 1))
  }
  const addL7 = (flow: Flow) => {
    const { l7, direction } = flow
    if (l7 === undefined) return
    const reporter = direction === 'INGRESS' ? 'server' : 'client'
    if ('dns' in l7) {
      const labels = { ips_returned: String(l7.dns.ips.length), qtypes: 'A', rcode: l7.dns.rcode === 0 ? 'No Error' : l7.dns.rcode === 3 ? 'Non-Existent Domain' : 'Query Refused' }
      if (l7.type === 'REQUEST') add('dns', 'hubble_dns_queries_total', labels)
      else add('dns', 'hubble_dns_responses_total', labels)
    } else if (l7.type === 'RESPONSE' && on.has('http')) {
      const { method, code = 0 } = l7.http
      add('http', 'hubble_http_requests_total', { method, protocol: 'HTTP/1.1', reporter, status: String(code) })
      const key = `method="${method}",reporter="${reporter}"`
      const histogram = durations.get(key) ?? { buckets: seconds.map(() => 0), sum: 0, count: 0 }
      const took = (l7.latencyMs ?? 0) / 1_000
      seconds.forEach((limit, i) => { if (took <= limit) histogram.buckets[i] = (histogram.buckets[i] ?? 0) + 1 })
      histogram.sum += took
      histogram.count++
      durations.set(key, histogram)
    }
  }
  return {
    count(flow) {
      const { type, subType, verdict, protocol, destinationPort, dropReason, l7 } = flow
      const names = { [eventTypes.drop]: 'Drop', [eventTypes.trace]: 'Trace', [eventTypes.policyVerdict]: 'PolicyVerdict', [eventTypes.l7]: 'L7' }
      const subtype = type === eventTypes.trace ? (subType === tracePoints.toEndpoint ? 'to-endpoint' : eventName(flow)) : l7 !== undefined ? ('http' in l7 ? 'HTTP' : 'DNS') : ''
      add('flow', 'hubble_flows_processed_total', { protocol: l7 === undefined ? protocol : 'http' in l7 ? 'HTTP' : 'DNS', subtype, type: names[type], verdict })
      if (type === eventTypes.drop) add('drop', 'hubble_drop_total', { protocol, reason: dropReason === undefined ? '' : dropReasons[dropReason] })
      if (type === eventTypes.trace && protocol === 'TCP') add('tcp', 'hubble_tcp_flags_total', { family: 'IPv4', flag: 'SYN' })
      if (type === eventTypes.trace) add('port-distribution', 'hubble_port_distribution_total', { port: String(destinationPort), protocol })
      addL7(flow)
    },
    render() {
      const lines: string[] = []
      for (const [name, values] of counters) {
        lines.push(`# HELP ${name} ${help[name] ?? name}`, `# TYPE ${name} counter`)
        for (const [labels, value] of values) lines.push(`${name}{${labels}} ${value}`)
      }
      if (durations.size > 0) lines.push('# HELP hubble_http_request_duration_seconds Quantiles of HTTP request duration in seconds', '# TYPE hubble_http_request_duration_seconds histogram')
      for (const [labels, { buckets, sum, count }] of durations) {
        seconds.forEach((limit, i) => lines.push(`hubble_http_request_duration_seconds_bucket{${labels},le="${limit}"} ${buckets[i] ?? 0}`))
        lines.push(`hubble_http_request_duration_seconds_bucket{${labels},le="+Inf"} ${count}`, `hubble_http_request_duration_seconds_sum{${labels}} ${sum}`, `hubble_http_request_duration_seconds_count{${labels}} ${count}`)
      }
      return `${lines.join('\n')}\n`
    },
  }
}
