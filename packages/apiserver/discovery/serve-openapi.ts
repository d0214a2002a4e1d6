import { createHash } from 'node:crypto'
import { apiVersionOf, builtInGroupVersions, customOpenApiV3, describeFromModels, openApiV2, openApiV3, openApiV3Index } from '@idp/api'
import type { JsonObject } from '@idp/formats'
import { answerJson } from '../answer.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import { versionInfo } from './version-info.ts'

/** Answers `/openapi/v2`, `/openapi/v3` and below; undefined for any other path. Documents are rendered when asked for, once per change of what is served. */
export function openApiServer(registry: ResourceRegistry): (request: Request, path: string) => Promise<Response | undefined> {
  let generation = -1
  let rendered = new Map<string, string>()
  const builtIn = new Set(builtInGroupVersions())
  const customOf = (groupVersion: string) => registry.all().filter((resource) => !resource.builtIn && apiVersionOf(resource.kind) === groupVersion)
  const groupVersions = () => [...builtIn, ...new Set(registry.all().filter((resource) => !resource.builtIn).map((resource) => apiVersionOf(resource.kind)))]
  const document = (groupVersion: string): JsonObject | undefined => {
    const resources = customOf(groupVersion)
    if (builtIn.has(groupVersion)) return openApiV3(groupVersion, describeFromModels)
    return resources.length === 0 ? undefined : withoutStrategicMerge(customOpenApiV3(resources.map(customOpenApi)))
  }
  const render = (key: string, make: () => JsonObject | undefined): string | undefined => {
    if (generation !== registry.generation) {
      generation = registry.generation
      rendered = new Map()
    }
    let text = rendered.get(key)
    if (text === undefined) {
      const made = make()
      if (made === undefined) return undefined
      rendered.set(key, (text = JSON.stringify(made)))
    }
    return text
  }
  // The hash names the content without rendering it: built-in documents change with the version served, custom ones with their schemas.
  const hash = (groupVersion: string) => createHash('sha512')
    .update(builtIn.has(groupVersion) ? `${versionInfo.gitVersion} ${groupVersion}` : JSON.stringify(customOf(groupVersion).map(customOpenApi))).digest('hex').slice(0, 64).toUpperCase()
  return async (request, path) => {
    if (path === '/openapi/v3' || path === '/openapi/v3/') return answerJson(openApiV3Index(groupVersions(), hash))
    if (path === '/openapi/v2') {
      if (/protobuf/.test(request.headers.get('accept') ?? '') && !/json/.test(request.headers.get('accept') ?? '')) return new Response(null, { status: 406 })
      const text = render('v2', () => openApiV2(groupVersions().map((groupVersion) => document(groupVersion) ?? {})))
      return new Response(text, { headers: { 'content-type': 'application/json' } })
    }
    const groupVersion = /^\/openapi\/v3\/apis?\/(.+)$/.exec(path)?.[1]
    if (groupVersion === undefined) return undefined
    const text = render(groupVersion, () => document(groupVersion))
    return text === undefined ? undefined : new Response(text, { headers: { 'content-type': 'application/json', etag: `"${hash(groupVersion)}"`, 'cache-control': 'public, immutable' } })
  }
}

function customOpenApi({ kind, schema, hasStatus, scale }: Resource) {
  return {
    group: kind.group, version: kind.version, kind: kind.kind, listKind: `${kind.kind}List`, plural: kind.plural, namespaced: kind.scope === 'Namespaced',
    schema, status: hasStatus, scale: scale !== undefined,
  }
}

/** Custom resources have no strategic merge patch. kubectl believes the document, so it must not say otherwise. */
function withoutStrategicMerge(document: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(document, (key, value: unknown) => (key === 'application/strategic-merge-patch+json' ? undefined : value))) as JsonObject
}
