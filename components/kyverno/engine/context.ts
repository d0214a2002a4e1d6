import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { CodedError } from '@idp/kit'
import type { ContextEntry } from '../kinds/policy.ts'
import { imagesOf } from './images.ts'
import type { Subject } from './match-resource.ts'
import { substitute, type Scope } from './variables.ts'

/** Where a rule's context comes from: the only I/O of the engine. */
export interface ContextSource {
  configMap(name: string, namespace: string): Promise<JsonObject | undefined>
  /** A GET of the Kubernetes API. */
  api(path: string): Promise<Json>
  /** Variables given from outside for a rule and a resource (the Kyverno CLI's values files), by dotted name. Entries of the context that cannot be read here are then left to them. */
  given?(policy: string, rule: string, object: AnyObject): Readonly<Record<string, Json>>
}

/** A request, or (without user and operation) a resource met by a background scan. */
export interface Request extends Subject { readonly oldObject?: AnyObject | undefined }

const scopes = new WeakMap<Request, Scope>()

/** The variables a rule starts with: `request`, `images`, `serviceAccountName`, … and those given from outside. */
export function requestScope(request: Request, given: Readonly<Record<string, Json>> = {}): Scope {
  const base = scopes.get(request) ?? baseScope(request)
  scopes.set(request, base)
  if (Object.keys(given).length === 0) return base
  const scope: Record<string, Json> = { ...base, [givenNames]: Object.keys(given).map((path) => path.split('.')[0] ?? '') }
  for (const [path, value] of Object.entries(given)) setPath(scope, path.split('.'), value)
  return scope
}

/** Made once for a request however many rules look at it. */
function baseScope(request: Request): Scope {
  const { object, oldObject, operation, user, namespaceLabels } = request
  const account = user?.username.startsWith('system:serviceaccount:') === true ? user.username.split(':') : []
  const images = imagesOf(object as unknown as JsonObject)
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  return {
    request: {
      ...(operation === 'DELETE' ? {} : { object: object as unknown as Json }), ...(oldObject === undefined && operation !== 'DELETE' ? {} : { oldObject: (oldObject ?? object) as unknown as Json }),
      operation: operation ?? 'CREATE', namespace: object.kind === 'Namespace' ? '' : object.metadata.namespace ?? '', name: object.metadata.name ?? '',
      userInfo: user === undefined ? {} : { username: user.username, groups: [...user.groups] }, roles: [...(user?.roles ?? [])], clusterRoles: [...(user?.clusterRoles ?? [])],
      kind: { kind: object.kind, group: group ?? '', version: version ?? '' },
    },
    serviceAccountName: account[3] ?? '', serviceAccountNamespace: account[2] ?? '', namespaceLabels: { ...namespaceLabels },
    ...(images === undefined ? {} : { images }),
  }
}

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
export async function withContext(context: readonly ContextEntry[], scope: Scope, source: ContextSource): Promise<Scope> {
  if (context.length === 0) return scope
  const result: Record<string, Json> = { ...scope }
  for (const entry of context) {
    // With values from outside there is no cluster: what they name stands, what they do not name is absent.
    if (source.given !== undefined && entry.variable === undefined) {
      const held = result[entry.name] === undefined && entry.configMap !== undefined ? await contextValue(entry, result, source) : {}
      if (Object.keys(held as JsonObject).length > 0) result[entry.name] = held
      if (result[entry.name] === undefined && entry.apiCall?.default !== undefined) result[entry.name] = substitute(entry.apiCall.default, result)
      continue
    }
    if (source.given !== undefined && result[entry.name] !== undefined && scope[entry.name] !== undefined && isGiven(entry.name, scope)) continue
    result[entry.name] = await contextValue(entry, result, source)
  }
  return result
}

const isGiven = (name: string, scope: Scope): boolean => {
  const names = scope[givenNames]
  return Array.isArray(names) && names.includes(name)
}
/** Where a scope remembers which variables came from outside; not a name an expression can write. */
export const givenNames = '\u0000given'

async function contextValue({ name, variable, configMap, apiCall, ...rest }: ContextEntry, scope: Scope, source: ContextSource): Promise<Json> {
  if (configMap !== undefined) return (await source.configMap(String(substitute(configMap.name, scope)), String(substitute(configMap.namespace ?? 'default', scope)))) ?? {}
  if (apiCall?.urlPath !== undefined) {
    const answer = await source.api(String(substitute(apiCall.urlPath, scope)))
    return apiCall.jmesPath === undefined ? answer : jmesPath(String(substitute(apiCall.jmesPath, scope))).evaluate(answer) ?? apiCall.default ?? null
  }
  if (variable === undefined) throw new CodedError({ code: 'ContextFailed', message: `context '${name}': ${Object.keys(rest).concat(apiCall === undefined ? [] : ['apiCall.service']).join(', ')} is not supported by this engine` })
  const value = variable.value === undefined ? scope as JsonObject : substitute(variable.value, scope)
  const found = variable.jmesPath === undefined ? value : jmesPath(String(substitute(variable.jmesPath, scope))).evaluate(value)
  return found ?? (variable.default === undefined ? null : substitute(variable.default, scope))
}
