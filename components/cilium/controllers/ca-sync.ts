import { ConfigMap, Secret } from '@idp/api'
import { informer, watch, type Controller, type Scope } from '@idp/controller'
import { backoff, messageOf, sleep } from '@idp/kit'
import { caReferences } from '../engine/frontend-validation.ts'
import { isOurs } from '../engine/world-of.ts'
import { Gateway, GatewayClass, ReferenceGrant } from '../kinds/gateway-api.ts'
import { caCopyName, configMapNameLabel, configMapNamespaceLabel } from './ca-copies.ts'
import { ourGateways, worldIn } from './caches.ts'

/**
 * Copies the CA certificates by which Gateways judge their clients out of ConfigMaps into the one namespace whose Secrets the proxies may read.
 * Each ConfigMap is followed by itself, from when a Gateway names it: nobody keeps all ConfigMaps of the cluster for this.
 */
export function caSyncController(target: string): Controller<Gateway> {
  const followed = new Map<string, AbortController>()
  const all = (_object: unknown, scope: Scope) => ourGateways(scope)

  const pass = async (scope: Scope): Promise<void> => {
    const world = worldIn(scope)
    const gateways = scope.cache(Gateway).list().filter((gateway) => isOurs(gateway, scope.cache(GatewayClass)))
    const wanted = new Map(gateways.flatMap((gateway) => caReferences(gateway, world)).map((ref) => [`${ref.namespace}/${ref.name}`, ref]))
    for (const [key, stop] of followed) if (!wanted.has(key)) {
      stop.abort()
      followed.delete(key)
    }
    for (const [key, ref] of wanted) if (!followed.has(key)) {
      const stop = new AbortController()
      followed.set(key, stop)
      follow(ref.namespace, ref.name, target, scope, AbortSignal.any([stop.signal, scope.signal]))
    }
    for (const { metadata } of scope.cache(Secret).list({ namespace: target })) {
      const [name, namespace] = [metadata.labels?.[configMapNameLabel], metadata.labels?.[configMapNamespaceLabel]]
      if (name !== undefined && !wanted.has(`${namespace}/${name}`)) await scope.client.delete(Secret, metadata.name ?? '', { namespace: target })
    }
  }
  return {
    name: 'ca-sync',
    for: Gateway,
    reads: [Secret],
    watches: [watch(GatewayClass, all), watch(ReferenceGrant, all)],
    concerns: (before, after) => before === undefined || before.metadata.generation !== after.metadata.generation,
    reconcile: (_gateway, scope) => pass(scope),
    gone: (_key, scope) => pass(scope),
  }
}

/** Keeps the copy like its ConfigMap until the signal. */
function follow(namespace: string, name: string, target: string, scope: Scope, signal: AbortSignal): void {
  const { client, clock, log } = scope
  const bundles = informer(client, ConfigMap, { query: { namespace, fieldSelector: `metadata.name=${name}` }, signal, clock, log })
  let working = Promise.resolve()
  const keep = async (): Promise<void> => {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await copy()
      } catch (error) {
        if (signal.aborted) return
        log.warn('a CA bundle could not be copied', { configMap: `${namespace}/${name}`, error: messageOf(error) })
        await sleep(clock, backoff(failures, { initial: 100, max: 30_000 }), signal).catch(() => {}) // the loop's condition sees an end
      }
    }
  }
  const copy = async (): Promise<void> => {
    const ca = bundles.cache.get(name, namespace)?.data?.['ca.crt']
    const known = scope.cache(Secret).get(caCopyName(namespace, name), target)
    if (ca === undefined) {
      if (known !== undefined) await client.delete(Secret, caCopyName(namespace, name), { namespace: target })
      return
    }
    const data = { 'ca.crt': Buffer.from(ca).toString('base64') }
    if (known?.data?.['ca.crt'] === data['ca.crt']) return
    await client.apply(Secret, {
      apiVersion: 'v1', kind: 'Secret', metadata: { name: caCopyName(namespace, name), namespace: target, labels: { [configMapNameLabel]: name, [configMapNamespaceLabel]: namespace } },
      type: 'Opaque', data,
    }, { fieldManager: 'cilium-operator', force: true })
  }
  const again = (): void => { working = working.then(keep) }
  bundles.onChange(again)
  bundles.synced.then(again, () => {}) // also when there is no such ConfigMap
}
