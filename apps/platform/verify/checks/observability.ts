import { rfc3339, sleep } from '@idp/kit'
import type { Check, GatewayAnswer, VerifyContext } from '../check.ts'
import { at, eventually, get, list, patch, realPods, text, type Ref } from '../live.ts'

const prometheus = '/api/v1/namespaces/observability/services/prometheus-kube-prometheus-prometheus:9090/proxy'
/** Long enough for the first scrape of a target that has just appeared. */
const patience = 20_000

interface Sample { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }

/** The newest samples of a query, asked of Prometheus through the API server. */
async function query(context: VerifyContext, promql: string): Promise<readonly Sample[]> {
  const response = await context.client.request(`${prometheus}/api/v1/query?query=${encodeURIComponent(promql)}`)
  if (!response.ok) throw new Error(`Prometheus answers ${response.status} to ${promql}`)
  return ((await response.json()) as { data: { result: readonly Sample[] } }).data.result
}

/** Asks again until there is an answer; throws with what was missing. */
async function eventuallySamples(context: VerifyContext, promql: string): Promise<readonly Sample[]> {
  const until = context.clock.now() + patience
  for (;;) {
    const found = await query(context, promql).catch((error: unknown) => { if (context.clock.now() > until) throw error; return [] })
    if (found.length > 0) return found
    if (context.clock.now() > until) throw new Error(`Prometheus has no sample for ${promql}`)
    await sleep(context.clock, 500, context.signal)
  }
}

/** `exporter -> Prometheus`: targets of a job are up, and what one of them exposed can be queried. */
const metricsScraped: Check = async (context, { job, metric, namespace, pods }) => {
  await realPods(context, 'observability', 'prometheus-prometheus-kube-prometheus-prometheus-')
  if (pods !== undefined) await realPods(context, text(namespace ?? 'observability'), text(pods))
  const up = await eventuallySamples(context, `up{job="${text(job)}"} == 1`)
  const [sample] = await eventuallySamples(context, text(metric))
  return `Prometheus scrapes ${up.length} target${up.length === 1 ? '' : 's'} of job ${text(job)} (${up.map(({ metric: { instance = '' } }) => instance).slice(0, 3).join(', ')}); ${text(metric)} is ${sample?.value[1] ?? ''}`
}

