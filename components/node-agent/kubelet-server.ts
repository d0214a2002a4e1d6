import { SubjectAccessReview, TokenReview } from '@idp/api'
import type { Handler, Peer } from '@idp/http'
import type { NodeContext } from './node-context.ts'
import { cadvisorMetrics, kubeletMetrics, resourceMetrics, type MeasuredContainer } from './node-metrics.ts'
import type { PodWorker } from './pod-worker.ts'
import { prometheusText } from './prometheus-text.ts'
import type { UsageMeter } from './resource-usage.ts'
import { statsSummary } from './stats-summary.ts'

export interface KubeletServerOptions {
  readonly node: NodeContext
  readonly usage: UsageMeter
  readonly startedAt: number
  workers(): Iterable<PodWorker>
  /** All nodes' workers: the process is shared by all of them. */
  everyWorker(): Iterable<PodWorker>
}

type Page = (options: KubeletServerOptions) => Response

const metrics = (families: Parameters<typeof prometheusText>[0]) => new Response(prometheusText(families), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })

const pages: Readonly<Record<string, Page>> = {
  '/metrics': ({ node, workers }) => metrics(kubeletMetrics(node, [...workers()])),
  '/metrics/cadvisor': (o) => metrics(cadvisorMetrics(o.node, measure(o))),
  '/metrics/resource': (o) => metrics(resourceMetrics(measure(o))),
  '/metrics/probes': () => metrics([]),
  '/stats/summary': (o) => Response.json(statsSummary(o.node, measure(o), o.startedAt)),
  '/pods': ({ workers }) => Response.json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [...workers()].map((w) => w.pod) }),
}

/** The pages of kubelet's HTTPS port; the caller has been authorized. */
export function kubeletPages(options: KubeletServerOptions): (request: Request) => Response {
  return (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz') return new Response('ok')
    const page = Object.hasOwn(pages, pathname) ? pages[pathname] : undefined
    return page === undefined ? new Response('404 page not found\n', { status: 404 }) : page(options)
  }
}

/** Estimates every running container of the process, and returns this node's. */
function measure({ node, usage, workers, everyWorker }: KubeletServerOptions): MeasuredContainer[] {
  const running = (of: Iterable<PodWorker>) => [...of].flatMap((worker) => worker.records.flatMap((record) => (record.instance === undefined ? [] : [{ worker, record, instance: record.instance }])))
  const used = usage.sample(running(everyWorker()).map((r) => r.instance), node.clock.now())
  return running(workers()).flatMap((r) => {
    const own = used.get(r.instance)
    return own === undefined ? [] : [{ ...r, usage: own }]
  })
}

/** Which part of the node's API a path belongs to, as upstream's authorizer names it. */
function subresourceOf(path: string): string {
  if (path.startsWith('/metrics')) return 'metrics'
  if (path.startsWith('/stats')) return 'stats'
  if (path.startsWith('/logs')) return 'log'
  return path === '/healthz' ? 'healthz' : 'proxy'
}

const rememberMs = 30_000

/** The handler of the port: asks the API server who calls (TokenReview, or a client certificate) and whether he may (SubjectAccessReview). */
export function kubeletHandler(node: NodeContext, page: (request: Request) => Response): Handler {
  const allowed = new Map<string, number>()
  return async (request, peer) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz') return new Response('ok')
    const token = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
    const subresource = subresourceOf(pathname)
    const key = `${subresource} ${token ?? ''} ${peer.certificate?.commonName ?? ''}`
    if ((allowed.get(key) ?? 0) > node.clock.now()) return page(request)
    const user = await callerOf(node, token, peer)
    if (user === undefined) return new Response('Unauthorized', { status: 401 })
    const review = await node.client.create(SubjectAccessReview, {
      apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', metadata: {},
      spec: { user: user.name, groups: [...user.groups], resourceAttributes: { verb: 'get', resource: 'nodes', subresource, name: node.name, version: 'v1' } },
    } as SubjectAccessReview)
    if (review.status?.allowed !== true) return new Response(`Forbidden (user=${user.name}, verb=get, resource=nodes, subresource=${subresource})`, { status: 403 })
    if (allowed.size > 200) allowed.clear()
    allowed.set(key, node.clock.now() + rememberMs)
    return page(request)
  }
}

async function callerOf(node: NodeContext, token: string | undefined, peer: Peer): Promise<{ name: string; groups: readonly string[] } | undefined> {
  if (peer.certificate !== undefined) return { name: peer.certificate.commonName, groups: [...peer.certificate.organizations, 'system:authenticated'] }
  if (token === undefined) return undefined
  const review = await node.client.create(TokenReview, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } } as TokenReview)
  const { authenticated, user } = review.status ?? {}
  return authenticated === true && user?.username !== undefined ? { name: user.username, groups: user.groups ?? [] } : undefined
}
