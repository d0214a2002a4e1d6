import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { ContextEntry } from '../kinds/policy.ts'
import { expressionOf } from './expression.ts'
import { imagesOf } from './images.ts'
import type { TrustOptions } from './images/attestors.ts'
import type { Subject } from './match-resource.ts'
import { chain, firstResult, type MaybePromise } from './maybe-promise.ts'
import { substitute, type Scope } from './variables.ts'

/** Which objects are meant; without a name all of the kind. */
export interface ObjectReference { readonly apiVersion: string; readonly kind: string; readonly name?: string; readonly namespace?: string; readonly selector?: JsonObject }

/** Where a rule's context comes from: the only I/O of the engine. */
export interface ContextSource {
  configMap(name: string, namespace: string): Promise<JsonObject | undefined>
  /** A GET of the Kubernetes API; with a body a POST. */
  api(path: string, body?: Json): Promise<Json>
  /** A call of a service that is not the API server. */
  service?(call: ServiceCall): Promise<Json>
  /** Manifest, configuration and identity of an image in its registry. */
  imageData?(reference: string): Promise<Json>
  /** What a GlobalContextEntry holds; with `entry.projection` that part of it. Throws where there is no such entry or it is not ready. */
  globalEntry?(name: string): MaybePromise<Json>
  /** What signatures are verified with. */
  readonly trust?: TrustOptions
  /** True when the time for the request is over: rules that have not begun then fail. */
  expired?(): boolean
  /** Objects of a kind, by name, namespace, labels (parameters of CEL rules). */
  find?(reference: ObjectReference): Promise<readonly AnyObject[]>
  /** Variables given from outside for a rule and a resource (the Kyverno CLI's values files), by dotted name. Entries of the context that cannot be read here are then left to them. */
  given?(policy: string, rule: string, object: AnyObject): Readonly<Record<string, Json>>
}

/** `apiCall.service`: any HTTP service that answers with JSON. */
export interface ServiceCall { readonly url: string; readonly method: 'GET' | 'POST'; readonly body?: Json; readonly headers: Readonly<Record<string, string>>; readonly caBundle?: string }

/** What the API server says of a request besides its object. */
export interface Asked { readonly resource: { readonly group: string; readonly version: string; readonly resource: string }; readonly subresource: string; readonly name: string; readonly uid: string; readonly dryRun: boolean }

/** A request, or (without user and operation) a resource met by a background scan. */
export interface Request extends Subject { readonly oldObject?: AnyObject | undefined; readonly asked?: Asked | undefined }

const scopes = new WeakMap<Request, Scope>()

/** The variables a rule starts with: `request`, `images`, `serviceAccountName`, … and those given from outside. */
export function requestScope(request: Request, given: Readonly<Record<string, Json>> = {}): Scope {
  const base = scopes.get(request) ?? baseScope(request)
  scopes.set(request, base)
  if (Object.keys(given).length === 0) return base
  const scope: Record<string, Json> = { ...base, [givenNames]: Object.keys(given).map((path) => keysOf(path)[0] ?? '') }
  for (const [path, value] of Object.entries(given)) setPath(scope, keysOf(path), value)
  return scope
}

/** Made once for a request however many rules look at it. */
function baseScope(request: Request): Scope {
  const { object, oldObject, operation, user, namespaceLabels } = request
  const account = user?.username.startsWith('system:serviceaccount:') === true ? user.username.split(':') : []
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  const scope: Record<string, Json> = {
    request: {
      ...(operation === 'DELETE' ? {} : { object: object as unknown as Json }), ...(oldObject === undefined && operation !== 'DELETE' ? {} : { oldObject: (oldObject ?? object) as unknown as Json }),
      operation: operation ?? 'CREATE', namespace: object.kind === 'Namespace' ? '' : object.metadata.namespace ?? '', name: object.metadata.name ?? '',
      userInfo: user === undefined ? {} : { username: user.username, groups: [...user.groups] }, roles: [...(user?.roles ?? [])], clusterRoles: [...(user?.clusterRoles ?? [])],
      kind: { kind: object.kind, group: group ?? '', version: version ?? '' },
    },
    serviceAccountName: account[3] ?? '', serviceAccountNamespace: account[2] ?? '', namespaceLabels: { ...namespaceLabels },
  }
  return withImages(scope, object)
}

