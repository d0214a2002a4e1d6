import { Namespace, Secret, Service, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { rfc3339 } from '@idp/kit'
import { attachmentsOf } from '../engine/attachment.ts'
import { backendRefsOf, resolvedRefs } from '../engine/backends.ts'
import { conditions, type Verdict } from '../engine/condition.ts'
import { unsupported } from '../engine/route-action.ts'
import { controllerName, Gateway, GatewayClass, GRPCRoute, HTTPRoute, ReferenceGrant, TLSRoute, type Route } from '../kinds/gateway-api.ts'
import { keyOf, labelsChanged, parentsOf, specChanged, worldIn, type Change } from './caches.ts'

type Parents = NonNullable<NonNullable<HTTPRoute['status']>['parents']>

/** Writes the verdicts on each route of a kind: accepted by which Gateway, and whether its references hold. */
export function routeController<T extends Route>(kind: Kind<T>): Controller<T> {
  const which = (concerned: (route: T, object: { metadata: { name?: string; namespace?: string } }) => boolean, counts: (change: Change) => boolean = () => true) => (object: { metadata: { name?: string; namespace?: string } }, scope: Scope, change: Change) =>
    (counts(change) ? scope.cache(kind).list().filter((route) => concerned(route, object)).map(keyOf) : [])
  return {
    name: kind.kind.toLowerCase(),
    for: kind,
    reads: [Secret, HTTPRoute, GRPCRoute, TLSRoute].filter((other) => other.kind !== kind.kind),
    watches: [
      watch(Gateway, which((route, { metadata }) => parentsOf(route).some((parent) => parent.name === metadata.name && parent.namespace === metadata.namespace), specChanged)),
      watch(Service, which((route, { metadata }) => backendRefsOf(route).some((ref) => ref.name === metadata.name && (ref.namespace ?? route.metadata.namespace) === metadata.namespace))),
      watch(GatewayClass, which(() => true, specChanged)), watch(ReferenceGrant, which(() => true)),
      watch(Namespace, which((route, { metadata }) => route.metadata.namespace === metadata.name, labelsChanged)),
    ],
    async reconcile(route, scope) {
      const world = worldIn(scope)
      const old = ((route.status as HTTPRoute['status'])?.parents ?? []) as Parents
      const foreign = old.filter((parent) => parent.controllerName !== controllerName)
      const refs = resolvedRefs(route, world)
      const refusal = route.kind === 'HTTPRoute' ? unsupported(route as HTTPRoute) : undefined
      const now = rfc3339(scope.clock.now())
      const ours = attachmentsOf(route, world).map(({ parentRef, accepted }) => {
        const before = old.find((parent) => parent.controllerName === controllerName && JSON.stringify(parent.parentRef) === JSON.stringify(parentRef))
        const verdict: Verdict = refusal === undefined ? accepted : { type: 'Accepted', status: 'False', reason: 'UnsupportedValue', message: refusal }
        return { parentRef, controllerName, conditions: conditions([verdict, refs], before?.conditions as never, route.metadata.generation, now) }
      })
      if (ours.length === 0 && foreign.length === old.length) return
      return { status: { parents: [...foreign, ...ours] } }
    },
  }
}
