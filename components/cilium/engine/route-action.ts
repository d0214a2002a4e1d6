import type { HttpBackend, HttpFilter, HTTPRoute, HttpRule } from '../kinds/gateway-api.ts'
import { resolveBackend, type ServicePort } from './backends.ts'
import { durationMs } from './duration.ts'
import type { World } from './world.ts'

/** Changes of headers, in the order set, add, remove. Names are lower case. */
export interface HeaderEdit { readonly set: readonly (readonly [string, string])[]; readonly add: readonly (readonly [string, string])[]; readonly remove: readonly string[] }

export type PathModifier = { readonly type: 'full'; readonly path: string } | { readonly type: 'prefix'; readonly path: string }

export interface Redirect { readonly scheme?: string; readonly hostname?: string; readonly port?: number; readonly status: number; readonly path?: PathModifier }
export interface Rewrite { readonly hostname?: string; readonly path?: PathModifier }
export interface Mirror { readonly service: ServicePort; /** Share of requests, 0 to 1. */ readonly share: number }

export interface Cors {
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  readonly headers: readonly string[]
  readonly expose: readonly string[]
  readonly maxAge: number | undefined
  readonly credentials: boolean
}

/** Where requests go, with its share. Without `service` it is a broken reference: they are answered 500. */
export interface Target { readonly weight: number; readonly service: ServicePort | undefined; readonly request: readonly HeaderEdit[]; readonly response: readonly HeaderEdit[]; /** In place of the rule's. */ readonly rewrite?: Rewrite; readonly redirect?: Redirect }

/** All that is done with a request that matched, ready for use. */
export interface RouteAction {
  /** For logs and metrics: `namespace/name`. */
  readonly route: string
  readonly rule: number
  readonly request: readonly HeaderEdit[]
  readonly response: readonly HeaderEdit[]
  readonly redirect: Redirect | undefined
  readonly rewrite: Rewrite | undefined
  readonly mirrors: readonly Mirror[]
  readonly cors: Cors | undefined
  readonly targets: readonly Target[]
  readonly totalWeight: number
  /** Milliseconds for the whole answer, and for one try. */
  readonly timeout: number | undefined
  readonly tryTimeout: number | undefined
  readonly retry: { readonly codes: ReadonlySet<number>; readonly attempts: number; readonly backoff: number } | undefined
  /** The upstream speaks HTTP/2. */
  readonly grpc: boolean
}

/** Compiles a rule of an HTTPRoute. */
export function compileAction(route: HTTPRoute, rule: HttpRule, index: number, world: World): RouteAction {
  const filters = rule.filters ?? []
  const { redirect, rewrite } = diversions(filters)
  const cors = filters.find(({ type }) => type === 'CORS')?.cors
  const targets = (rule.backendRefs ?? []).map((ref): Target => targetOf(route, ref, world))
  const broken = filters.some(({ type }) => type === 'ExtensionRef')
  const timeout = durationMs(rule.timeouts?.request)
  const retry = rule.retry
  return {
    route: `${route.metadata.namespace}/${route.metadata.name}`, rule: index, grpc: false,
    ...headerEdits(filters),
    redirect, rewrite,
    mirrors: filters.flatMap((filter) => mirrorOf(route, filter, world)),
    cors: cors === undefined ? undefined : {
      origins: (cors.allowOrigins ?? []).map(String), methods: (cors.allowMethods ?? []).map(String), headers: (cors.allowHeaders ?? []).map(String),
      expose: (cors.exposeHeaders ?? []).map(String), maxAge: cors.maxAge, credentials: cors.allowCredentials === true,
    },
    targets: broken ? [] : targets,
    totalWeight: broken ? 0 : targets.reduce((sum, { weight }) => sum + weight, 0),
    timeout, tryTimeout: durationMs(rule.timeouts?.backendRequest),
    retry: retry === undefined ? undefined : { codes: new Set((retry.codes ?? []).map(Number)), attempts: retry.attempts ?? 1, backoff: durationMs(retry.backoff) ?? 25 },
  }
}

