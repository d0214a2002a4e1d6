/** One metric family to expose. */
export interface MetricFamily {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[]
}

/** Prometheus' text format, version 0.0.4; families without samples are left out. */
export function metricsText(families: Iterable<MetricFamily>): string {
  const lines: string[] = []
  for (const { name, type, help, samples } of families) {
    if (samples.length === 0) continue
    lines.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`)
    for (const { labels = {}, value } of samples) lines.push(`${name}${labelsText(labels)} ${value}\n`)
  }
  return lines.join('')
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

export const metricsResponse = (families: Iterable<MetricFamily>): Response => new Response(metricsText(families), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
