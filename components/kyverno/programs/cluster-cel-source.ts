import { apiVersionOf, isApiError, Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { CelSource, HttpRequest } from '../engine/cel/cel-source.ts'

export interface ClusterCelSourceOptions {
  /** The kinds that are served now. */
  kinds(): readonly Kind[]
  readonly now: () => number
  /** Calls a service; absent: refused by name. */
  readonly http?: (request: HttpRequest) => Promise<Json>
  /** A GlobalContextEntry or its projection; absent: there are none. */
  readonly globalContext?: (name: string, projection: string) => Promise<Json>
  /** Registries and signatures; absent: refused by name. */
  readonly images?: Pick<CelSource, 'imageData' | 'isSigned' | 'payload'>
}

const unsupported = (what: string, where: string): CodedError => new CodedError({ code: 'Unsupported', message: `unsupported: ${what} is not supported by this engine`, where })

const withoutRegistry: NonNullable<ClusterCelSourceOptions['images']> = {
  imageData: async (image) => { throw unsupported('looking up images in a registry', image) },
  isSigned: async ({ image }) => { throw unsupported('verifying signatures', image) },
  payload: async (image) => { throw unsupported('verifying attestations', image) },
}

/** CEL policies' data, read through the pod's own client: what they may see, the pod's RBAC says. */
export function clusterCelSource(client: Client, { kinds, now, http, globalContext, images }: ClusterCelSourceOptions): CelSource {
  const kindOf = (apiVersion: string, resource: string): Kind => {
    const found = kinds().find((kind) => kind.plural === resource && apiVersionOf(kind) === apiVersion)
    if (found === undefined) throw new CodedError({ code: 'KindNotServed', message: `the server could not find the requested resource ${apiVersion} ${resource}`, where: resource })
    return found
  }
  return {
    async get(apiVersion, resource, namespace, name) {
      try {
        const [plural = '', subresource] = resource.split('/')
        return (await client.get(kindOf(apiVersion, plural), name, { ...(namespace === '' ? {} : { namespace }), ...(subresource === undefined ? {} : { subresource }) })) as unknown as Json
      } catch (error) {
        if (isApiError(error, 'NotFound')) return undefined
        throw error
      }
    },
    async list(apiVersion, resource, namespace, labels) {
      const labelSelector = Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(',')
      const { items } = await client.list(kindOf(apiVersion, resource), { ...(namespace === '' ? {} : { namespace }), ...(labelSelector === '' ? {} : { labelSelector }) })
      return { apiVersion, kind: 'List', items: items as unknown as Json[] }
    },
    async post(apiVersion, resource, namespace, body) {
      const path = `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}/${namespace === '' ? '' : `namespaces/${namespace}/`}${resource}`
      const response = await client.request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
      const answer = (await response.json()) as Json
      if (!response.ok) throw new CodedError({ code: 'ContextFailed', message: `failed to create resource: ${(answer as { message?: string }).message ?? response.status}`, where: path })
      return answer
    },
    async http(request) {
      if (http === undefined) throw unsupported('http.Get and http.Post', request.url)
      return http(request)
    },
    globalContext: async (name, projection) => globalContext?.(name, projection) ?? null,
    ...(images ?? withoutRegistry),
    resourceOf(apiVersion, kind) {
      const found = kinds().find((one) => one.kind === kind && apiVersionOf(one) === apiVersion)
      return found === undefined ? undefined : { group: found.group, version: found.version, resource: found.plural }
    },
    async namespace(name) {
      try {
        return (await client.get(Namespace, name)) as unknown as JsonObject
      } catch (error) {
        if (isApiError(error, 'NotFound')) return undefined
        throw error
      }
    },
    now, random: Math.random,
  }
}
