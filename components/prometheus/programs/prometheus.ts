import { formatYaml, parseYaml } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { clusterDiscovery } from '../controllers/cluster-discovery.ts'
import { keepDatabase } from '../controllers/keep-database.ts'
import { ruleRunner } from '../controllers/run-rules.ts'
import { fixedTargets, scrapePools } from '../controllers/scrape-pools.ts'
import { dueAlerts, type PostedAlert } from '../engine/alert-messages.ts'
import { answerApi, federate, type ApiState } from '../engine/api.ts'
import { readConfig, type AlertmanagerConfig, type PrometheusConfig } from '../engine/config.ts'
import { discover } from '../engine/discover.ts'
import { prometheusPage } from '../engine/page.ts'
import { readRules, type RuleGroup } from '../engine/rule-file.ts'
import { targetsOf, type KnownTargets } from '../engine/target.ts'
import { durationOf, portOf, readFlags } from './flags.ts'
import { requester } from './http-access.ts'

/** Stands in for Prometheus 3: scrapes what its configuration says, keeps samples, evaluates rules, answers the HTTP API. */
export const prometheus: Program = {
  images: ['quay.io/prometheus/prometheus', 'docker.io/prom/prometheus'],
  main: run,
}

/** Changes of the cluster are taken together for this long, and looked at no more often than every five seconds, as upstream's discovery manager does. */
const [settleMs, restMs] = [1000, 5000]

async function run(container: Container): Promise<number> {
  const { client, clock, log, files, net, signal, pod } = container
  const flags = readFlags(container.args)
  const configFile = flags.get('config.file') ?? '/etc/prometheus/prometheus.yml'
  const externalUrl = (flags.get('web.external-url') ?? `http://${pod.name}:9090`).replace(/\/$/, '')
  await using stack = new AsyncDisposableStack()
  const kept = stack.use(await keepDatabase({ files, directory: flags.get('storage.tsdb.path') ?? '/prometheus', clock, log, retention: durationOf(flags.get('storage.tsdb.retention.time'), 15 * 86_400_000) }))
  const { database, journal } = kept

  let config: PrometheusConfig | undefined
  let text = ''
  let reloadedAt = 0
  let settling: Disposable | undefined
  const pools = stack.use(scrapePools({ clock, scraperOptions: (scrape) => {
    const request = requester(container, scrape)
    return { appender: { database, added: (series, t, v) => journal.record(series, t, v) }, fetch: (url, accept, abort) => request(url, { headers: { accept, 'user-agent': 'Prometheus/3.5.0' }, signal: abort }) }
  } }))
  let syncedAt = -Infinity
  const sync = (): void => {
    syncedAt = clock.now()
    pools.sync(cluster)
  }
  const cluster = clusterDiscovery({
    client: client ?? (() => { throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name }) })(), clock, log, signal,
    onChange: () => { settling ??= clock.timer(Math.max(settleMs, syncedAt + restMs - clock.now()), () => { settling = undefined; sync() }) },
  })
  const rules = stack.use(ruleRunner({
    clock, elapsed: () => clock.now(),
    context: () => ({ source: database, database, put: (series, t, v) => { if (database.append(series, t, v) === 'added') journal.record(series, t, v) }, externalLabels: config?.externalLabels ?? {}, externalUrl }),
    evaluated: (group) => {
      if (config === undefined) return
      const due = dueAlerts(group, { now: clock.now(), externalLabels: config.externalLabels, externalUrl, rules: config.alertRelabel })
      if (due.length > 0) void tellAlertmanagers(config.alertmanagers, due)
    },
  }))
  const knownManagers = new WeakMap<AlertmanagerConfig, KnownTargets>()
  const alertmanagerUrls = (managers: readonly AlertmanagerConfig[]): { readonly url: string; readonly manager: AlertmanagerConfig }[] => managers.flatMap((manager) => {
    const found = [...fixedTargets(manager), ...manager.kubernetes.flatMap(({ role, namespaces }) => discover(role, cluster, namespaces))]
    const asScrape = { ...manager, job: 'alertmanager', interval: 0, path: `${manager.pathPrefix.replace(/\/$/, '')}/api/v2/alerts`, params: {}, honorLabels: false, honorTimestamps: false, metricRelabel: [], sampleLimit: 0, bodySizeLimit: 0 }
    const known = knownManagers.get(manager) ?? new WeakMap()
    knownManagers.set(manager, known)
    return targetsOf(asScrape, found, known).active.map(({ url }) => ({ url, manager }))
  })
  const tellAlertmanagers = async (managers: readonly AlertmanagerConfig[], alerts: readonly PostedAlert[]): Promise<void> => {
    for (const { url, manager } of alertmanagerUrls(managers)) {
      try {
        const response = await requester(container, manager)(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(alerts), signal })
        if (!response.ok) log.warn('Alertmanager refused alerts', { url, status: response.status, alerts: alerts.length })
        await response.body?.cancel()
      } catch (error) {
        log.warn('alerts could not be sent', { url, alerts: alerts.length, error: messageOf(error) })
      }
    }
  }
  const load = async (): Promise<void> => {
    const next = await files.readText(configFile)
    const read = readConfig(next, configFile)
    const nextRules = await ruleFiles(container, read)
    const groups: RuleGroup[] = nextRules.flatMap(([path, content]) => readRules(content, path, read.evaluationInterval))
    await cluster.follow([...read.scrapes, ...read.alertmanagers].flatMap(({ kubernetes }) => kubernetes.map(({ role }) => role)))
    const raw = (parseYaml(next, { source: configFile }) as { scrape_configs?: { job_name: string }[] } | null)?.scrape_configs ?? []
    pools.configure(read.scrapes.map((scrape, index) => ({ config: scrape, text: formatYaml(raw[index] ?? {}) })))
    rules.configure(groups)
    config = read
    text = next
    reloadedAt = clock.now()
    sync()
    log.info('completed loading of configuration file', { filename: configFile, jobs: read.scrapes.length, groups: groups.length })
  }
  const state: ApiState = {
    database, now: () => clock.now(), scrapers: () => pools.scrapers(), dropped: () => pools.dropped(), groups: () => rules.groups(),
    alertmanagers: () => alertmanagerUrls(config?.alertmanagers ?? []).map(({ url }) => url), config: () => text, flags: Object.fromEntries(flags), startedAt: clock.now(), reloadedAt: () => reloadedAt,
  }
  stack.use(await net.listen(portOf(flags.get('web.listen-address'), 9090), { handler: (request) => answer(request, state, { ready: () => config !== undefined, reload: load }) }))
  await load()
  await untilAborted(signal)
  settling?.[Symbol.dispose]()
  return 0
}

