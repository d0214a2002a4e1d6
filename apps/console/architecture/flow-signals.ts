import { objects, podsBehind, words, type World } from '@idp/platform'
import type { KnownArrow } from './arrows.ts'

/** One end of a Hubble flow, the fields that are read. */
interface FlowEnd { readonly namespace?: string; readonly pod_name?: string; readonly labels?: readonly string[]; readonly workloads?: readonly { readonly name?: string }[] }
/** A flow as Hubble's JSON names its fields. */
export interface Flow {
  readonly verdict?: string
  readonly is_reply?: boolean
  readonly source?: FlowEnd
  readonly destination?: FlowEnd
  readonly l4?: { readonly TCP?: { readonly destination_port?: number } }
}

/** Who opens a connection to whom means which check: workload names as the charts give them. */
const links: readonly { readonly from: string; readonly to: string; readonly check: string; readonly with?: Readonly<Record<string, string>> }[] = [
  { from: 'observability/prometheus-grafana', to: 'observability/prometheus-prometheus-kube-prometheus-prometheus', check: 'data-source-answers', with: { uid: 'prometheus' } },
  { from: 'observability/prometheus-grafana', to: 'observability/loki', check: 'data-source-answers', with: { uid: 'loki' } },
  { from: 'observability/fluent-bit', to: 'observability/loki', check: 'logs-forwarded' }, { from: 'observability/fluent-bit', to: 'observability/loki-gateway', check: 'logs-forwarded' },
  { from: 'external-secrets-system/external-secrets', to: 'vault-system/vault', check: 'secret-read' },
  { from: 'argocd/argocd-repo-server', to: 'git-system/git-server', check: 'change-computed' },
  { from: 'cicd/argo-workflows-workflow-controller', to: 'cicd/sonarqube', check: 'workflow-analyses' },
]

/** The connection in words: `argocd/argocd-repo-server → git-system/git-server:8080`; undefined for replies and probes, which say nothing. */
export function flowTitle(flow: Flow): string | undefined {
  const [from, to] = [endOf(flow.source), endOf(flow.destination)]
  if (flow.is_reply === true || from === '' || to === '' || from === 'host' || from === 'remote-node' || to === 'ingress') return undefined
  return `${from} → ${to}:${flow.l4?.TCP?.destination_port ?? '?'}${flow.verdict === 'DROPPED' ? ', dropped' : ''}`
}

function endOf(end: FlowEnd | undefined): string {
  const workload = end?.workloads?.[0]?.name ?? end?.pod_name
  if (workload !== undefined && workload !== '') return `${end?.namespace ?? ''}/${workload}`
  const reserved = (end?.labels ?? []).filter((label) => label.startsWith('reserved:')).map((label) => label.slice(9))
  return reserved.includes('ingress') ? 'ingress' : reserved.includes('world') ? 'world' : reserved.includes('kube-apiserver') ? 'kube-apiserver' : reserved[0] ?? ''
}

/** The arrows on which a connection is seen. */
export function arrowsOfFlow(flow: Flow, arrows: readonly KnownArrow[], world: World): readonly string[] {
  if (flow.is_reply === true || flow.verdict === 'DROPPED') return []
  const [from, to] = [endOf(flow.source), endOf(flow.destination)]
  if (to === 'ingress') return arrows.filter(({ check }) => check === 'https-reaches-gateway').map(({ id }) => id)
  if (from === 'ingress') return arrows.filter((arrow) => isBehindGateway(arrow, flow, world)).map(({ id }) => id)
  const link = links.find((one) => one.from === from && one.to === to)
  return link === undefined ? [] : arrows.filter(({ check, with: own }) => check === link.check && Object.entries(link.with ?? {}).every(([key, value]) => own?.[key] === value)).map(({ id }) => id)
}

/** True when the pod that the gateway connected to is behind the Service, or behind the route, that the arrow names. */
function isBehindGateway({ check, with: own }: KnownArrow, { destination }: Flow, world: World): boolean {
  if ((check !== 'backend-answers' && check !== 'route-attached') || own?.['namespace'] !== destination?.namespace) return check === 'https-reaches-gateway'
  const namespace = String(own?.['namespace'])
  const route = world.find({ kind: 'HTTPRoute', namespace, name: String(own?.['route'] ?? own?.['host']) })
  const services = check === 'backend-answers' ? [String(own?.['service'])] : objects(route, 'spec', 'rules').flatMap((rule) => objects(rule, 'backendRefs').map((ref) => words(ref, 'name')))
  return services.some((name) => {
    const service = world.find({ kind: 'Service', namespace, name })
    return service !== undefined && podsBehind(service, world).some((pod) => pod.metadata.name === destination?.pod_name)
  })
}
