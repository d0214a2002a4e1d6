import { Namespace, Secret, Service } from '@idp/api'
import { deepEqual, type ObjectMeta } from '@idp/formats'
import { watch, type Key, type Scope, type Watch } from '@idp/controller'
import { caOf, isOurs, tlsOf, worldOf } from '../engine/world-of.ts'
import type { World } from '../engine/world.ts'
import { Gateway, GatewayClass, GRPCRoute, HTTPRoute, ReferenceGrant, TLSRoute, type Route } from '../kinds/gateway-api.ts'
import { caCopyName } from './ca-copies.ts'

/** The world as the operator's caches show it. @param secretsNamespace where the copies of CA bundles are; without it there are none */
export function worldIn(scope: Scope, secretsNamespace = ''): World {
  return worldOf({
    classes: scope.cache(GatewayClass), gateways: scope.cache(Gateway), httpRoutes: scope.cache(HTTPRoute), grpcRoutes: scope.cache(GRPCRoute), tlsRoutes: scope.cache(TLSRoute),
    grants: scope.cache(ReferenceGrant), namespaces: scope.cache(Namespace), services: scope.cache(Service), tlsSecret: (namespace, name) => tlsOf(scope.cache(Secret).get(name, namespace)),
    caBundle: (namespace, name) => caOf(scope.cache(Secret).get(caCopyName(namespace, name), secretsNamespace)),
  })
}

/** Keys of all Gateways of ours. */
export function ourGateways(scope: Scope): Key[] {
  return scope.cache(Gateway).list().filter((gateway) => isOurs(gateway, scope.cache(GatewayClass))).map(keyOf)
}

export function keyOf({ metadata }: { readonly metadata: { readonly name?: string; readonly namespace?: string } }): Key {
  return { name: metadata.name ?? '', namespace: metadata.namespace }
}

/** Gateways that a route names. */
export function parentsOf(route: Route): Key[] {
  return (route.spec.parentRefs ?? []).map((ref) => ({ name: ref.name, namespace: ref.namespace ?? route.metadata.namespace }))
}

/** An object before and after a change. */
export interface Change { readonly before: { readonly metadata: ObjectMeta } | undefined; readonly after: { readonly metadata: ObjectMeta } | undefined }

/** Whether a change is more than one of the status: of a kind whose generation counts its specs. */
export function specChanged({ before, after }: Change): boolean {
  return before === undefined || after === undefined || before.metadata.generation !== after.metadata.generation
}

/** Whether labels have changed, of which selectors may ask. */
export function labelsChanged({ before, after }: Change): boolean {
  return before === undefined || after === undefined || !deepEqual(before.metadata.labels ?? {}, after.metadata.labels ?? {})
}

const parentsOfChanged = (route: Route, _scope: Scope, change: Change): Key[] => (specChanged(change) ? parentsOf(route) : [])

/** Every kind of route wakes the Gateways it names. */
export const routesWakeGateways: readonly Watch<never>[] = [watch(HTTPRoute, parentsOfChanged), watch(GRPCRoute, parentsOfChanged), watch(TLSRoute, parentsOfChanged)]