const controllersAndPods = new Set(['Pod', 'CronJob', 'Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'Job'])

/** Few rules look at `images`: they are read when one does. */
function withImages(scope: Record<string, Json>, object: AnyObject): Scope {
  if (!controllersAndPods.has(object.kind)) return scope
  let images: Json | undefined
  return Object.defineProperty(scope, 'images', { enumerable: true, configurable: true, get: () => (images ??= imagesOf(object as unknown as JsonObject) ?? null) })
}

/** The keys of a dotted name; a quoted one may hold dots: `annotations."a.b/c"`. */
const keysOf = (path: string): string[] => [...path.matchAll(/"([^"]*)"|([^."]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

/** Sets a dotted name without changing what other scopes share. */
function setPath(target: Record<string, Json>, [head = '', ...rest]: readonly string[], value: Json): void {
  if (rest.length === 0) {
    target[head] = value
    return
  }
  const inner = target[head]
  const copy: Record<string, Json> = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? { ...inner } : {}
  setPath(copy, rest, value)
  target[head] = copy
}

/** Adds the entries of a `context` list, each seeing those before it. */
export function withContext(context: readonly ContextEntry[], scope: Scope, source: ContextSource): MaybePromise<Scope> {
  if (context.length === 0) return scope
  const result: Record<string, Json> = { ...scope }
  const added = firstResult<never>(context.length, (index) => {
    const entry = context[index]
    return entry === undefined ? undefined : chain(addEntry(entry, { result, scope, source }), () => undefined)
  })
  return chain(added, () => result)
}

interface Adding { readonly result: Record<string, Json>; readonly scope: Scope; readonly source: ContextSource }

function addEntry(entry: ContextEntry, { result, scope, source }: Adding): MaybePromise<void> {
  const put = (value: Json): void => void (result[entry.name] = value)
  // With values from outside there is no cluster: what they name stands, what they do not name is absent.
  if (source.given !== undefined && entry.variable === undefined) {
    const held = result[entry.name] !== undefined ? {} : entry.configMap !== undefined ? contextValue(entry, result, source) : entry.apiCall?.urlPath !== undefined ? contextValue(entry, result, source)  : {}
    const known = held instanceof Promise && entry.apiCall !== undefined ? held.catch(() => ({})) : held // what the files do not answer is absent
    return chain(known, (value) => {
      if (value !== null && Object.keys(value as JsonObject).length > 0) put(value)
      if (result[entry.name] === undefined && entry.apiCall?.default !== undefined) put(substitute(entry.apiCall.default, result))
    })
  }
  if (source.given !== undefined && result[entry.name] !== undefined && scope[entry.name] !== undefined && isGiven(entry.name, scope)) return undefined
  return chain(contextValue(entry, result, source), put)
}

const isGiven = (name: string, scope: Scope): boolean => {
  const names = scope[givenNames]
  return Array.isArray(names) && names.includes(name)
}
/** Where a scope remembers which variables came from outside; not a name an expression can write. */
export const givenNames = '\u0000given'

function contextValue(entry: ContextEntry, scope: Scope, source: ContextSource): MaybePromise<Json> {
  const { name, variable, configMap, apiCall, imageRegistry, globalReference } = entry
  if (configMap !== undefined) return source.configMap(String(substitute(configMap.name, scope)), String(substitute(configMap.namespace ?? 'default', scope))).then((found) => found ?? {})
  if (apiCall !== undefined) return apiValue(name, apiCall, scope, source)
  if (imageRegistry !== undefined) {
    if (source.imageData === undefined) throw missing(name, 'imageRegistry: there is no registry to ask here')
    return source.imageData(String(substitute(imageRegistry.reference, scope))).then((data) => selected(data, imageRegistry.jmesPath, scope))
  }
  if (globalReference !== undefined) {
    if (source.globalEntry === undefined) throw missing(name, 'globalReference: there are no global context entries here')
    return chain(source.globalEntry(String(substitute(globalReference.name, scope))), (data) => selected(data, globalReference.jmesPath, scope))
  }
  if (variable === undefined) throw missing(name, 'none of variable, configMap, apiCall, imageRegistry, globalReference')
  const value = variable.value === undefined ? scope as JsonObject : substitute(variable.value, scope)
  const found = variable.jmesPath === undefined ? value : expressionOf(String(substitute(variable.jmesPath, scope)).trim())(value as JsonObject)
  return found ?? (variable.default === undefined ? null : substitute(variable.default, scope))
}

const missing = (name: string, why: string): CodedError => new CodedError({ code: 'ContextFailed', message: `context '${name}': ${why}` })
const selected = (data: Json, path: string | undefined, scope: Scope): Json => (path === undefined || path === '' ? data : expressionOf(String(substitute(path, scope)).trim())(data as JsonObject))

/** An API call or a service call; what fails, or gives nothing, becomes the default where there is one. */
async function apiValue(name: string, call: NonNullable<ContextEntry['apiCall']>, scope: Scope, source: ContextSource): Promise<Json> {
  const otherwise = call.default === undefined ? undefined : substitute(call.default, scope)
  try {
    return selected(await callApi(name, call, scope, source), call.jmesPath, scope) ?? otherwise ?? null
  } catch (error) {
    if (otherwise === undefined) throw error
    return otherwise
  }
}

async function callApi(name: string, { urlPath, method, data, service }: NonNullable<ContextEntry['apiCall']>, scope: Scope, source: ContextSource): Promise<Json> {
  const body = method === 'POST' ? Object.fromEntries((data ?? []).map(({ key, value }) => [key, substitute(value, scope)])) : undefined
  if (service === undefined) return source.api(String(substitute(urlPath ?? '', scope)), body)
  if (source.service === undefined) throw missing(name, 'apiCall.service: no service can be called from here')
  const { url, caBundle, headers = [] } = substitute(service as unknown as Json, scope) as unknown as NonNullable<typeof service>
  return source.service({ url, method: method === 'POST' ? 'POST' : 'GET', headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])), ...(body === undefined ? {} : { body }), ...(caBundle === undefined ? {} : { caBundle }) })
}
