import { CodedError, messageOf, type Clock } from '@idp/kit'
import { staleMarker } from '@idp/lang-promql'
import type { Database, SeriesRef } from '@idp/tsdb'
import type { ScrapeConfig } from './config.ts'
import { readSeries, type Metadata } from './exposition.ts'
import { createPageReader } from './page-reader.ts'
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

/** What a scrape says of itself, in the order in which it is reported. */
const ownSeries = ['up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling', 'scrape_series_added']

export function createScraper({ target, config, appender, clock, fetch }: ScraperOptions): Scraper {
  /** The series that have samples now. */
  let last: ReadonlySet<SeriesRef> = new Set()
  let metadata: ReadonlyMap<string, Metadata> = new Map()
  let outcome: ScrapeOutcome = { health: 'unknown', lastError: '', lastScrape: 0, duration: 0, samples: 0 }

  const put = (series: SeriesRef, t: number, v: number): void => {
    if (appender.database.append(series, t, v) === 'added') appender.added?.(series, t, v)
  }
  let ownRefs: readonly SeriesRef[] | undefined
  const own = (): readonly SeriesRef[] => ownRefs ??= ownSeries.map((name) => appender.database.series({ __name__: name, ...Object.fromEntries(target.labels) }))
  const pages = createPageReader<SeriesRef>((text) => {
    const labels = readSeries(text)
    if (labels === undefined) return undefined
    const whole = relabel(withTarget(labels, target.labels, config.honorLabels), config.metricRelabel)
    if (whole === undefined || !whole.has('__name__')) return null
    const kept: Record<string, string> = {}
    for (const [name, value] of whole) if (name === '__name__' || !name.startsWith('__')) kept[name] = value
    return appender.database.series(kept)
  })
  const store = (text: string, now: number): { samples: number; kept: number; added: number } => {
    const page = pages.read(text)
    metadata = page.metadata
    if (config.sampleLimit > 0 && page.of.length > config.sampleLimit) throw new CodedError({ code: 'SampleLimit', message: `sample limit exceeded (limit: ${config.sampleLimit})` })
    page.of.forEach((series, i) => put(series, config.honorTimestamps ? page.times[i] ?? now : now, page.values[i] ?? NaN))
    if (last.size > 0 && !page.changed) return { samples: page.samples, kept: page.of.length, added: 0 }
    const current = new Set(page.of)
    for (const series of last) if (!current.has(series)) put(series, now, staleMarker)
    const added = current.difference(last).size
    last = current
    return { samples: page.samples, kept: page.of.length, added }
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
      const report = [lastError === '' ? 1 : 0, duration, counted.samples, counted.kept, counted.added]
      own().forEach((series, i) => put(series, now, report[i] ?? NaN))
    },
    end() {
      const now = clock.now()
      endAll(now)
      for (const series of own()) put(series, now, staleMarker)
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
