import { defineKind } from '@idp/api'
import { informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { untilAborted, type Program } from '@idp/sandbox'
import { metricsResponse, type MetricFamily } from '../engine/metrics-text.ts'
import { stateResources, type Sample, type StateResource } from '../engine/state-metrics.ts'

/** What is kept of an object: its name, and what its families say of it, computed once for each change. */
interface Kept extends KubeObject { readonly samples?: readonly (readonly Sample[])[] }

/** Stands in for kube-state-metrics: watches the cluster's objects and tells what they are in numbers. */
export const kubeStateMetrics: Program = {
  images: ['registry.k8s.io/kube-state-metrics/kube-state-metrics'],
  async main({ client, clock, log, net, pod, signal }) {
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const watched = stateResources.map((resource) => ({ resource, view: informer<Kept>(client, defineKind<Kept>({ group: resource.group, version: resource.version, kind: resource.kind, plural: resource.plural, scope: resource.scope }), { clock, log, signal, transform: (object) => digest(object, resource) }) }))
    let ready = false
    await using _listener = await net.listen(8080, { handler: (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/metrics') return metricsResponse(watched.flatMap(({ resource, view }) => familiesOf(resource, view.cache.list())))
      if (pathname === '/healthz' || pathname === '/livez') return new Response('OK')
      if (pathname === '/readyz') return new Response(ready ? 'OK' : 'the first lists are not in yet', { status: ready ? 200 : 503 })
      return new Response('not found\n', { status: 404 })
    } })
    await using _telemetry = await net.listen(8081, { handler: (request) => (new URL(request.url).pathname === '/metrics' ? metricsResponse([{ name: 'kube_state_metrics_build_info', type: 'gauge', help: 'A metric with a constant 1 value labeled by version.', samples: [{ labels: { version: '2.17.0', revision: 'idp' }, value: 1 }] }]) : new Response('OK')) })
    await Promise.all(watched.map(({ view }) => view.synced))
    ready = true
    await untilAborted(signal)
    return 0
  },
}

function digest(object: KubeObject, { families }: StateResource): Kept {
  const { name, namespace, uid, resourceVersion } = object.metadata
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: { ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) }, samples: families.map(({ of }) => of(object as KubeObject & Readonly<Record<string, unknown>>)) }
}

function familiesOf({ families }: StateResource, objects: readonly Kept[]): MetricFamily[] {
  return families.map(({ name, type, help }, index) => ({ name, type, help, samples: objects.flatMap(({ samples }) => samples?.[index] ?? []) }))
}
