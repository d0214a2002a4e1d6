import { createHash } from 'node:crypto'
import { ApiError } from '@idp/api'
import { answerJson } from '../answer.ts'
import type { AggregatedApis } from '../aggregation/aggregated-apis.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import { aggregatedDiscovery, discoveryGroups, groupAnswer, groupList, resourceList, type DiscoveryGroup } from './discovery.ts'

const aggregatedType = /application\/json;g=apidiscovery\.k8s\.io;v=(v2|v2beta1);as=APIGroupDiscoveryList/

/** Answers `/api`, `/apis` and below; undefined for any other path. Rendered once per change of what is served. */
export function discoveryServer(registry: ResourceRegistry, aggregated: Pick<AggregatedApis, 'discovered' | 'generation'>): (request: Request, path: string) => Response | undefined {
  let generation = ''
  let groups: DiscoveryGroup[] = []
  let rendered = new Map<string, { body: string; etag: string }>()
  const current = () => {
    const now = `${registry.generation} ${aggregated.generation}`
    if (generation === now) return
    generation = now
    groups = discoveryGroups(registry, aggregated.discovered())
    rendered = new Map()
  }
  const render = (key: string, make: () => object) => {
    let known = rendered.get(key)
    if (known === undefined) {
      const body = JSON.stringify(make())
      known = { body, etag: `"${createHash('sha512').update(body).digest('hex').slice(0, 64).toUpperCase()}"` }
      rendered.set(key, known)
    }
    return known
  }
  return (request, path) => {
    const parts = path.split('/').filter((part) => part !== '')
    const [root, group = '', version = ''] = parts
    if ((root !== 'api' && root !== 'apis') || parts.length > (root === 'api' ? 2 : 3)) return undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
    current()
    const form = aggregatedType.exec((request.headers.get('accept') ?? '').replaceAll(' ', ''))?.[1]
    if (parts.length === 1 && form !== undefined) {
      const { body, etag } = render(`${root}:${form}`, () => ({ ...aggregatedDiscovery(groups.filter((item) => (item.name === '') === (root === 'api'))), apiVersion: `apidiscovery.k8s.io/${form}` }))
      if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: { etag } })
      return new Response(body, { headers: { 'content-type': `application/json;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList`, etag, vary: 'Accept' } })
    }
    if (root === 'api') {
      if (parts.length === 1) return answerJson({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] })
      return answerJson(groupVersion(groups, '', group))
    }
    if (parts.length === 1) return answerJson(groupList(groups))
    const found = groups.find((item) => item.name === group)
    if (found === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource')
    return answerJson(parts.length === 2 ? groupAnswer(found) : groupVersion(groups, group, version))
  }
}

function groupVersion(groups: readonly DiscoveryGroup[], group: string, version: string): object {
  const found = groups.find((item) => item.name === group)?.versions.find((item) => item.version === version)
  if (found === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource')
  return resourceList(found.entries, group === '' ? version : `${group}/${version}`)
}
