import { defineKind, isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Handler } from '@idp/http'
import { CodedError } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import type { PolicyAdvice } from '../engine/page.ts'
import { resultsPage } from '../engine/page.ts'
import { resultMetrics, resultRows, selectRows, type ReportFields, type ResultRow } from '../engine/results.ts'
import { readTargets, type Target } from '../engine/target-config.ts'
import { createResultSender } from './send-results.ts'

type Report = KubeObject & ReportFields
const PolicyReport: Kind<Report> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'PolicyReport', plural: 'policyreports', scope: 'Namespaced' })
const ClusterPolicyReport: Kind<Report> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'ClusterPolicyReport', plural: 'clusterpolicyreports', scope: 'Cluster' })
/** Kinds whose annotations say what their policies want. */
const policyKinds: readonly Kind<KubeObject>[] = [
  defineKind({ group: 'kyverno.io', version: 'v1', kind: 'ClusterPolicy', plural: 'clusterpolicies', scope: 'Cluster' }), defineKind({ group: 'kyverno.io', version: 'v1', kind: 'Policy', plural: 'policies', scope: 'Namespaced' }),
  defineKind({ group: 'policies.kyverno.io', version: 'v1beta1', kind: 'ValidatingPolicy', plural: 'validatingpolicies', scope: 'Cluster' }), defineKind({ group: 'policies.kyverno.io', version: 'v1beta1', kind: 'ImageValidatingPolicy', plural: 'imagevalidatingpolicies', scope: 'Cluster' }),
]

/** Serves what the policy reports say (REST API v1, metrics, a page), and sends what is new to the targets of its configuration. */
export const policyReporter: Program = {
  images: ['ghcr.io/kyverno/policy-reporter'],
  async main(container) {
    const { client, clock, log, net, pod, signal } = container
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const targets = await configuredTargets(container)
    const [reports, clusterReports] = [informer(client, PolicyReport, { signal, clock, log }), informer(client, ClusterPolicyReport, { signal, clock, log })]
    let ready = false
    const namespaced = (): ResultRow[] => resultRows(reports.cache.list())
    const cluster = (): ResultRow[] => resultRows(clusterReports.cache.list())
    const advice = cachedAdvice(client, clock)
    await using _listener = await net.listen(8080, { handler: route({ namespaced, cluster, ready: () => ready, advice }) })
    await Promise.all([reports.synced, clusterReports.synced])
    if (targets.length > 0) send(targets, [reports, clusterReports], { ...container, client })
    ready = true
    log.info('policy-reporter is ready', { results: namespaced().length + cluster().length, targets: targets.map(({ name }) => name) })
    await untilAborted(signal)
    return 0
  },
}

/** The targets of the file that `--config` names; none without such a file. */
async function configuredTargets({ args, files }: Pick<Container, 'args' | 'files'>): Promise<Target[]> {
  const path = args.map((arg) => /^--config=(.*)$/.exec(arg)?.[1]).find((one) => one !== undefined) ?? '/app/config.yaml'
  return (await files.exists(path)) ? readTargets(await files.readText(path), path) : []
}

function send(targets: readonly Target[], views: readonly Informer<Report>[], container: Container & { readonly client: Client }): void {
  const sender = createResultSender(targets, container)
  const started = container.clock.now()
  for (const view of views) {
    view.onChange(({ before, after }) => {
      const { uid = '' } = (after ?? before)?.metadata ?? {}
      if (after === undefined) sender.forget(uid)
      else sender.report(uid, resultRows([after]), Date.parse(after.metadata.creationTimestamp ?? '') <= started)
    })
  }
}

const adviceAge = 30_000

/** What the policies' annotations say, asked for at most twice a minute. */
function cachedAdvice(client: Client, clock: Container['clock']): () => Promise<ReadonlyMap<string, PolicyAdvice>> {
  let known: { readonly at: number; readonly advice: Promise<ReadonlyMap<string, PolicyAdvice>> } | undefined
  return () => {
    if (known === undefined || clock.now() - known.at > adviceAge) known = { at: clock.now(), advice: readAdvice(client) }
    return known.advice
  }
}

async function readAdvice(client: Client): Promise<ReadonlyMap<string, PolicyAdvice>> {
  const lists = await Promise.all(policyKinds.map((kind) => client.list(kind, {}).then(({ items }) => items, (error: unknown) => {
    // A kind that is not there, or may not be read, explains nothing.
    if (isApiError(error, 'NotFound') || isApiError(error, 'Forbidden')) return []
    throw error
  })))
  return new Map(lists.flat().map(({ metadata: { name = '', annotations = {} } }) => {
    const [title, description] = [annotations['policies.kyverno.io/title'], annotations['policies.kyverno.io/description']]
    return [name, { ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) }]
  }))
}

interface Sources { namespaced(): ResultRow[]; cluster(): ResultRow[]; ready(): boolean; advice(): Promise<ReadonlyMap<string, PolicyAdvice>> }

function route({ namespaced, cluster, ready, advice }: Sources): Handler {
  const all = () => [...namespaced(), ...cluster()]
  const distinct = (rows: readonly ResultRow[], field: keyof ResultRow) => Response.json([...new Set(rows.map((row) => String(row[field] ?? '')).filter((value) => value !== ''))].sort())
  const pages: Readonly<Record<string, (query: URLSearchParams) => Response | Promise<Response>>> = {
    '/ready': () => new Response(ready() ? 'ok' : 'the reports are not read yet', { status: ready() ? 200 : 503 }),
    '/healthz': () => new Response('ok'),
    '/metrics': () => new Response(resultMetrics(all()), { headers: { 'content-type': 'text/plain; version=0.0.4' } }),
    '/': async (query) => htmlPage(resultsPage(all(), { advice: await advice(), query })),
    '/v1/policies': async () => Response.json([...(await advice())].map(([name, said]) => ({ name, ...said }))),
    '/v1/namespaced-resources/results': (query) => Response.json(selectRows(namespaced(), query)),
    '/v1/cluster-resources/results': (query) => Response.json(selectRows(cluster(), query)),
    '/v1/namespaced-resources/policies': () => distinct(namespaced(), 'policy'),
    '/v1/cluster-resources/policies': () => distinct(cluster(), 'policy'),
    '/v1/namespaced-resources/kinds': () => distinct(namespaced(), 'kind'),
    '/v1/cluster-resources/kinds': () => distinct(cluster(), 'kind'),
    '/v1/namespaced-resources/sources': () => distinct(namespaced(), 'source'),
    '/v1/cluster-resources/sources': () => distinct(cluster(), 'source'),
    '/v1/namespaces': () => distinct(namespaced(), 'namespace'),
    '/v1/categories': () => distinct(all(), 'category'),
  }
  return (request) => {
    const url = new URL(request.url)
    return pages[url.pathname]?.(url.searchParams) ?? new Response('not found\n', { status: 404 })
  }
}

/** A page without scripts. */
export const htmlPage = (html: string): Response => new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'" } })
