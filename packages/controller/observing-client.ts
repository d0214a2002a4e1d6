import type { Kind } from '@idp/api'
import type { Client, WriteOptions } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { rfc3339, type Clock } from '@idp/kit'
import type { Informers } from './informers.ts'

/** A client whose answers to writes go into the caches at once: a controller reads its own writes and never makes a thing twice. */
export function observingClient(client: Client, informers: Informers, clock: Clock, fieldManager: string): Client {
  const noted = <T extends KubeObject>(kind: Kind<T>, object: T, options: WriteOptions | undefined): T => {
    const wholeObject = options?.subresource === undefined || options.subresource === 'status'
    if (wholeObject && options?.dryRun !== true) informers.known(kind)?.observe(object)
    return object
  }
  return {
    get: (kind, name, at) => client.get(kind, name, at),
    list: (kind, query) => client.list(kind, query),
    watch: (kind, query) => client.watch(kind, query),
    kindOf: (apiVersion, kind) => client.kindOf(apiVersion, kind),
    kinds: () => client.kinds(),
    request: (path, init) => client.request(path, init),
    create: async (kind, object, options) => noted(kind, await client.create(kind, object, { fieldManager, ...options }), options),
    update: async (kind, object, options) => noted(kind, await client.update(kind, object, { fieldManager, ...options }), options),
    patch: async (kind, name, patch, options) => noted(kind, await client.patch(kind, name, patch, { fieldManager, ...options }), options),
    apply: async (kind, object, options) => noted(kind, await client.apply(kind, object, options), options),
    async delete(kind, name, options) {
      await client.delete(kind, name, options)
      if (options?.dryRun !== true) informers.known(kind)?.observeDeletion(name, options?.namespace, rfc3339(clock.now()))
    },
    deleteCollection: (kind, query) => client.deleteCollection(kind, query),
  }
}
