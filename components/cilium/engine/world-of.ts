import type { Namespace, Secret, Service } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import { controllerName, type Gateway, type GatewayClass, type GRPCRoute, type HTTPRoute, type ReferenceGrant, type TLSRoute } from '../kinds/gateway-api.ts'
import type { World } from './world.ts'

/** A readable set of objects of one kind; a controller's cache is one. */
export interface Objects<T extends KubeObject> {
  get(name: string, namespace?: string): T | undefined
  list(filter?: { readonly namespace?: string }): readonly T[]
}

export interface WorldObjects {
  readonly classes: Objects<GatewayClass>
  readonly gateways: Objects<Gateway>
  readonly httpRoutes: Objects<HTTPRoute>
  readonly grpcRoutes: Objects<GRPCRoute>
  readonly tlsRoutes: Objects<TLSRoute>
  readonly grants: Objects<ReferenceGrant>
  readonly namespaces: Objects<Namespace>
  readonly services: Objects<Service>
  tlsSecret(namespace: string, name: string): { readonly cert: string; readonly key: string } | undefined
  caBundle(namespace: string, name: string): string | undefined
}

/** The world as a set of caches shows it. */
export function worldOf(objects: WorldObjects): World {
  return {
    gateway(namespace, name) {
      const gateway = objects.gateways.get(name, namespace)
      return gateway !== undefined && isOurs(gateway, objects.classes) ? gateway : undefined
    },
    namespaceLabels: (name) => {
      const namespace = objects.namespaces.get(name)
      return namespace === undefined ? undefined : namespace.metadata.labels ?? {}
    },
    service: (namespace, name) => objects.services.get(name, namespace),
    tlsSecret: objects.tlsSecret,
    caBundle: objects.caBundle,
    grants: (namespace) => objects.grants.list({ namespace }),
    *routes() {
      yield* objects.httpRoutes.list()
      yield* objects.grpcRoutes.list()
      yield* objects.tlsRoutes.list()
    },
  }
}

/** Whether a Gateway's class is served by this controller. */
export function isOurs(gateway: Gateway, classes: Objects<GatewayClass>): boolean {
  return classes.get(gateway.spec.gatewayClassName)?.spec.controllerName === controllerName
}

const pairs = new WeakMap<Secret, { cert: string; key: string }>()

/** Certificate and key of a `kubernetes.io/tls` Secret: the same pair for the same object, so that what is found out about it can be kept. */
export function tlsOf(secret: Secret | undefined): { cert: string; key: string } | undefined {
  const cert = secret?.data?.['tls.crt']
  const key = secret?.data?.['tls.key']
  if (secret?.type !== 'kubernetes.io/tls' || cert === undefined || key === undefined) return undefined
  let pair = pairs.get(secret)
  if (pair === undefined) pairs.set(secret, (pair = { cert: Buffer.from(cert, 'base64').toString(), key: Buffer.from(key, 'base64').toString() }))
  return pair
}

/** CA certificates in the Secret that a ConfigMap was copied to. */
export function caOf(copy: Secret | undefined): string | undefined {
  const ca = copy?.data?.['ca.crt']
  return ca === undefined ? undefined : Buffer.from(ca, 'base64').toString()
}
