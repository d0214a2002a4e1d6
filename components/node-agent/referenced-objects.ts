import { ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret, Service } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { Clock, Log } from '@idp/kit'
import type { ReferencedObjects } from './node-context.ts'

/** ConfigMaps, Secrets, claims and Services for all nodes of the process: one list and watch of each. */
export function watchReferencedObjects(client: Client, options: { readonly signal: AbortSignal; readonly clock: Clock; readonly log: Log }): ReferencedObjects & { readonly synced: Promise<void> } {
  const configMaps = informer(client, ConfigMap, options)
  const secrets = informer(client, Secret, options)
  const claims = informer(client, PersistentVolumeClaim, options)
  const volumes = informer(client, PersistentVolume, options)
  const services = informer(client, Service, options)
  const synced = Promise.all([configMaps.synced, secrets.synced, claims.synced, volumes.synced, services.synced]).then(() => undefined)
  synced.catch(() => {})
  return {
    synced,
    configMap: (name, namespace) => configMaps.cache.get(name, namespace),
    secret: (name, namespace) => secrets.cache.get(name, namespace),
    claim: (name, namespace) => claims.cache.get(name, namespace),
    volume: (name) => volumes.cache.get(name),
    onVolumeGone(gone) {
      return volumes.onChange(({ before, after }) => {
        if (after === undefined && before !== undefined) gone(before)
      })
    },
    services: (namespace) => services.cache.list({ namespace }),
    onChange(changed) {
      const stack = new DisposableStack()
      for (const source of [configMaps, secrets, claims]) {
        stack.use(source.onChange(({ before, after }) => {
          const { namespace = '', name = '' } = (after ?? before)?.metadata ?? {}
          changed(namespace, name)
        }))
      }
      // A volume matters to the pods of its claim; the two may be seen in either order.
      stack.use(volumes.onChange(({ after }) => {
        const claim = after?.spec?.claimRef
        if (claim !== undefined) changed(claim.namespace ?? '', claim.name ?? '')
      }))
      return stack
    },
  }
}