type RuleFile = readonly [path: string, text: string]

async function ruleFiles({ files }: Container, config: PrometheusConfig | undefined): Promise<readonly RuleFile[]> {
  const found: RuleFile[] = []
  for (const pattern of config?.ruleFiles ?? []) for (const path of await matchingFiles({ files }, pattern)) found.push([path, await files.readText(path)])
  return found
}


/** Files that `/etc/rules/*.yaml` names; a star stands for part of the last name only. */
async function matchingFiles({ files }: Pick<Container, 'files'>, pattern: string): Promise<string[]> {
  const at = pattern.lastIndexOf('/')
  const [folder, last] = [pattern.slice(0, at), pattern.slice(at + 1)]
  const name = new RegExp(`^${last.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('[^/]*')}$`)
  if (!(await files.exists(folder))) return []
  return (await files.list(folder)).filter((entry) => !entry.directory && name.test(entry.name)).map((entry) => `${folder}/${entry.name}`)
}

interface Life { ready(): boolean; reload(): Promise<void> }

async function answer(request: Request, state: ApiState, { ready, reload }: Life): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname.startsWith('/api/v1/')) return await answerApi(request, state) ?? new Response('not found\n', { status: 404 })
  switch (pathname) {
    case '/-/healthy': return new Response('Prometheus Server is Healthy.\n')
    case '/-/ready': return ready() ? new Response('Prometheus Server is Ready.\n') : new Response('Service Unavailable\n', { status: 503 })
    case '/-/reload':
      if (request.method !== 'POST' && request.method !== 'PUT') return new Response('Only POST or PUT requests allowed', { status: 405 })
      try {
        await reload()
        return new Response('')
      } catch (error) {
        return new Response(`failed to reload config: ${messageOf(error)}\n`, { status: 500 })
      }
    case '/metrics': return new Response(ownMetrics(state), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    case '/federate': return new Response(federate(searchParams, state.database, state.now()), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    case '/': return new Response(null, { status: 302, headers: { location: '/query' } })
    default: return prometheusPage(pathname) ?? new Response('404 page not found\n', { status: 404 })
  }
}

function ownMetrics({ database, scrapers, groups, startedAt }: ApiState): string {
  const { series, chunks, bytes } = database.stats()
  const gauge = (name: string, help: string, value: number): string => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`
  return [
    gauge('prometheus_build_info{version="3.5.0",revision="idp"}', 'A metric with a constant 1 value labeled by version and revision.', 1).replaceAll(/(# (?:HELP|TYPE) \w+)\{[^}]*\}/g, '$1'),
    gauge('prometheus_tsdb_head_series', 'Total number of series in the head block.', series),
    gauge('prometheus_tsdb_head_chunks', 'Total number of chunks in the head block.', chunks),
    gauge('prometheus_tsdb_storage_blocks_bytes', 'The number of bytes that are currently used for samples.', bytes),
    gauge('prometheus_sd_discovered_targets', 'Current number of discovered targets.', scrapers().length),
    gauge('prometheus_rule_group_rules', 'The number of rules.', groups().reduce((sum, { rules }) => sum + rules.length, 0)),
    gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', startedAt / 1000),
  ].join('')
}

