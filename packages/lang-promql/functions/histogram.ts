import { labelsKey, metricName, omitLabels, type Labels } from '../labels.ts'
import { parseNumber } from '../duration.ts'
import { emptyRow, type Evaluation, type Row } from '../value.ts'

interface Bucket { upper: number; count: number }

interface Histogram { readonly labels: Labels; readonly named: string; readonly rows: { readonly row: Row; readonly upper: number }[] }

/** Rows of `…_bucket` series, grouped by everything but `le`. */
function histograms(rows: readonly Row[], annotate: Evaluation['annotate']): Histogram[] {
  const found = new Map<string, Histogram>()
  for (const row of rows) {
    const named = row.labels[metricName] ?? ''
    const upper = row.labels['le'] === undefined ? undefined : parseNumber(row.labels['le'])
    if (upper === undefined) {
      annotate('warning', `bucket label "le" is missing or has a malformed value of ${JSON.stringify(row.labels['le'] ?? '')}${named === '' ? '' : ` for metric name ${JSON.stringify(named)}`}`)
      continue
    }
    const key = labelsKey(omitLabels(row.labels, ['le']))
    const histogram = found.get(key) ?? { labels: omitLabels(row.labels, ['le', metricName]), named, rows: [] }
    histogram.rows.push({ row, upper })
    found.set(key, histogram)
  }
  return [...found.values()]
}

function perStep(rows: readonly Row[], evaluation: Evaluation, compute: (buckets: Bucket[], step: number, named: string) => number): readonly Row[] {
  const steps = evaluation.times.length
  return histograms(rows, evaluation.annotate).map((histogram) => {
    const result = emptyRow(histogram.labels, steps)
    for (let step = 0; step < steps; step++) {
      const buckets = histogram.rows.flatMap(({ row, upper }) => (row.has[step] === 1 ? [{ upper, count: row.values[step] ?? NaN }] : []))
      if (buckets.length === 0) continue
      result.values[step] = compute(buckets, step, histogram.named)
      result.has[step] = 1
    }
    return result
  }).filter((row) => row.has.includes(1))
}

/** Sorted, with equal bounds added up, and never falling; undefined without a bucket for everything. */
function tidy(buckets: Bucket[], forced: () => void): Bucket[] | undefined {
  buckets.sort((a, b) => a.upper - b.upper)
  if (buckets.at(-1)?.upper !== Infinity) return undefined
  const tidied: Bucket[] = []
  for (const { upper, count } of buckets) {
    const last = tidied.at(-1)
    if (last?.upper === upper) last.count += count
    else tidied.push({ upper, count })
  }
  let most = tidied[0]?.count ?? 0
  for (const bucket of tidied) {
    // Differences this small come from rounding and are mended without a word.
    const small = Math.abs(bucket.count - most) <= 1e-12 * Math.max(Math.abs(bucket.count), Math.abs(most))
    if (bucket.count < most || small) {
      if (!small && bucket.count < most) forced()
      bucket.count = most
    } else most = bucket.count
  }
  return tidied
}

/** `histogram_quantile` of classic histograms: linear inside the bucket that the rank falls into. */
export function histogramQuantile(q: Float64Array, rows: readonly Row[], evaluation: Evaluation): readonly Row[] {
  for (const value of new Set(q)) if (!(value >= 0 && value <= 1)) evaluation.annotate('warning', `quantile value should be between 0 and 1, got ${value}`)
  return perStep(rows, evaluation, (buckets, step, named) => {
    const forced = (): void => evaluation.annotate('info', `input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric name ${JSON.stringify(named)}`)
    return bucketQuantile(q[step] ?? NaN, buckets, forced)
  })
}

function bucketQuantile(q: number, input: Bucket[], forced: () => void): number {
  if (Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  const buckets = tidy(input, forced)
  const total = buckets?.at(-1)?.count ?? 0
  if (buckets === undefined || buckets.length < 2 || total === 0) return NaN
  let rank = q * total
  const found = buckets.slice(0, -1).findIndex(({ count }) => count >= rank)
  if (found < 0) return buckets.at(-2)?.upper ?? NaN
  const { upper: end = NaN, count: upto = NaN } = buckets[found] ?? {}
  if (found === 0 && end <= 0) return end
  const below = buckets[found - 1]
  const start = below?.upper ?? 0
  rank -= below?.count ?? 0
  return start + (end - start) * (rank / (upto - (below?.count ?? 0)))
}

/** `histogram_fraction` of classic histograms: the share of observations between two values. */
export function histogramFraction(lower: Float64Array, upper: Float64Array, rows: readonly Row[], evaluation: Evaluation): readonly Row[] {
  return perStep(rows, evaluation, (buckets, step) => bucketFraction(lower[step] ?? NaN, upper[step] ?? NaN, buckets))
}

function bucketFraction(lower: number, upper: number, input: Bucket[]): number {
  const buckets = tidy(input, () => {})
  const total = buckets?.at(-1)?.count ?? 0
  if (buckets === undefined || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  return Math.max(0, rankOf(upper, buckets, 'upper') - rankOf(lower, buckets, 'lower')) / total
}

/** How many observations are not above a value, by linear interpolation. */
function rankOf(value: number, buckets: readonly Bucket[], bound: 'lower' | 'upper'): number {
  if (value === -Infinity) return 0
  let below: Bucket = { upper: (buckets[0]?.upper ?? 0) > 0 ? 0 : -Infinity, count: 0 }
  for (const bucket of buckets) {
    if (value <= bucket.upper) {
      if (value <= below.upper) return below.count
      if (bucket.upper === Infinity) return value === Infinity ? bucket.count : below.count
      // A bucket of infinite width tells nothing about where inside it observations lie: none counts as between.
      if (below.upper === -Infinity) return value === bucket.upper || bound === 'lower' ? bucket.count : 0
      return below.count + ((bucket.count - below.count) * (value - below.upper)) / (bucket.upper - below.upper)
    }
    below = bucket
  }
  return below.count
}
