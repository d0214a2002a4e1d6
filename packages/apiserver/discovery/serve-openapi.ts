import { createHash } from 'node:crypto'
import { apiVersionOf, builtInGroupVersions, customOpenApiV3, openApiV3, openApiV3Index } from '@idp/api'
import { answerJson } from '../answer.ts'
import type { ResourceRegistry } from '../resource-registry.ts'

/** Answers `/openapi/v3` and below; undefined for any other path. Each document is rendered once per change of what is served. */
export function openApiServer(registry: ResourceRegistry): (request: Request, path: string) => Promise<Response | undefined> {
  let generation = -1
  let documents = new Map<string, string>()
  const custom = (groupVersion: string) => registry.all().filter((resource) => !resource.builtIn && apiVersionOf(resource.kind) === groupVersion)
  const render = (groupVersion: string): string | undefined => {
    if (generation !== registry.generation) {
      generation = registry.generation
      documents = new Map()
    }
    const known = documents.get(groupVersion)
    if (known !== undefined) return known
    const document = openApiV3(groupVersion) ?? customDocument(groupVersion)
    if (document === undefined) return undefined
    const text = JSON.stringify(document)
    documents.set(groupVersion, text)
    return text
  }
  const customDocument = (groupVersion: string) => {
    const resources = custom(groupVersion)
    return resources.length === 0 ? undefined : customOpenApiV3(resources.map(({ kind, schema, hasStatus, scale }) => ({
      group: kind.group, version: kind.version, kind: kind.kind, listKind: `${kind.kind}List`, plural: kind.plural, namespaced: kind.scope === 'Namespaced', schema, status: hasStatus, scale: scale !== undefined,
    })))
  }
  const hash = (groupVersion: string) => createHash('sha512').update(render(groupVersion) ?? '').digest('hex').slice(0, 64).toUpperCase()
  return async (_request, path) => {
    if (path === '/openapi/v3' || path === '/openapi/v3/') {
      const groupVersions = [...builtInGroupVersions(), ...new Set(registry.all().filter((resource) => !resource.builtIn).map((resource) => apiVersionOf(resource.kind)))]
      return answerJson(openApiV3Index(groupVersions, hash))
    }
    const match = /^\/openapi\/v3\/apis?\/(.+)$/.exec(path)
    const text = match?.[1] === undefined ? undefined : render(match[1])
    return text === undefined ? undefined : new Response(text, { headers: { 'content-type': 'application/json', etag: `"${hash(match?.[1] ?? '')}"` } })
  }
}
