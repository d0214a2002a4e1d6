/** Counters of the data path under the names that Envoy exports. */
export interface GatewayMetrics {
  request(outcome: { readonly status: number; readonly cluster: string; readonly ms: number }): void
  refused(status: number): void
  connection(change: 1 | -1): void
  /** Prometheus text format. */
  render(): string
}

const buckets = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]

interface Cluster { readonly codes: Map<number, number>; readonly times: number[]; count: number; sum: number }

export function gatewayMetrics(): GatewayMetrics {
  const clusters = new Map<string, Cluster>()
  const downstream = new Map<string, number>()
  let total = 0
  let active = 0
  let connections = 0
  const count = (status: number): void => {
    const family = `${Math.floor(status / 100)}xx`
    downstream.set(family, (downstream.get(family) ?? 0) + 1)
    total++
  }
  return {
    request({ status, cluster, ms }) {
      count(status)
      if (cluster === '') return
      let found = clusters.get(cluster)
      if (found === undefined) clusters.set(cluster, (found = { codes: new Map(), times: buckets.map(() => 0), count: 0, sum: 0 }))
      found.codes.set(status, (found.codes.get(status) ?? 0) + 1)
      found.count++
      found.sum += ms
      const bucket = buckets.findIndex((limit) => ms <= limit)
      if (bucket >= 0) found.times[bucket] = (found.times[bucket] ?? 0) + 1
    },
    refused: count,
    connection(change) {
      active += change
      if (change === 1) connections++
    },
    render() {
      const lines = ['# TYPE envoy_http_downstream_rq_total counter', `envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="listener"} ${total}`, '# TYPE envoy_http_downstream_rq_xx counter']
      for (const [family, n] of downstream) lines.push(`envoy_http_downstream_rq_xx{envoy_response_code_class="${family.charAt(0)}",envoy_http_conn_manager_prefix="listener"} ${n}`)
      lines.push('# TYPE envoy_http_downstream_cx_total counter', `envoy_http_downstream_cx_total{envoy_http_conn_manager_prefix="listener"} ${connections}`)
      lines.push('# TYPE envoy_http_downstream_cx_active gauge', `envoy_http_downstream_cx_active{envoy_http_conn_manager_prefix="listener"} ${active}`)
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