/** `API server -> pod`: a changed template makes a StatefulSet replace its pod, which comes up ready. */
const rollingUpdate: Check = async (context, { namespace, name }) => {
  const set: Ref = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: text(name), namespace: text(namespace) }
  const pod: Ref = { apiVersion: 'v1', kind: 'Pod', name: `${text(name)}-0`, namespace: text(namespace) }
  await realPods(context, text(namespace), pod.name)
  const before = (await get(context.client, pod)).metadata.uid
  const started = context.clock.now()
  const previous = at(await get(context.client, set), 'status', 'updateRevision')
  // As `kubectl rollout restart` does it.
  await patch(context.client, set, { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': rfc3339(started) } } } } })
  await eventually(context, pod, (object) => object !== undefined && object.metadata.uid !== before && isReady(object), 'to be replaced and Ready', patience)
  const after = await eventually(context, set, (object) => at(object, 'status', 'updateRevision') !== previous && at(object, 'status', 'currentRevision') === at(object, 'status', 'updateRevision'), 'to finish its update', patience)
  return `pod ${text(namespace)}/${pod.name} was replaced by one of revision ${text(at(after, 'status', 'updateRevision'))} and was Ready after ${context.clock.now() - started} ms`
}

function isReady(pod: unknown): boolean {
  return ((at(pod, 'status', 'conditions') ?? []) as { type: string; status: string }[]).some(({ type, status }) => type === 'Ready' && status === 'True')
}

/** `application -> Prometheus`: the metrics of programs' own: every namespace that is scraped, not only the cluster's parts. */
const applicationMetrics: Check = async (context) => {
  await realPods(context, 'observability', 'prometheus-prometheus-kube-prometheus-prometheus-')
  const monitors = await list(context.client, 'monitoring.coreos.com/v1', 'ServiceMonitor')
  const up = await eventuallySamples(context, 'up{pod!="",container!=""} == 1')
  return `Prometheus scrapes ${up.length} pods through ${monitors.length} ServiceMonitors, ${up.map(({ metric: { namespace = '', pod = '' } }) => `${namespace}/${pod}`).slice(0, 3).join(', ')} among them`
}

interface LogStream { readonly stream: Readonly<Record<string, string>>; readonly values: readonly (readonly [string, string])[] }

/** `log file -> Fluent Bit`: the agents have read records of the files on their nodes. */
const logsTailed: Check = async (context) => {
  const agents = await realPods(context, 'observability', 'fluent-bit-')
  const counted = await Promise.all(agents.map(async ({ metadata: { name = '' } }) => {
    const response = await context.client.request(`/api/v1/namespaces/observability/pods/${name}:2020/proxy/api/v1/metrics`)
    return Number(at(await response.json(), 'input', 'tail.0', 'records') ?? 0)
  }))
  const total = counted.reduce((sum, count) => sum + count, 0)
  if (total === 0) throw new Error(`${agents.map(({ metadata }) => metadata.name).join(', ')} have read no record`)
  return `${agents.length} agents have read ${total} records of the container logs on their nodes`
}

/** `Fluent Bit -> Loki`: what a pod printed is found in Loki, under the labels of that pod. */
const logsForwarded: Check = async (context, { namespace, pods }) => {
  await realPods(context, 'observability', 'fluent-bit-')
  await realPods(context, 'observability', 'loki-0')
  const [pod] = await realPods(context, text(namespace), text(pods))
  const selector = `{namespace="${text(namespace)}",pod="${pod?.metadata.name ?? ''}"}`
  const until = context.clock.now() + patience
  for (;;) {
    const response = await context.client.request(`/api/v1/namespaces/observability/services/loki:3100/proxy/loki/api/v1/query_range?limit=1&since=12h&query=${encodeURIComponent(selector)}`)
    if (!response.ok) throw new Error(`Loki answers ${response.status} to ${selector}`)
    const [found] = ((await response.json()) as { data: { result: readonly LogStream[] } }).data.result
    const line = found?.values[0]?.[1]
    if (line !== undefined) return `Loki has lines of ${selector}, the newest: ${line.slice(0, 100)}`
    if (context.clock.now() > until) throw new Error(`Loki has no line of ${selector}`)
    await sleep(context.clock, 500, context.signal)
  }
}

/** `source -> Grafana`: Grafana, signed in to with its Secret, reaches a data source and gives an answer of it. */
const dataSourceAnswers: Check = async (context, { uid, query: expr }) => {
  await realPods(context, 'observability', 'prometheus-grafana-')
  const secret = await get(context.client, { apiVersion: 'v1', kind: 'Secret', name: 'grafana-admin-credentials', namespace: 'observability' })
  const [user, password] = ['admin-user', 'admin-password'].map((key) => Buffer.from(text(at(secret, 'data', key)), 'base64').toString())
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  const until = context.clock.now() + patience
  /** Asks again while the source is away for a moment: another check restarts it. */
  const ask = async (path: string): Promise<GatewayAnswer> => {
    for (;;) {
      const answer = await context.throughGateway(`grafana.${context.domain.local}`, path, { headers })
      if (answer.status === 200) return answer
      if (context.clock.now() > until) throw new Error(`Grafana answers ${answer.status} to ${path}: ${answer.body.slice(0, 200)}`)
      await sleep(context.clock, 500, context.signal)
    }
  }
  const health = await ask(`/api/datasources/uid/${text(uid)}/health`)
  const answer = await ask(`/api/datasources/proxy/uid/${text(uid)}/${text(uid) === 'loki' ? 'loki/api/v1/query' : 'api/v1/query'}?query=${encodeURIComponent(text(expr))}`)
  const { data } = JSON.parse(answer.body) as { data: { result: readonly Sample[] } }
  return `Grafana, signed in as ${user}: ${text(at(JSON.parse(health.body), 'message'))} ${text(expr)} is ${data.result[0]?.value[1] ?? 'empty'}`
}

export const observabilityChecks = { 'data-source-answers': dataSourceAnswers, 'logs-tailed': logsTailed, 'logs-forwarded': logsForwarded, 'metrics-scraped': metricsScraped, 'rolling-update': rollingUpdate, 'application-metrics': applicationMetrics } satisfies Record<string, Check>
