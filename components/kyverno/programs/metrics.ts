/** Counters and histograms in Prometheus' text format. */
export interface Metrics {
  /** Adds one to a counter. */
  count(name: string, labels?: Labels): void
  /** Takes a duration in seconds into a histogram. */
  observe(name: string, seconds: number, labels?: Labels): void
  text(): string
}
export type Labels = Readonly<Record<string, string>>

interface Histogram { readonly buckets: number[]; sum: number; count: number }
/** Upper bounds in seconds, as upstream's. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 25, 30]
/** Most series of one name; what comes after is not counted by itself, so that no client can grow the process. */
const maxSeries = 10_000

/** `help` says what each metric means; other names are refused. */
export function createMetrics(help: Readonly<Record<string, string>>): Metrics {
  const counters = new Map<string, Map<string, number>>()
  const histograms = new Map<string, Map<string, Histogram>>()
  const seriesOf = <T>(all: Map<string, Map<string, T>>, name: string): Map<string, T> => {
    const known = all.get(name) ?? new Map<string, T>()
    all.set(name, known)
    return known
  }
  return {
    count(name, labels = {}) {
      const series = seriesOf(counters, name)
      const key = written(labels)
      if (series.has(key) || series.size < maxSeries) series.set(key, (series.get(key) ?? 0) + 1)
    },
    observe(name, seconds, labels = {}) {
      const series = seriesOf(histograms, name)
      const key = written(labels)
      if (!series.has(key) && series.size >= maxSeries) return
      const held = series.get(key) ?? { buckets: bounds.map(() => 0), sum: 0, count: 0 }
      for (const [index, bound] of bounds.entries()) if (seconds <= bound) held.buckets[index] = (held.buckets[index] ?? 0) + 1
      held.sum += seconds
      held.count++
      series.set(key, held)
    },
    text() {
      const head = (name: string, type: string): string => `# HELP ${name} ${help[name] ?? ''}\n# TYPE ${name} ${type}\n`
      const counted = [...counters].map(([name, series]) => head(name, 'counter') + [...series].map(([labels, value]) => `${name}${braced(labels)} ${value}\n`).join(''))
      const observed = [...histograms].map(([name, series]) => head(name, 'histogram') + [...series].map(([labels, one]) => histogramText(name, labels, one)).join(''))
      return [...counted, ...observed].join('')
    },
  }
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const written = (labels: Labels): string => Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(',')
const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)

function histogramText(name: string, labels: string, { buckets, sum, count }: Histogram): string {
  const lead = labels === '' ? '' : `${labels},`
  const lines = bounds.map((bound, index) => `${name}_bucket{${lead}le="${bound}"} ${buckets[index] ?? 0}\n`)
  return `${lines.join('')}${name}_bucket{${lead}le="+Inf"} ${count}\n${name}_sum${braced(labels)} ${sum}\n${name}_count${braced(labels)} ${count}\n`
}
