import { CodedError, messageOf, type Clock } from '@idp/kit'
import { staleMarker } from '@idp/lang-promql'
import type { Database, SeriesRef } from '@idp/tsdb'
import type { ScrapeConfig } from './config.ts'
import { readExposition, readSeries, type Metadata } from './exposition.ts'
import { relabel } from './relabel.ts'
import type { Target } from './target.ts'

/** Takes samples; the database, and whoever keeps them. */
export interface Appender {
  readonly database: Pick<Database, 'series' | 'append'>
  /** Told of every sample that was added. */
  readonly added?: (series: SeriesRef, t: number, v: number) => void
}

export interface ScrapeOutcome {
  readonly health: 'up' | 'down' | 'unknown'
  readonly lastError: string
  /** Milliseconds since the epoch; 0 before the first. */
  readonly lastScrape: number
  /** Seconds. */
  readonly duration: number
  readonly samples: number
}

/** Scrapes one target again and again. It remembers the series it has seen, so that known lines cost no parsing and vanished ones end. */
export interface Scraper {
  readonly target: Target
  readonly outcome: ScrapeOutcome
  readonly metadata: ReadonlyMap<string, Metadata>
  /** Fetches and stores once. Never throws: what fails is in the outcome and in `up`. */
  scrape(): Promise<void>
  /** Ends every series of the target. */
  end(): void
}

export interface ScraperOptions {
  readonly target: Target
  readonly config: ScrapeConfig
  readonly appender: Appender
  readonly clock: Clock
  /** Gets the page within the timeout. */
  readonly fetch: (url: string, accept: string, signal: AbortSignal) => Promise<Response>
}

/** Float formats in order of preference; no protobuf and no native histograms. */
const accept = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1'

export function createScraper({ target, config, appender, clock, fetch }: ScraperOptions): Scraper {
  // By the text of the line; null: relabelling drops it.
  let known = new Map<string, SeriesRef | null>()
  let last = new Set<SeriesRef>()
  let metadata: ReadonlyMap<string, Metadata> = new Map()
  let outcome: ScrapeOutcome = { health: 'unknown', lastError: '', lastScrape: 0, duration: 0, samples: 0 }

  const put = (series: SeriesRef, t: number, v: number): void => {
    if (appender.database.append(series, t, v) === 'added') appender.added?.(series, t, v)
  }
  const own = (name: string): SeriesRef => appender.database.series({ __name__: name, ...Object.fromEntries(target.labels) })
  const seriesOf = (text: string): SeriesRef | null | undefined => {
    const found = known.get(text)
    if (found !== undefined) return found
    const labels = readSeries(text)
    if (labels === undefined) return undefined
    const whole = relabel(withTarget(labels, target.labels, config.honorLabels), config.metricRelabel)
    return whole === undefined || !whole.has('__name__') ? null : appender.database.series(Object.fromEntries([...whole].filter(([name]) => name === '__name__' || !name.startsWith('__'))))
  }
  const store = (text: string, now: number): { samples: number; kept: number; added: number } => {
    const page = readExposition(text)
    if (page.faults.length > 0) throw new CodedError({ code: 'InvalidExposition', message: `cannot read ${page.faults[0] ?? ''}` })
    metadata = page.metadata
    const seen = new Map<string, SeriesRef | null>()
    const current = new Set<SeriesRef>()
    const values: [SeriesRef, number, number][] = []
    for (const { series: line, value, time } of page.samples) {
      const series = seriesOf(line)
      if (series === undefined) throw new CodedError({ code: 'InvalidExposition', message: `cannot read series ${line.slice(0, 120)}` })
      seen.set(line, series)
      if (series === null) continue
      current.add(series)
      values.push([series, config.honorTimestamps && time !== undefined ? time : now, value])
    }
    if (config.sampleLimit > 0 && values.length > config.sampleLimit) throw new CodedError({ code: 'SampleLimit', message: `sample limit exceeded (limit: ${config.sampleLimit})` })
    for (const [series, t, v] of values) put(series, t, v)
    for (const series of last) if (!current.has(series)) put(series, now, staleMarker)
    const added = [...current].filter((series) => !last.has(series)).length
    known = seen
    last = current
    return { samples: page.samples.length, kept: values.length, added }
  }
  const endAll = (now: number): void => {
    for (const series of last) put(series, now, staleMarker)
    last = new Set()
  }

  return {
    target,
    get outcome() { return outcome },
    get metadata() { return metadata },
    async scrape() {
      const now = clock.now()
      const timeout = new AbortController()
      const timer = clock.timer(target.timeout, () => timeout.abort(new CodedError({ code: 'ScrapeTimeout', message: 'context deadline exceeded' })))
      let counted = { samples: 0, kept: 0, added: 0 }
      let lastError = ''
      try {
        counted = store(await bodyOf(await fetch(target.url, accept, timeout.signal), config.bodySizeLimit), now)
      } catch (error) {
        lastError = messageOf(timeout.signal.aborted ? timeout.signal.reason : error)
        endAll(now)
      } finally {
        timer[Symbol.dispose]()
      }
      const duration = (clock.now() - now) / 1000
      outcome = { health: lastError === '' ? 'up' : 'down', lastError, lastScrape: now, duration, samples: counted.samples }
      put(own('up'), now, lastError === '' ? 1 : 0)
      put(own('scrape_duration_seconds'), now, duration)
      put(own('scrape_samples_scraped'), now, counted.samples)
      put(own('scrape_samples_post_metric_relabeling'), now, counted.kept)
      put(own('scrape_series_added'), now, counted.added)
    },
    end() {
      const now = clock.now()
      endAll(now)
      for (const name of ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling', 'scrape_series_added']) put(own(name), now, staleMarker)
    },
  }
}

/** The target's labels win over the page's, which move to `exported_…`; with `honor_labels` the page's win. */
function withTarget(labels: ReadonlyMap<string, string>, target: ReadonlyMap<string, string>, honor: boolean): Map<string, string> {
  const whole = new Map(labels)
  for (const [name, value] of target) {
    const exposed = labels.get(name)
    if (exposed === undefined || exposed === '') whole.set(name, value)
    else if (!honor) {
      let moved = `exported_${name}`
      while (labels.has(moved) || target.has(moved)) moved = `exported_${moved}`
      whole.set(moved, exposed)
      whole.set(name, value)
    }
  }
  return whole
}

async function bodyOf(response: Response, limit: number): Promise<string> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new CodedError({ code: 'ScrapeRefused', message: `server returned HTTP status ${response.status} ${response.statusText}`.trim() })
  }
  const text = await response.text()
  if (limit > 0 && text.length > limit) throw new CodedError({ code: 'BodyTooLarge', message: `body size limit exceeded (limit: ${limit} bytes)` })
  return text
}
