import type { ScrapeConfig } from './config.ts'
import { relabel } from './relabel.ts'

/** One endpoint to scrape: what discovery said, and what it came to. */
export interface Target {
  readonly key: string
  readonly url: string
  readonly labels: ReadonlyMap<string, string>
  readonly discovered: ReadonlyMap<string, string>
  /** Milliseconds. */
  readonly interval: number
  readonly timeout: number
}

/** What relabelling made of discovered labels before; null: dropped. */
export type KnownTargets = WeakMap<ReadonlyMap<string, string>, Target | null>

/** The targets that relabelling leaves of what was discovered, and what it dropped. Equal ones are one target. `known` is for one configuration. */
export function targetsOf(config: ScrapeConfig, discovered: readonly ReadonlyMap<string, string>[], known: KnownTargets = new WeakMap()): { readonly active: readonly Target[]; readonly dropped: readonly ReadonlyMap<string, string>[] } {
  const active = new Map<string, Target>()
  const dropped: ReadonlyMap<string, string>[] = []
  for (const found of discovered) {
    let target = known.get(found)
    if (target === undefined) known.set(found, (target = targetOf(config, found)))
    if (target === null) dropped.push(found)
    else active.set(target.key, target)
  }
  return { active: [...active.values()], dropped }
}

function targetOf(config: ScrapeConfig, found: ReadonlyMap<string, string>): Target | null {
  const base = new Map([
    ['job', config.job], ['__scheme__', config.scheme], ['__metrics_path__', config.path],
    ['__scrape_interval__', `${config.interval}ms`], ['__scrape_timeout__', `${config.timeout}ms`],
    ...Object.entries(config.params).map(([name, [value = '']]) => [`__param_${name}`, value] as const),
    ...found,
  ])
  const labels = relabel(base, config.relabel)
  const address = labels?.get('__address__')
  if (labels === undefined || address === undefined || address === '') return null
  const scheme = labels.get('__scheme__') ?? 'http'
  const whole = /:\d+$/.test(address) ? address : `${address}:${scheme === 'https' ? 443 : 80}`
  const query = new URLSearchParams(Object.entries(config.params).flatMap(([name, values]) => values.map((value): [string, string] => [name, value])))
  for (const [name, value] of labels) if (name.startsWith('__param_')) query.set(name.slice(8), value)
  const url = `${scheme}://${whole}${labels.get('__metrics_path__') ?? '/metrics'}${query.size === 0 ? '' : `?${query}`}`
  const visible = new Map([...labels].filter(([name]) => !name.startsWith('__')))
  if (!visible.has('instance')) visible.set('instance', address)
  const key = `${url} ${JSON.stringify([...visible].sort())}`
  return { key, url, labels: visible, discovered: base, interval: config.interval, timeout: config.timeout }
}
