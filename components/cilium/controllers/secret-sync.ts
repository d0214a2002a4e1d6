import { Secret } from '@idp/api'
import { deepEqual } from '@idp/formats'
import { watch, type Controller, type Key, type Scope } from '@idp/controller'
import { mayRefer } from '../engine/world.ts'
import { isOurs } from '../engine/world-of.ts'
import { Gateway, GatewayClass, gatewayGroup, ReferenceGrant } from '../kinds/gateway-api.ts'
import { worldIn } from './caches.ts'

const nameLabel = 'secretsync.cilium.io/owning-secret-name'
const namespaceLabel = 'secretsync.cilium.io/owning-secret-namespace'

/** Name of the copy of a Secret. */
export const copyName = (namespace: string, name: string): string => `${namespace}-${name}`

/** Copies the certificates that Gateways serve into one namespace, the only one whose Secrets the proxies may read. */
export function secretSyncController(target: string): Controller<Secret> {
  const referenced = (gateway: Gateway): Key[] => gateway.spec.listeners.flatMap((listener) => (listener.tls?.certificateRefs ?? []).map((ref) => ({ name: ref.name, namespace: ref.namespace ?? gateway.metadata.namespace })))
  const allReferenced = (_object: unknown, scope: Scope) => scope.cache(Gateway).list().flatMap(referenced)
  const isServed = (namespace: string, name: string, scope: Scope): boolean => scope.cache(Gateway).list().some((gateway) =>
    isOurs(gateway, scope.cache(GatewayClass)) && referenced(gateway).some((key) => key.name === name && key.namespace === namespace)
    && mayRefer(worldIn(scope), { group: gatewayGroup, kind: 'Gateway', namespace: gateway.metadata.namespace ?? '' }, { group: '', kind: 'Secret', namespace, name }))
  const removeCopy = async (namespace: string, name: string, scope: Scope): Promise<void> => {
    if (scope.cache(Secret).get(copyName(namespace, name), target) !== undefined) await scope.client.delete(Secret, copyName(namespace, name), { namespace: target })
  }
  return {
    name: 'secret-sync',
    for: Secret,
    watches: [watch(Gateway, (_gateway, _scope, { before, after }) => [...(before === undefined ? [] : referenced(before)), ...(after === undefined ? [] : referenced(after))]), watch(GatewayClass, allReferenced), watch(ReferenceGrant, allReferenced)],
    concerns: (before, after) => after.type === 'kubernetes.io/tls' || before?.type === 'kubernetes.io/tls' || after.metadata.namespace === target,
    async reconcile(secret, scope) {
      const { name = '', namespace = '', labels } = secret.metadata
      if (namespace === target) {
        const [ownerName, ownerNamespace] = [labels?.[nameLabel], labels?.[namespaceLabel]]
        if (ownerName === undefined || ownerNamespace === undefined) return
        if (scope.cache(Secret).get(ownerName, ownerNamespace) === undefined || !isServed(ownerNamespace, ownerName, scope)) await removeCopy(ownerNamespace, ownerName, scope)
        return
      }
      if (!isServed(namespace, name, scope)) return removeCopy(namespace, name, scope).then(() => undefined)
      const known = scope.cache(Secret).get(copyName(namespace, name), target)
      if (known !== undefined && deepEqual(known.data ?? {}, secret.data ?? {}) && known.type === secret.type) return
      await scope.client.apply(Secret, {
        apiVersion: 'v1', kind: 'Secret', metadata: { name: copyName(namespace, name), namespace: target, labels: { [nameLabel]: name, [namespaceLabel]: namespace } },
        type: secret.type ?? 'Opaque', data: { ...secret.data },
      }, { fieldManager: 'cilium-operator', force: true })
    },
    async gone(key, scope) {
      if (key.namespace !== target) await removeCopy(key.namespace ?? '', key.name, scope)
    },
  }
}
