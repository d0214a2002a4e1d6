import { ApiError, apiVersionOf, resourcePath, type Kind, type Status } from '@idp/api'
import { cloneJson, type KubeObject } from '@idp/formats'
import { batchesOf, valueOf } from '@idp/http'
import { CodedError, messageOf } from '@idp/kit'
import type { ApplyOptions, Client, DeleteOptions, ListQuery, ObjectList, PatchType, WatchQuery, WriteOptions } from './client.ts'
import type { Transport } from './handler-transport.ts'
import { kindCache } from './kind-cache.ts'
import { eventsIn, readEvents } from './read-events.ts'

export interface ClientOptions {
  readonly transport: Transport
  /** Bearer token; a function is asked for each request, so that a rotated token is used at once. */
  readonly token?: string | (() => string | Promise<string>)
  /** Recorded as manager of the fields this client writes, unless a call names another. */
  readonly fieldManager?: string
  readonly userAgent?: string
  /** Acts as somebody else (impersonation headers); needs the `impersonate` verb. */
  readonly impersonate?: { readonly user: string; readonly groups?: readonly string[] }
}

const patchTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json', merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json',
}
const discoveryAccept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'

/** A client over any transport: `handlerTransport` in process, `networkTransport` over TLS. */
export function createClient(options: ClientOptions): Client {
  const send = sender(options)
  const call = async (path: string, init: RequestInit) => okOrThrow(await send(path, init))
  /** What the answer says: the server's own objects where it is in this process, the caller's otherwise. */
  const shared = async (path: string, init: RequestInit): Promise<unknown> => {
    const response = await call(path, init)
    const local = valueOf(response)
    return local === undefined ? await response.json() : local.value
  }
  const json = async (path: string, init: RequestInit): Promise<unknown> => {
    const response = await call(path, init)
    const local = valueOf(response)
    return local === undefined ? await response.json() : cloneJson(local.value)
  }
  const kinds = kindCache(async (path) => (await json(path, { headers: { accept: discoveryAccept } })) as never)
  const manager = (write: WriteOptions | undefined) => ({ ...write, fieldManager: write?.fieldManager ?? options.fieldManager })

  return {
    get: (kind, name, at) => json(resourcePath(kind, { ...at, name }), {}) as never,
    async list<T extends KubeObject>(kind: Kind<T>, query?: ListQuery) {
      const list = (await (query?.shared === true ? shared : json)(resourcePath(kind, query) + listSearch(query), {})) as ObjectList<T>
      return { items: list.items.map((item) => typed(kind, item)), metadata: list.metadata }
    },
    watch: <T extends KubeObject>(kind: Kind<T>, query: WatchQuery) => watchKind<T>(call, kind, query),
    create: (kind, object, write) => json(
      resourcePath(kind, { namespace: write?.namespace ?? object.metadata.namespace, ...(write?.subresource === undefined ? {} : { name: object.metadata.name, subresource: write.subresource }) }) + writeSearch(manager(write)),
      body('POST', object),
    ) as never,
    update: (kind, object, write) => json(objectPath(kind, object, write) + writeSearch(manager(write)), body('PUT', object)) as never,
    patch: (kind, name, patch, write) => json(
      resourcePath(kind, { namespace: write.namespace, name, subresource: write.subresource }) + writeSearch(manager(write)),
      body('PATCH', patch, patchTypes[write.type]),
    ) as never,
    apply: (kind, object, write: ApplyOptions) => json(
      objectPath(kind, object, write) + writeSearch(write, write.force === true ? { force: 'true' } : {}),
      body('PATCH', { ...object, apiVersion: object.apiVersion ?? apiVersionOf(kind), kind: object.kind ?? kind.kind }, 'application/apply-patch+yaml'),
    ) as never,
    async delete(kind, name, remove) {
      await drain(await call(resourcePath(kind, { ...remove, name }), body('DELETE', deleteBody(remove))))
    },
    async deleteCollection(kind, query) {
      await drain(await call(resourcePath(kind, query) + listSearch(query), body('DELETE', deleteBody(query))))
    },
    kindOf: (apiVersion, kind) => kinds.kindOf(apiVersion, kind),
    kinds: () => kinds.kinds(),
    request: send,
  }
}

