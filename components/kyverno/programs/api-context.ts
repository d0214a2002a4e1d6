import { ConfigMap, isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { ObjectReference } from '../engine/context.ts'
import type { ContextSource } from '../engine/evaluate.ts'

/** A rule's context read through the pod's own client. Throws CodedError `ContextFailed` where the API refuses. */
export function apiContext(client: Client): ContextSource {
  return {
    async configMap(name, namespace) {
      try {
        const { data, metadata } = await client.get(ConfigMap, name, { namespace })
        return { data: data ?? {}, metadata: { name, namespace, labels: metadata.labels ?? {} } } as JsonObject
      } catch (error) {
        if (isApiError(error, 'NotFound')) throw new CodedError({ code: 'ContextFailed', message: `failed to get configmap ${namespace}/${name}: not found`, where: `ConfigMap ${namespace}/${name}`, cause: error })
        throw error
      }
    },
    async api(path, posted) {
      const response = await client.request(path, posted === undefined ? {} : { method: 'POST', body: JSON.stringify(posted), headers: { 'content-type': 'application/json' } })
      const body = (await response.json()) as Json
      if (!response.ok) throw new CodedError({ code: 'ContextFailed', message: `failed to GET resource with raw url ${path}: ${(body as { message?: string }).message ?? response.status}`, where: path })
      return body
    },
  }
}

/** Finds objects of a kind; none where the named one is not there. */
export function objectsOf(client: Client): (reference: ObjectReference) => Promise<readonly AnyObject[]> {
  return async ({ apiVersion, kind: name, name: one, namespace }) => {
    const kind = await client.kindOf(apiVersion, name)
    if (one === undefined) return (await client.list(kind, { namespace })).items.map((item) => ({ ...item, apiVersion, kind: name }))
    try {
      return [await client.get(kind, one, { namespace })]
    } catch (error) {
      if (isApiError(error, 'NotFound')) return []
      throw error
    }
  }
}
