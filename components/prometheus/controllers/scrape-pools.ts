import type { Clock } from '@idp/kit'
import type { ScrapeConfig } from '../engine/config.ts'
import { discover, type ClusterObjects } from '../engine/discover.ts'
import { createScraper, type Scraper, type ScraperOptions } from '../engine/scrape.ts'
import { targetsOf, type KnownTargets, type Target } from '../engine/target.ts'

/** The first scrapes of new targets begin when what has just been started had time to settle, and are spread; each then keeps its rhythm. */
const settleMs = 5000
const spreadMs = 6000

interface Running { readonly scraper: Scraper; timer: Disposable | undefined; stopped: boolean }
interface Pool { readonly config: ScrapeConfig; readonly text: string; readonly fixed: readonly ReadonlyMap<string, string>[]; readonly known: KnownTargets; readonly running: Map<string, Running>; dropped: readonly ReadonlyMap<string, string>[] }

export interface ScrapePools extends Disposable {
  /** Takes a configuration; pools whose text is unchanged go on as they are. */
  configure(configs: readonly { readonly config: ScrapeConfig; readonly text: string }[]): void
  /** Looks at the cluster again. */
  sync(cluster: ClusterObjects): void
  scrapers(): { readonly pool: string; readonly scraper: Scraper }[]
  dropped(): { readonly pool: string; readonly labels: ReadonlyMap<string, string> }[]
}

export interface ScrapePoolsOptions {
  readonly clock: Clock
  readonly scraperOptions: (config: ScrapeConfig) => Omit<ScraperOptions, 'target' | 'config' | 'clock'>
}

/** Keeps one scraper for each target of each job, and each scraper's rhythm. */
export function scrapePools({ clock, scraperOptions }: ScrapePoolsOptions): ScrapePools {
  const pools = new Map<string, Pool>()
  const stop = (running: Running): void => {
    running.stopped = true
    running.timer?.[Symbol.dispose]()
    running.scraper.end()
  }
  const start = (target: Target, config: ScrapeConfig): Running => {
    const running: Running = { scraper: createScraper({ target, config, clock, ...scraperOptions(config) }), timer: undefined, stopped: false }
    const round = async (due: number): Promise<void> => {
      await running.scraper.scrape()
      if (running.stopped) return running.scraper.end()
      // The rhythm stays, however long a scrape took; rounds that were missed are left out.
      const next = due + target.interval * Math.max(1, Math.ceil((clock.now() - due) / target.interval))
      running.timer = clock.timer(next - clock.now(), () => void round(next))
    }
    const first = clock.now() + offset(target.key)
    running.timer = clock.timer(first - clock.now(), () => void round(first))
    return running
  }
  return {
    configure(configs) {
      for (const [job, pool] of pools) {
        if (configs.some(({ config, text }) => config.job === job && text === pool.text)) continue
        for (const running of pool.running.values()) stop(running)
        pools.delete(job)
      }
      for (const { config, text } of configs) if (!pools.has(config.job)) pools.set(config.job, { config, text, fixed: fixedTargets(config), known: new WeakMap(), running: new Map(), dropped: [] })
    },
    sync(cluster) {
      const discovered = new Map<string, readonly ReadonlyMap<string, string>[]>()
      /** Jobs that ask for the same are answered once. */
      const find = ({ role, namespaces }: ScrapeConfig['kubernetes'][number]): readonly ReadonlyMap<string, string>[] => {
        const key = [role, ...namespaces].join()
        let found = discovered.get(key)
        if (found === undefined) discovered.set(key, (found = discover(role, cluster, namespaces)))
        return found
      }
      for (const pool of pools.values()) {
        const { config, fixed, known, running } = pool
        const { active, dropped } = targetsOf(config, [...fixed, ...config.kubernetes.flatMap(find)], known)
        pool.dropped = dropped
        const wanted = new Set(active.map(({ key }) => key))
        for (const [key, one] of running) {
          if (wanted.has(key)) continue
          stop(one)
          running.delete(key)
        }
        for (const target of active) if (!running.has(target.key)) running.set(target.key, start(target, config))
      }
    },
    scrapers: () => [...pools].flatMap(([pool, { running }]) => [...running.values()].map(({ scraper }) => ({ pool, scraper }))),
    dropped: () => [...pools].flatMap(([pool, { dropped }]) => dropped.map((labels) => ({ pool, labels }))),
    [Symbol.dispose]() {
      for (const { running } of pools.values()) for (const one of running.values()) { one.stopped = true; one.timer?.[Symbol.dispose]() }
    },
  }
}

/** The targets of `static_configs`. */
export function fixedTargets({ fixed }: Pick<ScrapeConfig, 'fixed'>): ReadonlyMap<string, string>[] {
  return fixed.flatMap(({ targets, labels }) => targets.map((address) => new Map([['__address__', address], ...Object.entries(labels)])))
}

function offset(key: string): number {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0
  return settleMs + (hash % spreadMs)
}
