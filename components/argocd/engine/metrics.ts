export type Labels = Readonly<Record<string, string>>
export interface Sample { readonly labels: Labels; readonly value: number; readonly suffix?: string }

/** One metric with all its series, in the shape of Prometheus' text exposition format 0.0.4. */
export interface MetricFamily { readonly name: string; readonly help: string; readonly type: 'counter' | 'gauge' | 'histogram'; samples(): readonly Sample[] }

export interface Counter extends MetricFamily { add(labels: Labels, value?: number): void }
export interface Histogram extends MetricFamily { observe(labels: Labels, value: number): void }

export function counter(name: string, help: string): Counter {
  const series = new Map<string, { labels: Labels; value: number }>()
  return {
    name, help, type: 'counter', samples: () => [...series.values()],
    add(labels, value = 1) {
      const key = JSON.stringify(labels)
      const one = series.get(key)
      if (one === undefined) series.set(key, { labels, value })
      else one.value += value
    },
  }
}

/** @param bounds upper bounds in ascending order, without +Inf */
export function histogram(name: string, help: string, bounds: readonly number[]): Histogram {
  const series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>()
  return {
    name, help, type: 'histogram',
    observe(labels, value) {
      const key = JSON.stringify(labels)
      const one = series.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0, count: 0 }
      bounds.forEach((bound, at) => { if (value <= bound) one.counts[at] = (one.counts[at] ?? 0) + 1 })
      one.sum += value
      one.count++
      series.set(key, one)
    },
    samples: () => [...series.values()].flatMap(({ labels, counts, sum, count }) => [
      ...bounds.map((bound, at) => ({ suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: counts[at] ?? 0 })),
      { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count }, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: count },
    ]),
  }
}

export function formatMetrics(families: readonly MetricFamily[]): string {
  return families.map(({ name, help, type, samples }) => {
    const lines = samples().map(({ labels, value, suffix = '' }) => {
      const inner = Object.entries(labels).map(([key, text]) => `${key}="${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`).join(',')
      return `${name}${suffix}${inner === '' ? '' : `{${inner}}`} ${value}\n`
    })
    return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
  }).join('')
}
