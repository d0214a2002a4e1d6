import { Pod, type HorizontalPodAutoscaler } from '@idp/api'
import { isPodReady, isPodTerminal, type Scope } from '@idp/controller'
import { matchesRequirements, parseLabelSelector, parseQuantity, quantityToMilli } from '@idp/formats'
import { recommend, type PodSample } from '../engine/autoscale.ts'
import type { ScaleTarget } from './autoscaler-scale.ts'

type Metric = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['metrics']>[number]
interface ResourceSource { readonly name: string; readonly target: { readonly type: string; readonly averageUtilization?: number; readonly averageValue?: string | number }; readonly container?: string }

export interface Measured {
  readonly replicas: number
  /** As conditions and events name the metric. */
  readonly name: string
  /** Row of `status.currentMetrics`. */
  readonly status: unknown
}
export interface Unmeasured { readonly reason: string; readonly message: string }

interface PodMetrics { readonly metadata: { readonly name: string }; readonly containers: readonly { readonly name: string; readonly usage: Readonly<Record<string, string>> }[] }

/** What one metric of an autoscaler asks for, or why it cannot be told. */
export async function measure(metric: Metric, autoscaler: HorizontalPodAutoscaler, target: ScaleTarget, scope: Scope): Promise<Measured | Unmeasured> {
  const source = (metric.resource ?? metric.containerResource) as ResourceSource | undefined
  if (source === undefined) return missingApi(metric.type)
  const failed = metric.type === 'Resource' ? 'FailedGetResourceMetric' : 'FailedGetContainerResourceMetric'
  const what = source.target.type === 'Utilization' ? `${source.name} utilization` : `${source.name} usage`
  const fail = (why: string): Unmeasured => ({ reason: failed, message: `failed to get ${what}: ${why}` })
  const answer = await readPodMetrics(autoscaler.metadata.namespace ?? '', target.selector, scope)
  if (typeof answer === 'string') return fail(`unable to get metrics for resource ${source.name}: unable to fetch metrics from resource metrics API: ${answer}`)
  if (answer.length === 0) return fail(`unable to get metrics for resource ${source.name}: no metrics returned from resource metrics API`)
  const samples = samplesOf(source, autoscaler.metadata.namespace ?? '', target.selector, answer, scope)
  if (typeof samples === 'string') return fail(samples)
  const { averageUtilization, averageValue } = source.target
  const found = recommend(target.replicas, samples, averageUtilization === undefined ? { averageValue: quantityToMilli(parseQuantity(averageValue ?? '0')) } : { utilization: averageUtilization })
  if (found === undefined) return fail('did not receive metrics for targeted pods (pods might be unready)')
  const current = { averageValue: `${Math.floor(found.average)}m`, ...(found.utilization === undefined ? {} : { averageUtilization: found.utilization }) }
  const row = { name: source.name, ...(source.container === undefined ? {} : { container: source.container }), current }
  return {
    replicas: found.replicas, name: `${source.name} ${source.container === undefined ? '' : 'container '}resource${averageUtilization === undefined ? '' : ' utilization (percentage of request)'}`,
    status: metric.type === 'Resource' ? { type: 'Resource', resource: row } : { type: 'ContainerResource', containerResource: row },
  }
}

function missingApi(type: string): Unmeasured {
  const external = type === 'External'
  const api = external ? 'external metrics API: the server could not find the requested resource' : 'custom metrics API: the server could not find the metric: no custom metrics API (custom.metrics.k8s.io) registered'
  return { reason: external ? 'FailedGetExternalMetric' : type === 'Object' ? 'FailedGetObjectMetric' : 'FailedGetPodsMetric', message: `unable to fetch metrics from ${api}` }
}

/** The pods' metrics, or why there are none. */
async function readPodMetrics(namespace: string, selector: string, { client }: Scope): Promise<readonly PodMetrics[] | string> {
  const response = await client.request(`/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`)
  if (response.ok) return ((await response.json()) as { items: PodMetrics[] }).items
  const { message } = (await response.json().catch(() => ({}))) as { message?: string }
  return `${message ?? `the server answered ${response.status}`} (get pods.metrics.k8s.io)`
}

function samplesOf(source: ResourceSource, namespace: string, selector: string, metrics: readonly PodMetrics[], { cache }: Scope): PodSample[] | string {
  const byPod = new Map(metrics.map((item) => [item.metadata.name, item]))
  const requirements = parseLabelSelector(selector)
  const samples: PodSample[] = []
  for (const pod of cache(Pod).list({ namespace })) {
    if (isPodTerminal(pod) || pod.metadata.deletionTimestamp !== undefined || !matchesRequirements(requirements, pod.metadata.labels ?? {})) continue
    const containers = pod.spec.containers.filter(({ name }) => source.container === undefined || name === source.container)
    const missing = containers.find(({ resources }) => resources?.requests?.[source.name] === undefined)
    if (missing !== undefined && source.target.type === 'Utilization') return `missing request for ${source.name} in container ${missing.name} of Pod ${pod.metadata.name}`
    const request = containers.reduce((sum, { resources }) => sum + quantityToMilli(parseQuantity(resources?.requests?.[source.name] ?? '0')), 0)
    const used = byPod.get(pod.metadata.name ?? '')?.containers.filter(({ name }) => source.container === undefined || name === source.container)
    const usage = used?.reduce((sum, container) => sum + quantityToMilli(parseQuantity(container.usage[source.name] ?? '0')), 0)
    samples.push({ usage, request, ready: isPodReady(pod) })
  }
  return samples
}
