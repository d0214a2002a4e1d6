import type { CustomResourceDefinition } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { equalJson } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import type { Resource } from '../resource.ts'
import { convertByWebhook } from './convert-by-webhook.ts'
import { customResources } from './custom-resources.ts'

export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

/** Serves what CRDs define: those that are stored now, and from now on each change at once. */
export function serveDefinitions(server: Pick<ServerContext, 'storage' | 'registry' | 'log' | 'callService' | 'clock' | 'random'>, definitions: Resource): void {
  for (const object of server.storage.list(definitions)) serve(object)
  server.storage.onWrite(({ resource, before, after }) => {
    if (resource.prefix !== definitions.prefix) return
    if (after === undefined) server.registry.set(before?.metadata.name ?? '', [])
    else if (before === undefined || isEstablished(before) !== isEstablished(after) || !equalJson(before['spec'], after['spec'])) serve(after)
    if (after?.metadata.deletionTimestamp !== undefined && after.metadata.finalizers?.includes(cleanupFinalizer) === true) {
      cleanUp(after).catch((error: unknown) => server.log.error('objects of a deleted CustomResourceDefinition remain', { crd: after.metadata.name, error }))
    }
  })
  function resourcesOf(definition: CustomResourceDefinition): Resource[] {
    return customResources(definition, convertByWebhook(definition, server))
  }
  function serve(object: AnyObject): void {
    server.registry.set(object.metadata.name ?? '', isEstablished(object) ? resourcesOf(object as unknown as CustomResourceDefinition) : [])
  }
  /** Deletes the objects of a CRD that is being deleted, then lets the CRD go. */
  async function cleanUp(object: AnyObject): Promise<void> {
    const [resource] = customResources(object as unknown as CustomResourceDefinition)
    for (const instance of resource === undefined ? [] : server.storage.list(resource)) {
      const place = { namespace: instance.metadata.namespace, name: instance.metadata.name ?? '' }
      const entry = resource === undefined ? undefined : server.storage.entry(resource, place)
      if (resource !== undefined && entry !== undefined) await server.storage.remove(resource, entry)
    }
    const entry = server.storage.entry(definitions, { name: object.metadata.name ?? '' })
    if (entry === undefined) return
    const live = server.storage.codec.object(entry)
    const finalizers = (live.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer)
    if (finalizers.length === 0) await server.storage.remove(definitions, entry)
    else await server.storage.replace(definitions, entry, { ...live, metadata: { ...live.metadata, finalizers } })
  }
}

function isEstablished(object: AnyObject): boolean {
  const { conditions } = (object['status'] ?? {}) as { conditions?: { type: string; status: string }[] }
  return conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') === true
}

/** Status of a CRD: names accepted and established at once, since the server that accepts it also serves it. */
export function definitionStatus(object: AnyObject, now: number, taken: (definition: CustomResourceDefinition) => string | undefined): object {
  const definition = object as unknown as CustomResourceDefinition
  const time = rfc3339(now)
  const conflict = taken(definition)
  const known = (object['status'] ?? {}) as { conditions?: { type: string; status: string; lastTransitionTime: string }[]; storedVersions?: string[] }
  const condition = (type: string, ok: boolean, reason: string, message: string) => {
    const before = known.conditions?.find((item) => item.type === type)
    const status = ok ? 'True' : 'False'
    return { lastTransitionTime: before?.status === status ? before.lastTransitionTime : time, message, reason, status, type }
  }
  const { names, versions } = definition.spec
  const stored = versions.find((version) => version.storage)?.name ?? ''
  return {
    ...known,
    acceptedNames: { listKind: `${names.kind}List`, singular: names.kind.toLowerCase(), ...names },
    conditions: [
      conflict === undefined ? condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found') : condition('NamesAccepted', false, 'PluralConflict', conflict),
      conflict === undefined ? condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted') : condition('Established', false, 'NotAccepted', 'not all names are accepted'),
    ],
    storedVersions: [...new Set([...(known.storedVersions ?? []), stored])],
  }
}
