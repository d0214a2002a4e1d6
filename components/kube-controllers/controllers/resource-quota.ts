import { ConfigMap, PersistentVolumeClaim, Pod, ReplicationController, ResourceQuota, Secret, Service, Deployment, ReplicaSet, StatefulSet, Job, CronJob, type Kind } from '@idp/api'
import { watch, type Controller, type Key, type Scope, type Watch } from '@idp/controller'
import { addQuantities, formatQuantity, parseQuantity, type KubeObject, type Quantity } from '@idp/formats'
import { podUsage, quotaCountsPod } from '../engine/quota-usage.ts'

/** Kinds that quotas count by number, with the names they are counted under. */
const counted: readonly (readonly [Kind, readonly string[]])[] = [
  [ConfigMap, ['configmaps', 'count/configmaps']], [Secret, ['secrets', 'count/secrets']], [Service, ['services', 'count/services']],
  [PersistentVolumeClaim, ['persistentvolumeclaims', 'count/persistentvolumeclaims']], [ReplicationController, ['replicationcontrollers', 'count/replicationcontrollers']],
  [Pod, ['count/pods']], [Deployment, ['count/deployments.apps']], [ReplicaSet, ['count/replicasets.apps']], [StatefulSet, ['count/statefulsets.apps']],
  [Job, ['count/jobs.batch']], [CronJob, ['count/cronjobs.batch']], [ResourceQuota, ['resourcequotas', 'count/resourcequotas']],
]

const quotasOfNamespace = (object: KubeObject, { cache }: Scope): Key[] => (
  cache(ResourceQuota).list({ namespace: object.metadata.namespace ?? '' }).map(({ metadata: { namespace, name = '' } }) => ({ namespace, name })))

/** A change of an object matters to quotas only when it comes, goes, or (a pod, a claim) changes in size or ends. */
function countWatch(kind: Kind): Watch<never> {
  return watch(kind, (object, scope, { before, after }) => {
    const steady = before !== undefined && after !== undefined && kind.plural !== 'pods' && kind.plural !== 'persistentvolumeclaims' && kind.plural !== 'services'
    return steady ? [] : quotasOfNamespace(object, scope)
  })
}

/** Keeps `status.used` of quotas; admission holds requests against it. */
export const resourceQuotaController: Controller<ResourceQuota> = {
  name: 'resourcequota-controller',
  for: ResourceQuota, watches: counted.filter(([kind]) => kind.plural !== 'resourcequotas').map(([kind]) => countWatch(kind)),
  async reconcile(quota, scope) {
    const hard = quota.spec?.hard ?? {}
    const usage = usageOf(quota, scope)
    const used = Object.fromEntries(Object.keys(hard).flatMap((name) => {
      const amount = usage.get(name)
      if (amount !== undefined) return [[name, formatQuantity(amount)]]
      return isKnown(name) ? [[name, '0']] : []
    }))
    return { status: { hard, used } }
  },
}

const computed = /^(requests\.|limits\.)?(cpu|memory|ephemeral-storage|storage)$|^(requests\.|limits\.).+|^pods$|^services\.(loadbalancers|nodeports)$|\.storageclass\.storage\.k8s\.io\//
const isKnown = (name: string) => computed.test(name) || counted.some(([, names]) => names.includes(name))

function usageOf(quota: ResourceQuota, { cache }: Scope): Map<string, Quantity> {
  const usage = new Map<string, Quantity>()
  const namespace = quota.metadata.namespace ?? ''
  const add = (name: string, amount: Quantity) => void usage.set(name, addQuantities(usage.get(name) ?? parseQuantity('0'), amount))
  const one = parseQuantity('1')
  for (const pod of cache(Pod).list({ namespace })) {
    if (!quotaCountsPod(quota, pod)) continue
    for (const [name, amount] of podUsage(pod)) add(name, amount)
  }
  if ((quota.spec?.scopes ?? []).length > 0 || quota.spec?.scopeSelector !== undefined) return usage
  for (const [kind, names] of counted) for (const _object of cache(kind).list({ namespace })) for (const name of names) add(name, one)
  for (const claim of cache(PersistentVolumeClaim).list({ namespace })) {
    const size = parseQuantity(claim.spec.resources?.requests?.['storage'] ?? '0')
    const ofClass = `${claim.spec.storageClassName ?? ''}.storageclass.storage.k8s.io`
    add('requests.storage', size)
    add(`${ofClass}/requests.storage`, size)
    add(`${ofClass}/persistentvolumeclaims`, one)
  }
  for (const service of cache(Service).list({ namespace })) {
    const type = service.spec?.type
    if (type === 'LoadBalancer') add('services.loadbalancers', one)
    if (type === 'NodePort' || type === 'LoadBalancer') for (const port of service.spec?.ports ?? []) if (type === 'NodePort' || (port.nodePort ?? 0) > 0) add('services.nodeports', one)
  }
  return usage
}
