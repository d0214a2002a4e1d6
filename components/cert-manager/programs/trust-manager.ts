import { ConfigMap, Secret, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { createManager, type Controller } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Program } from '@idp/sandbox'
import { bundleController } from '../controllers/bundle.ts'
import { trustNames } from '../kinds/trust.ts'
import { flag, managed, probes } from './process.ts'

/** trust-manager: copies CA certificates into namespaces. */
export const trustManager: Program = {
  images: ['quay.io/jetstack/trust-manager'],
  async main(container) {
    const { client, clock, log, signal, pod, args } = container
    const namespace = flag(args, 'trust-namespace') ?? 'cert-manager'
    const secretTargets = flag(args, 'secret-targets-enabled') === 'true'
    let ready = false
    await using _probes = await probes(container, { health: Number(flag(args, 'readiness-probe-port') ?? 6060), metrics: Number(flag(args, 'metrics-port') ?? 9402), ready: () => ready })
    const manager = createManager({
      client: secretTargets ? managed(client) : withinNamespace(managed(client), namespace), clock, log, signal, name: 'trust-manager', trim: (kind, object) => trimmed(kind, object, namespace),
      leader: { name: 'trust-manager-leader-election', namespace: pod.namespace, identity: pod.name },
      controllers: [bundleController({ namespace, secretTargets, defaults: flag(args, 'default-package-location') !== undefined })] as unknown as Controller[],
    })
    ready = true
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    log.info('trust-manager is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}

/** Without Secret targets its Role lets it read Secrets of the trust namespace alone. */
function withinNamespace(client: Client, namespace: string): Client {
  const here = <Q extends object>(kind: Kind<never>, query: Q): Q => (kind.kind === 'Secret' && kind.group === '' ? { ...query, namespace } : query)
  return {
    get: (kind, name, at) => client.get(kind, name, at), kindOf: (apiVersion, kind) => client.kindOf(apiVersion, kind), kinds: () => client.kinds(), request: (path, init) => client.request(path, init),
    list: (kind, query) => client.list(kind, here(kind as never, query ?? {})), watch: (kind, query) => client.watch(kind, here(kind as never, query)),
    create: (kind, object, options) => client.create(kind, object, options), update: (kind, object, options) => client.update(kind, object, options), patch: (kind, name, patch, options) => client.patch(kind, name, patch, options),
    apply: (kind, object, options) => client.apply(kind, object, options), delete: (kind, name, options) => client.delete(kind, name, options), deleteCollection: (kind, query) => client.deleteCollection(kind, query),
  }
}

/** Contents of what is neither source nor target are of no use here. */
function trimmed(kind: Kind, object: KubeObject, namespace: string): KubeObject {
  const { metadata } = object
  if ((kind.kind !== ConfigMap.kind && kind.kind !== Secret.kind) || metadata.namespace === namespace || metadata.labels?.[trustNames.bundle] !== undefined) return object
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', ...(metadata.uid === undefined ? {} : { uid: metadata.uid }), ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }) } }
}
