import type { RequestTarget } from './request-target.ts'

/** What a request asks for, in the terms of authorization. */
export interface RequestInfo {
  readonly verb: string
  readonly path: string
  readonly isResource: boolean
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** What follows the subresource, for `proxy`: `/metrics/x`. */
  readonly rest: string
}

const methodVerbs: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
const namespaceSubresources = new Set(['status', 'finalize'])

/** Reads verb, resource and name off a request line, as `k8s.io/apiserver` documents it. */
export function requestInfo(method: string, url: RequestTarget): RequestInfo {
  const path = url.pathname
  const parts = path.split('/').filter((part) => part !== '')
  if (path.includes('%')) for (const [i, part] of parts.entries()) parts[i] = decodePart(part)
  const none = { verb: method.toLowerCase(), path, isResource: false, group: '', version: '', resource: '', subresource: '', namespace: '', name: '', rest: '' }
  const grouped = parts[0] === 'apis'
  if (!grouped && parts[0] !== 'api') return none
  if (parts.length < (grouped ? 4 : 3)) return none
  const [group, version] = grouped ? [parts[1] ?? '', parts[2] ?? ''] : ['', parts[1] ?? '']
  const place = placeOf(parts.slice(grouped ? 3 : 2))
  const { resource, subresource, namespace, rest } = place
  return { path, isResource: true, group, version, resource, subresource, namespace, rest, verb: verbOf(method, place.name, url), name: place.name !== '' ? place.name : nameFromSelector(method, url) }
}

function placeOf(parts: string[]): Pick<RequestInfo, 'resource' | 'namespace' | 'name' | 'subresource' | 'rest'> {
  let namespace = ''
  let [resource = '', name = '', subresource = ''] = parts
  let used = 3
  if (resource === 'namespaces' && parts.length > 1) {
    namespace = name
    if (parts.length > 2 && !namespaceSubresources.has(subresource)) {
      [resource = '', name = '', subresource = ''] = parts.slice(2)
      used = 5
    }
  }
  return { resource, namespace, name, subresource, rest: parts.slice(used).map((part) => `/${part}`).join('') }
}

function verbOf(method: string, name: string, { search, searchParams }: RequestTarget): string {
  const verb = methodVerbs[method] ?? method.toLowerCase()
  if (verb === 'get' && search !== '' && isTrue(searchParams.get('watch'))) return 'watch'
  if (verb === 'get' && name === '') return 'list'
  return verb === 'delete' && name === '' ? 'deletecollection' : verb
}

/** A list of exactly one name is authorized as access to that name. */
function nameFromSelector(method: string, { search, searchParams }: RequestTarget): string {
  if (method !== 'GET' || search === '') return ''
  return /^metadata\.name=([^,!]+)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1] ?? ''
}

export function isTrue(value: string | null): boolean {
  return value !== null && (value === 'true' || value === '1' || value === '')
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
