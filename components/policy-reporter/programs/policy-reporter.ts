import { defineKind, type Kind } from '@idp/api'
import { informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Handler } from '@idp/http'
import { CodedError } from '@idp/kit'
import { untilAborted, type Program } from '@idp/sandbox'
import { resultsPage } from '../engine/page.ts'
import { resultMetrics, resultRows, selectRows, type ReportFields, type ResultRow } from '../engine/results.ts'

type Report = KubeObject & ReportFields
const PolicyReport: Kind<Report> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'PolicyReport', plural: 'policyreports', scope: 'Namespaced' })
const ClusterPolicyReport: Kind<Report> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'ClusterPolicyReport', plural: 'clusterpolicyreports', scope: 'Cluster' })

/** Serves what the policy reports say: REST API v1, metrics, a page. */
export const policyReporter: Program = {
  images: ['ghcr.io/kyverno/policy-reporter'],
  async main({ client, clock, log, net, pod, signal }) {
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const [reports, clusterReports] = [informer(client, PolicyReport, { signal, clock, log }), informer(client, ClusterPolicyReport, { signal, clock, log })]
    let ready = false
    const namespaced = (): ResultRow[] => resultRows(reports.cache.list())
    const cluster = (): ResultRow[] => resultRows(clusterReports.cache.list())
    await using _listener = await net.listen(8080, { handler: route({ namespaced, cluster, ready: () => ready }) })
    await Promise.all([reports.synced, clusterReports.synced])
    ready = true
    log.info('policy-reporter is ready', { results: namespaced().length + cluster().length })
    await untilAborted(signal)
    return 0
  },
}

interface Sources { namespaced(): ResultRow[]; cluster(): ResultRow[]; ready(): boolean }

function route({ namespaced, cluster, ready }: Sources): Handler {
  const all = () => [...namespaced(), ...cluster()]
  const distinct = (rows: readonly ResultRow[], field: keyof ResultRow) => Response.json([...new Set(rows.map((row) => String(row[field] ?? '')).filter((value) => value !== ''))].sort())
  const pages: Readonly<Record<string, (query: URLSearchParams) => Response>> = {
    '/ready': () => new Response(ready() ? 'ok' : 'the reports are not read yet', { status: ready() ? 200 : 503 }),
    '/healthz': () => new Response('ok'),
    '/metrics': () => new Response(resultMetrics(all()), { headers: { 'content-type': 'text/plain; version=0.0.4' } }),
    '/': () => new Response(resultsPage(all()), { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" } }),
    '/v1/namespaced-resources/results': (query) => Response.json(selectRows(namespaced(), query)),
    '/v1/cluster-resources/results': (query) => Response.json(selectRows(cluster(), query)),
    '/v1/namespaced-resources/policies': () => distinct(namespaced(), 'policy'),
    '/v1/cluster-resources/policies': () => distinct(cluster(), 'policy'),
    '/v1/namespaced-resources/kinds': () => distinct(namespaced(), 'kind'),
    '/v1/namespaces': () => distinct(namespaced(), 'namespace'),
    '/v1/categories': () => distinct(all(), 'category'),
  }
  return (request) => {
    const url = new URL(request.url)
    return pages[url.pathname]?.(url.searchParams) ?? new Response('not found\n', { status: 404 })
  }
}
