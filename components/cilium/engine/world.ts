import type { Service } from '@idp/api'
import type { Gateway, GRPCRoute, HTTPRoute, ReferenceGrant, TLSRoute } from '../kinds/gateway-api.ts'

/** What attachment and references are judged by: a view of the API at one moment. */
export interface World {
  /** A Gateway of one of our classes. */
  gateway(namespace: string, name: string): Gateway | undefined
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined
  service(namespace: string, name: string): Service | undefined
  /** PEM of a `kubernetes.io/tls` Secret; undefined when it is missing or not of that type. */
  tlsSecret(namespace: string, name: string): { readonly cert: string; readonly key: string } | undefined
  /** PEM of the CA certificates in key `ca.crt` of a ConfigMap; undefined when it is missing. */
  caBundle(namespace: string, name: string): string | undefined
  grants(namespace: string): readonly ReferenceGrant[]
  routes(): Iterable<HTTPRoute | GRPCRoute | TLSRoute>
}

interface Reference { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }

/** Whether a reference may be made: within a namespace always, across with a ReferenceGrant in the target's namespace. */
export function mayRefer(world: Pick<World, 'grants'>, from: Omit<Reference, 'name'>, to: Reference): boolean {
  if (from.namespace === to.namespace) return true
  return world.grants(to.namespace).some(({ spec }) =>
    spec?.from.some((source) => source.group === from.group && source.kind === from.kind && source.namespace === from.namespace) === true
    && spec.to.some((target) => target.group === to.group && target.kind === to.kind && (target.name === undefined || target.name === '' || target.name === to.name)))
}
