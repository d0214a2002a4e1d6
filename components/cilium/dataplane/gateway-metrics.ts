import type { ServicePort } from '../engine/backends.ts'

/** Counters of the data path under the names that Envoy exports. */
export interface GatewayMetrics {
  /** @param service the backend's, undefined when none was asked */
  request(status: number, service: ServicePort | undefined, ms: number): void
  /** A message that was refused; `begun` when its request is counted as such. */
  refused(status: number, begun: boolean): void
  /** A TLS handshake that failed; a client without a certificate that it needs, or with one that is not valid, is counted apart. */
  handshakeFailed(why: 'missing' | 'invalid' | 'handshake'): void
  connection(change: 1 | -1): void
  /** Prometheus text format. */
  render(): string
}

const buckets = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]

interface Cluster { readonly codes: Map<number, number>; readonly times: number[]; count: number; sum: number }

/** `namespace/name:port`: what Envoy calls a cluster. */
export function clusterName({ namespace, name, port }: ServicePort): string {
  return `${namespace}/${name}:${port}`
}

export function gatewayMetrics(): GatewayMetrics {
  const clusters = new Map<string, Cluster>()
  /** The same object comes with each request of a route. */
  const byService = new WeakMap<ServicePort, Cluster>()
  /** By the first digit of the status. */
  const downstream = [0, 0, 0, 0, 0, 0]
  let total = 0
  let active = 0
  let connections = 0
  let protocolErrors = 0
  let timeouts = 0
  const handshakeFailures = { handshake: 0, missing: 0, invalid: 0 }
  const count = (status: number): void => {
    const family = status / 100 | 0
    downstream[family] = (downstream[family] ?? 0) + 1
    total++
  }
  const clusterOf = (service: ServicePort): Cluster => {
    const name = clusterName(service)
    let found = clusters.get(name)
    if (found === undefined) clusters.set(name, (found = { codes: new Map(), times: buckets.map(() => 0), count: 0, sum: 0 }))
    byService.set(service, found)
    return found
  }
  return {
    request(status, service, ms) {
      count(status)
      if (service === undefined) return
      const found = byService.get(service) ?? clusterOf(service)
      found.codes.set(status, (found.codes.get(status) ?? 0) + 1)
      found.count++
      found.sum += ms
      let bucket = 0
      while (bucket < buckets.length && ms > (buckets[bucket] as number)) bucket++
      if (bucket < buckets.length) found.times[bucket] = (found.times[bucket] ?? 0) + 1
    },
    refused(status, begun) {
      if (!begun) count(status)
      if (status === 408) timeouts++
      else protocolErrors++
    },
    handshakeFailed(why) {
      handshakeFailures[why]++
    },
    connection(change) {
      active += change
      if (change === 1) connections++
    },
    render() {
      const lines = ['# TYPE envoy_http_downstream_rq_total counter', `envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="listener"} ${total}`, '# TYPE envoy_http_downstream_rq_xx counter']
      for (const [family, n] of downstream.entries()) if (n > 0) lines.push(`envoy_http_downstream_rq_xx{envoy_response_code_class="${family}",envoy_http_conn_manager_prefix="listener"} ${n}`)
      lines.push('# TYPE envoy_http_downstream_cx_total counter', `envoy_http_downstream_cx_total{envoy_http_conn_manager_prefix="listener"} ${connections}`)
      lines.push('# TYPE envoy_http_downstream_cx_active gauge', `envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="listener"} ${active}`)
      const refusals = [
        ['envoy_http_downstream_cx_protocol_error', protocolErrors], ['envoy_http_downstream_rq_timeout', timeouts], ['envoy_listener_ssl_connection_error', handshakeFailures.handshake],
        ['envoy_listener_ssl_fail_verify_no_cert', handshakeFailures.missing], ['envoy_listener_ssl_fail_verify_error', handshakeFailures.invalid],
      ] as const
      for (const [name, n] of refusals) {
        lines.push(`# TYPE ${name} counter`, `${name}{envoy_http_conn_manager_prefix="listener"} ${n}`)
      }
      lines.push('# TYPE envoy_cluster_upstream_rq counter')
      for (const [name, { codes }] of clusters) for (const [code, n] of codes) lines.push(`envoy_cluster_upstream_rq{envoy_response_code="${code}",envoy_cluster_name="${name}"} ${n}`)
      lines.push('# TYPE envoy_cluster_upstream_rq_xx counter')
      for (const [name, { codes }] of clusters) {
        const families = new Map<number, number>()
        for (const [code, n] of codes) families.set(Math.floor(code / 100), (families.get(Math.floor(code / 100)) ?? 0) + n)
        for (const [family, n] of families) lines.push(`envoy_cluster_upstream_rq_xx{envoy_response_code_class="${family}",envoy_cluster_name="${name}"} ${n}`)
      }
      lines.push('# TYPE envoy_cluster_upstream_rq_time histogram')
      for (const [name, { times, count: n, sum }] of clusters) {
        let below = 0
        for (const [i, limit] of buckets.entries()) {
          below += times[i] ?? 0
          lines.push(`envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="${name}",le="${limit}"} ${below}`)
        }
        lines.push(`envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="${name}",le="+Inf"} ${n}`, `envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="${name}"} ${sum}`, `envoy_cluster_upstream_rq_time_count{envoy_cluster_name="${name}"} ${n}`)
      }
      return `${lines.join('\n')}\n`
    },
  }
}
