import { ApiError, type APIService } from '@idp/api'
import { messageOf, rfc3339 } from '@idp/kit'
import type { AnyObject } from '@idp/formats'
import { equalJson, isRecord } from '../json-value.ts'
import type { RequestTarget } from '../request-target.ts'
import type { Resource } from '../resource.ts'
import type { ServerContext, User } from '../server-context.ts'
import type { CallService, ServiceTarget } from '../webhook/call-webhook.ts'

/** One resource that an aggregated API says it serves. */
export interface ExternalResource { readonly name: string; readonly singularName?: string; readonly kind: string; readonly namespaced: boolean; readonly verbs: readonly string[]; readonly shortNames?: readonly string[]; readonly categories?: readonly string[] }

/** APIs that other servers of the cluster serve under this one's address. */
export interface AggregatedApis {
  /** The answer of the server behind `/apis/<group>/<version>`; undefined when no APIService leads away from here. */
  forward(request: Request, url: RequestTarget, user: User): Promise<Response> | undefined
  /** What discovery adds: resources by group and version. */
  discovered(): readonly { readonly group: string; readonly version: string; readonly resources: readonly ExternalResource[] }[]
  /** Grows when `discovered` changes. */
  readonly generation: number
}

/** Forwards to the Services that APIServices name, and keeps their discovery and Available condition current. */
export function aggregatedApis(server: Pick<ServerContext, 'storage' | 'clock' | 'log' | 'callService'>, apiServices: Resource): AggregatedApis {
  const { storage, clock, log } = server
  const found = new Map<string, { group: string; version: string; resources: readonly ExternalResource[] }>()
  let generation = 0
  /** Those that lead to a Service, by `/apis/<group>/<version>`; read again after a change. */
  let elsewhere: ReadonlyMap<string, APIService> | undefined
  const servedElsewhere = () => (elsewhere ??= new Map((storage.list(apiServices) as unknown as APIService[]).filter(leadsAway).map((service) => [`${service.spec.group ?? ''}/${service.spec.version ?? ''}`, service])))
  const discover = async (service: APIService) => {
    const { group = '', version = '' } = service.spec
    let resources: readonly ExternalResource[] = []
    let why: string | undefined
    const stop = new AbortController()
    const timer = clock.timer(5_000, () => stop.abort(new Error('context deadline exceeded')))
    try {
      const answer = await call(server.callService, service, `/apis/${group}/${version}`, { method: 'GET', headers: { accept: 'application/json' }, signal: stop.signal })
      const list = (await answer.json()) as { resources?: ExternalResource[] }
      if (answer.status !== 200) why = `failing or missing response: the server answered ${answer.status}`
      else resources = (list.resources ?? []).filter((resource) => !resource.name.includes('/'))
    } catch (error) {
      why = `failing or missing response from https://${service.spec.service?.name ?? ''}.${service.spec.service?.namespace ?? ''}.svc:${service.spec.service?.port ?? 443}/apis/${group}/${version}: ${messageOf(error)}`
    } finally {
      timer[Symbol.dispose]()
    }
    if (why === undefined) found.set(service.metadata.name ?? '', { group, version, resources })
    else found.delete(service.metadata.name ?? '')
    generation++
    await setAvailable(service.metadata.name ?? '', why)
  }
  const setAvailable = async (name: string, why: string | undefined) => {
    const entry = storage.entry(apiServices, { name })
    if (entry === undefined) return
    const live = storage.codec.object(entry)
    const before = conditionOf(live)
    const status = why === undefined ? 'True' : 'False'
    const condition = {
      type: 'Available', status, reason: why === undefined ? 'Passed' : 'FailedDiscoveryCheck', message: why ?? 'all checks passed',
      lastTransitionTime: before?.['status'] === status ? before['lastTransitionTime'] : rfc3339(clock.now()),
    }
    if (!equalJson(before, condition)) await storage.replace(apiServices, entry, { ...live, status: { conditions: [condition] } })
  }
  const look = (object: AnyObject) => {
    const service = object as unknown as APIService
    if (!leadsAway(service)) return
    discover(service).catch((error: unknown) => log.error('an aggregated API cannot be discovered', { apiService: object.metadata.name, error: messageOf(error) }))
  }
  for (const object of storage.list(apiServices)) look(object)
  storage.onWrite(({ resource, before, after }) => {
    if (resource.prefix !== apiServices.prefix) return
    elsewhere = undefined
    if (after === undefined) {
      if (found.delete(before?.metadata.name ?? '')) generation++
    } else if (!equalJson(before?.['spec'], after['spec'])) look(after)
  })
  return {
    get generation() { return generation },
    discovered: () => [...found.values()],
    forward(request, url, user) {
      if (servedElsewhere().size === 0) return undefined
      const [root, group = '', version = ''] = url.pathname.split('/').filter((part) => part !== '')
      const service = root === 'apis' && version !== '' ? servedElsewhere().get(`${group}/${version}`) : undefined
      if (service === undefined) return undefined
      return forward(server.callService, service, request, url, user)
    },
  }
}

function leadsAway({ spec }: APIService): boolean {
  return spec.service !== undefined && spec.service !== null
}

function conditionOf(object: AnyObject): Record<string, unknown> | undefined {
  const conditions = isRecord(object['status']) ? object['status']['conditions'] : undefined
  return Array.isArray(conditions) && isRecord(conditions[0]) ? conditions[0] : undefined
}

function call(callService: CallService, { spec }: APIService, path: string, request: Parameters<CallService>[1]): Promise<Response> {
  const target: ServiceTarget = { service: { namespace: spec.service?.namespace ?? '', name: spec.service?.name ?? '', port: spec.service?.port ?? 443, path } }
  const ca = spec.caBundle === undefined ? {} : { caBundle: Buffer.from(spec.caBundle, 'base64').toString() }
  return callService(target, { ...request, ...ca })
}

const notForwarded = new Set(['authorization', 'host', 'connection', 'content-length', 'accept-encoding'])

async function forward(callService: CallService, service: APIService, request: Request, url: RequestTarget, user: User): Promise<Response> {
  const headers = Object.fromEntries([...request.headers].filter(([name]) => !notForwarded.has(name) && !name.startsWith('impersonate-') && !name.startsWith('x-remote-')))
  headers['x-remote-user'] = user.name
  headers['x-remote-group'] = user.groups.join(',')
  for (const [key, values] of Object.entries(user.extra ?? {})) headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = values.join(',')
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
  try {
    return await call(callService, service, url.pathname + url.search, { method: request.method, headers, signal: request.signal, ...(body === undefined ? {} : { body }) })
  } catch (error) {
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${messageOf(error)}`)
  }
}