function sender(options: ClientOptions): Client['request'] {
  return async (path, init = {}) => {
    const headers = new Headers(init.headers)
    if (options.token !== undefined && !headers.has('authorization')) {
      headers.set('authorization', `Bearer ${typeof options.token === 'string' ? options.token : await options.token()}`)
    }
    if (!headers.has('accept')) headers.set('accept', 'application/json')
    headers.set('user-agent', options.userAgent ?? 'idp')
    if (options.impersonate !== undefined) {
      headers.set('impersonate-user', options.impersonate.user)
      for (const group of options.impersonate.groups ?? []) headers.append('impersonate-group', group)
    }
    try {
      return await options.transport(path, { ...init, headers })
    } catch (error) {
      if (init.signal?.aborted || error instanceof ApiError) throw error
      throw new CodedError({
        code: 'ApiUnreachable', message: `the API server did not answer: ${messageOf(error)}`, where: `${init.method ?? 'GET'} ${path}`,
        remedy: 'check that the cluster runs and that the address in the kubeconfig is right', cause: error,
      })
    }
  }
}

async function* watchKind<T extends KubeObject>(call: (path: string, init: RequestInit) => Promise<Response>, kind: Kind<T>, query: WatchQuery) {
  const search = searchOf({ ...listFields(query), watch: 'true', allowWatchBookmarks: query.allowBookmarks, timeoutSeconds: query.timeoutSeconds })
  if (query.signal.aborted) return
  let response: Response
  try {
    response = await call(resourcePath(kind, query) + search, { signal: query.signal })
  } catch (error) {
    if (query.signal.aborted) return
    throw error
  }
  const batches = batchesOf(response)
  if (batches !== undefined) yield* eventsIn<T>(batches, query.signal)
  else if (response.body !== null) yield* readEvents<T>(response.body, query.signal)
}

function objectPath(kind: Kind, object: KubeObject, write: WriteOptions | undefined): string {
  return resourcePath(kind, { namespace: write?.namespace ?? object.metadata.namespace, name: object.metadata.name, subresource: write?.subresource })
}

/** Lists of built-in kinds may leave apiVersion and kind out of their items, as upstream's do. */
function typed<T extends KubeObject>(kind: Kind<T>, item: T): T {
  return (item.kind as string | undefined) === undefined ? { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind } : item
}

function body(method: string, value: unknown, contentType = 'application/json'): RequestInit {
  return value === undefined ? { method } : { method, headers: { 'content-type': contentType }, body: JSON.stringify(value) }
}

function deleteBody(options: (DeleteOptions & { dryRun?: boolean }) | undefined): object | undefined {
  if (options === undefined) return undefined
  const { propagationPolicy, gracePeriodSeconds, preconditions, dryRun } = options
  return { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy, gracePeriodSeconds, preconditions, ...(dryRun === true ? { dryRun: ['All'] } : {}) }
}

function listFields(query: ListQuery | WatchQuery | undefined): Record<string, string | number | undefined> {
  const { labelSelector, fieldSelector, resourceVersion } = query ?? {}
  const paging = query !== undefined && 'limit' in query ? { limit: query.limit } : {}
  const next = query !== undefined && 'continue' in query ? { continue: query.continue } : {}
  return { labelSelector, fieldSelector, resourceVersion, ...paging, ...next }
}

function listSearch(query: ListQuery | undefined): string {
  return searchOf(listFields(query))
}

function writeSearch(write: Omit<WriteOptions, 'fieldManager'> & { readonly fieldManager?: string | undefined }, more: Record<string, string> = {}): string {
  return searchOf({ fieldManager: write.fieldManager, dryRun: write.dryRun === true ? 'All' : undefined, fieldValidation: write.fieldValidation, ...more })
}

function searchOf(fields: Record<string, string | number | boolean | undefined>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

async function okOrThrow(response: Response): Promise<Response> {
  if (response.status < 400) return response
  const text = await response.text()
  throw ApiError.fromStatus(statusOf(text, response.status), response.status)
}

function statusOf(text: string, code: number): Partial<Status> {
  try {
    const parsed = JSON.parse(text) as Partial<Status> | null
    if (parsed?.kind === 'Status') return parsed
  } catch {
    // Not every error comes from the API server: a proxy answers in plain text.
  }
  return { message: text.trim() === '' ? `the server answered ${code}` : text.trim().slice(0, 1_000) }
}

async function drain(response: Response): Promise<void> {
  await response.arrayBuffer()
}
