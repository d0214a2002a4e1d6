import type { GrpcRule, HttpMatch, HttpRule } from '../kinds/gateway-api.ts'

/** A GRPCRoute's rule as a rule of HTTP: gRPC's method is the path `/service/method` (gRPC over HTTP/2). */
export function httpRuleOf(rule: GrpcRule): HttpRule {
  const { matches, filters, backendRefs } = rule
  return {
    ...(matches === undefined ? {} : { matches: matches.map(({ method, headers }): HttpMatch => ({ path: pathOf(method), ...(headers === undefined ? {} : { headers: headers as NonNullable<HttpMatch['headers']> }) })) }),
    ...(filters === undefined ? {} : { filters: filters as NonNullable<HttpRule['filters']> }),
    ...(backendRefs === undefined ? {} : { backendRefs: backendRefs as NonNullable<HttpRule['backendRefs']> }),
  }
}

type GrpcMethod = NonNullable<NonNullable<GrpcRule['matches']>[number]['method']>

function pathOf(method: GrpcMethod | undefined): NonNullable<HttpMatch['path']> {
  if (method === undefined || (method.service === undefined && method.method === undefined)) return { type: 'PathPrefix', value: '/' }
  if (method.type === 'RegularExpression') return { type: 'RegularExpression', value: `/${method.service ?? '[^/]+'}/${method.method ?? '[^/]+'}` }
  if (method.method === undefined) return { type: 'PathPrefix', value: `/${method.service}` }
  if (method.service === undefined) return { type: 'RegularExpression', value: `/[^/]+/${method.method.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}` }
  return { type: 'Exact', value: `/${method.service}/${method.method}` }
}