/** Where requests are sent instead, and what is changed of where they go. */
function diversions(filters: readonly Pick<HttpFilter, 'requestRedirect' | 'urlRewrite'>[]): { readonly redirect?: Redirect; readonly rewrite?: Rewrite } {
  const redirect = filters.find(({ requestRedirect }) => requestRedirect !== undefined)?.requestRedirect
  const rewrite = filters.find(({ urlRewrite }) => urlRewrite !== undefined)?.urlRewrite
  return {
    ...(redirect === undefined ? {} : {
      redirect: {
        status: redirect.statusCode ?? 302,
        ...(redirect.scheme === undefined ? {} : { scheme: redirect.scheme }), ...(redirect.hostname === undefined ? {} : { hostname: redirect.hostname }),
        ...(redirect.port === undefined ? {} : { port: redirect.port }), ...pathModifier(redirect.path),
      },
    }),
    ...(rewrite === undefined ? {} : { rewrite: { ...(rewrite.hostname === undefined ? {} : { hostname: rewrite.hostname }), ...pathModifier(rewrite.path) } }),
  }
}

export function headerEdits(filters: readonly Pick<HttpFilter, 'requestHeaderModifier' | 'responseHeaderModifier'>[]): { request: HeaderEdit[]; response: HeaderEdit[] } {
  return { request: filters.flatMap((filter) => edit(filter.requestHeaderModifier)), response: filters.flatMap((filter) => edit(filter.responseHeaderModifier)) }
}

function edit(modifier: HttpFilter['requestHeaderModifier']): HeaderEdit[] {
  if (modifier === undefined) return []
  const pairs = (headers: readonly { name: string; value: string }[] | undefined): [string, string][] => (headers ?? []).map(({ name, value }) => [name.toLowerCase(), value])
  return [{ set: pairs(modifier.set), add: pairs(modifier.add), remove: (modifier.remove ?? []).map((name) => name.toLowerCase()) }]
}

function pathModifier(path: { readonly type: string; readonly replaceFullPath?: string; readonly replacePrefixMatch?: string } | undefined): { path?: PathModifier } {
  if (path === undefined) return {}
  return { path: path.type === 'ReplaceFullPath' ? { type: 'full', path: path.replaceFullPath ?? '/' } : { type: 'prefix', path: path.replacePrefixMatch ?? '/' } }
}

function targetOf(route: HTTPRoute, ref: HttpBackend, world: World): Target {
  const resolved = resolveBackend(route, ref, world)
  return { weight: ref.weight ?? 1, service: 'service' in resolved ? resolved.service : undefined, ...headerEdits(ref.filters ?? []), ...diversions(ref.filters ?? []) }
}

function mirrorOf(route: HTTPRoute, filter: HttpFilter, world: World): Mirror[] {
  if (filter.requestMirror === undefined) return []
  const { backendRef, percent, fraction } = filter.requestMirror
  const resolved = resolveBackend(route, backendRef, world)
  if (!('service' in resolved)) return []
  return [{ service: resolved.service, share: percent !== undefined ? percent / 100 : fraction !== undefined ? fraction.numerator / (fraction.denominator ?? 100) : 1 }]
}

const knownOfBackends: readonly string[] = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite']
const known: readonly string[] = [...knownOfBackends, 'RequestMirror', 'CORS']

/** What of a route's rules is refused by name; undefined when everything is supported. */
export function unsupported(route: HTTPRoute): string | undefined {
  for (const rule of route.spec.rules ?? []) {
    for (const { type } of rule.filters ?? []) if (!known.includes(type)) return `filter ${type} is not supported`
    for (const { type } of (rule.backendRefs ?? []).flatMap((ref) => ref.filters ?? [])) if (!knownOfBackends.includes(type)) return `filter ${type} of a backendRef is not supported`
    if (rule.sessionPersistence !== undefined) return 'sessionPersistence is not supported'
  }
  return undefined
}
