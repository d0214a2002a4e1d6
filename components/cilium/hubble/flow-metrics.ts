import { dropReasons, eventName, eventTypes, tracePoints, type Flow } from './flow.ts'

/** Counters of Hubble (upstream's names and labels) over the flows of one node. */
export interface FlowMetrics {
  count(flow: Flow): void
  /** Prometheus text. */
  render(): string
}

interface Counter { readonly group: string; readonly name: string; readonly help: string; readonly labels: readonly string[] }

const counters = {
  flows: { group: 'flow', name: 'hubble_flows_processed_total', help: 'Total number of flows processed', labels: ['protocol', 'subtype', 'type', 'verdict'] },
  drops: { group: 'drop', name: 'hubble_drop_total', help: 'Number of drops', labels: ['protocol', 'reason'] },
  tcpFlags: { group: 'tcp', name: 'hubble_tcp_flags_total', help: 'TCP flag occurrences', labels: ['family', 'flag'] },
  ports: { group: 'port-distribution', name: 'hubble_port_distribution_total', help: 'Numbers of packets distributed by destination port', labels: ['port', 'protocol'] },
  requests: { group: 'http', name: 'hubble_http_requests_total', help: 'Count of HTTP requests by methods and response codes', labels: ['method', 'protocol', 'reporter', 'status'] },
  queries: { group: 'dns', name: 'hubble_dns_queries_total', help: 'Number of DNS queries observed', labels: ['ips_returned', 'qtypes', 'rcode'] },
  responses: { group: 'dns', name: 'hubble_dns_responses_total', help: 'Number of DNS responses observed', labels: ['ips_returned', 'qtypes', 'rcode'] },
} satisfies Record<string, Counter>
const typeNames = { [eventTypes.drop]: 'Drop', [eventTypes.trace]: 'Trace', [eventTypes.policyVerdict]: 'PolicyVerdict', [eventTypes.l7]: 'L7' }
const separator = '\u0001'
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** @param groups names of Helm's `hubble.metrics.enabled` (`flow`, `drop`, `tcp`, `port-distribution`, `http`/`httpV2`, `dns`; options after `:` are ignored) */
export function createFlowMetrics(groups: readonly string[]): FlowMetrics {
  const on = new Set(groups.map((group) => group.split(':')[0]?.replace('httpV2', 'http')))
  /** By counter, then by the values of its labels. */
  const counts = new Map<Counter, Map<string, number>>()
  const durations = new Map<string, { readonly buckets: number[]; sum: number; count: number }>()
  const add = (counter: Counter, ...values: readonly string[]) => {
    if (!on.has(counter.group)) return
    let known = counts.get(counter)
    if (known === undefined) counts.set(counter, (known = new Map()))
    const key = values.join(separator)
    known.set(key, (known.get(key) ?? 0) + 1)
  }
  const addL7 = (flow: Flow) => {
    const { l7, direction } = flow
    if (l7 === undefined) return
    const reporter = direction === 'INGRESS' ? 'server' : 'client'
    if ('dns' in l7) {
      const rcode = l7.dns.rcode === 0 ? 'No Error' : l7.dns.rcode === 3 ? 'Non-Existent Domain' : 'Query Refused'
      add(l7.type === 'REQUEST' ? counters.queries : counters.responses, String(l7.dns.ips.length), 'A', rcode)
    } else if (l7.type === 'RESPONSE' && on.has('http')) {
      const { method, code = 0 } = l7.http
      add(counters.requests, method, 'HTTP/1.1', reporter, String(code))
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
      const subtype = type === eventTypes.trace ? (subType === tracePoints.toEndpoint ? 'to-endpoint' : eventName(flow)) : l7 !== undefined ? ('http' in l7 ? 'HTTP' : 'DNS') : ''
      add(counters.flows, l7 === undefined ? protocol : 'http' in l7 ? 'HTTP' : 'DNS', subtype, typeNames[type], verdict)
      if (type === eventTypes.drop) add(counters.drops, protocol, dropReason === undefined ? '' : dropReasons[dropReason])
      if (type === eventTypes.trace && protocol === 'TCP') add(counters.tcpFlags, 'IPv4', 'SYN')
      if (type === eventTypes.trace) add(counters.ports, String(destinationPort), protocol)
      addL7(flow)
    },
    render() {
      const lines: string[] = []
      for (const [{ name, help, labels }, values] of counts) {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`)
        for (const [key, value] of values) lines.push(`${name}{${key.split(separator).map((text, i) => `${labels[i]}="${text.replaceAll(/["\\\n]/g, '_')}"`).join(',')}} ${value}`)
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
