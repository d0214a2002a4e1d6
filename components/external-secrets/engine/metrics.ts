type Labels = Readonly<Record<string, string>>

/** Counters and gauges in the Prometheus text format. */
export interface Metrics {
  add(name: string, labels: Labels, by?: number): void
  set(name: string, labels: Labels, value: number): void
  /** Forgets the series with these labels (a subset). */
  forget(labels: Labels): void
  render(): string
}

/** Upstream's names (https://external-secrets.io/latest/api/metrics/). */
const families: Readonly<Record<string, readonly ['counter' | 'gauge', string]>> = {
  externalsecret_sync_calls_total: ['counter', 'Total number of the External Secret sync calls'],
  externalsecret_sync_calls_error: ['counter', 'Total number of the External Secret sync errors'],
  externalsecret_status_condition: ['gauge', 'The status condition of a specific External Secret'],
  externalsecret_reconcile_duration: ['gauge', 'The duration time to reconcile the External Secret'],
  externalsecret_provider_api_calls_count: ['counter', 'Number of API calls towards the secret provider'],
  secretstore_status_condition: ['gauge', 'The status condition of a specific Secret Store'],
  secretstore_reconcile_duration: ['gauge', 'The duration time to reconcile the Secret Store'],
  clustersecretstore_status_condition: ['gauge', 'The status condition of a specific Cluster Secret Store'],
  clustersecretstore_reconcile_duration: ['gauge', 'The duration time to reconcile the Cluster Secret Store'],
  clusterexternalsecret_status_condition: ['gauge', 'The status condition of a specific Cluster External Secret'],
  clusterpushsecret_status_condition: ['gauge', 'The status condition of a specific Cluster Push Secret'],
  pushsecret_status_condition: ['gauge', 'The status condition of a specific Push Secret'],
  pushsecret_reconcile_duration: ['gauge', 'The duration time to reconcile the Push Secret'],
}

export function createMetrics(): Metrics {
  const series = new Map<string, Map<string, { readonly labels: Labels; value: number }>>()
  const entry = (name: string, labels: Labels): { value: number } => {
    let family = series.get(name)
    if (family === undefined) series.set(name, family = new Map())
    const key = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')
    let found = family.get(key)
    if (found === undefined) family.set(key, found = { labels, value: 0 })
    return found
  }
  return {
    add: (name, labels, by = 1) => void (entry(name, labels).value += by),
    set: (name, labels, value) => void (entry(name, labels).value = value),
    forget(labels) {
      for (const family of series.values()) for (const [key, each] of family) if (Object.entries(labels).every(([label, value]) => each.labels[label] === value)) family.delete(key)
    },
    render: () => Object.entries(families).flatMap(([name, [type, help]]) => {
      const lines = [...series.get(name) ?? []].map(([key, { value }]) => `${name}{${key}} ${value}`)
      return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
    }).join('\n') + '\n',
  }
}
