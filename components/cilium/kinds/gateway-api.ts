import { defineKind, type Kind } from '@idp/api'
import type { ObjectMeta } from '@idp/formats'
import type { IGateway } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway'
import type { IGatewayClass } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GatewayClass'
import type { IGRPCRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute'
import type { IHTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute'
import type { IReferenceGrant } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1beta1/ReferenceGrant'
import type { ITLSRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1alpha2/TLSRoute'

const group = 'gateway.networking.k8s.io'

export interface GatewayClass extends Omit<IGatewayClass, 'metadata'> { metadata: ObjectMeta }
export const GatewayClass: Kind<GatewayClass> = defineKind({ group, version: 'v1', kind: 'GatewayClass', plural: 'gatewayclasses', scope: 'Cluster', subresources: ['status'] })

export interface Gateway extends Omit<IGateway, 'metadata'> { metadata: ObjectMeta }
export const Gateway: Kind<Gateway> = defineKind({ group, version: 'v1', kind: 'Gateway', plural: 'gateways', scope: 'Namespaced', subresources: ['status'] })

export interface HTTPRoute extends Omit<IHTTPRoute, 'metadata'> { metadata: ObjectMeta }
export const HTTPRoute: Kind<HTTPRoute> = defineKind({ group, version: 'v1', kind: 'HTTPRoute', plural: 'httproutes', scope: 'Namespaced', subresources: ['status'] })

export interface GRPCRoute extends Omit<IGRPCRoute, 'metadata'> { metadata: ObjectMeta }
export const GRPCRoute: Kind<GRPCRoute> = defineKind({ group, version: 'v1', kind: 'GRPCRoute', plural: 'grpcroutes', scope: 'Namespaced', subresources: ['status'] })

export interface TLSRoute extends Omit<ITLSRoute, 'metadata'> { metadata: ObjectMeta }
export const TLSRoute: Kind<TLSRoute> = defineKind({ group, version: 'v1alpha2', kind: 'TLSRoute', plural: 'tlsroutes', scope: 'Namespaced', subresources: ['status'] })

export interface ReferenceGrant extends Omit<IReferenceGrant, 'metadata'> { metadata: ObjectMeta }
export const ReferenceGrant: Kind<ReferenceGrant> = defineKind({ group, version: 'v1beta1', kind: 'ReferenceGrant', plural: 'referencegrants', scope: 'Namespaced' })

/** Any kind of route that attaches to a Gateway. */
export type Route = HTTPRoute | GRPCRoute | TLSRoute
export type Listener = Gateway['spec']['listeners'][number]
export type ParentRef = NonNullable<HTTPRoute['spec']['parentRefs']>[number]
export type HttpRule = NonNullable<HTTPRoute['spec']['rules']>[number]
export type GrpcRule = NonNullable<GRPCRoute['spec']['rules']>[number]
export type HttpFilter = NonNullable<HttpRule['filters']>[number]
export type HttpBackend = NonNullable<HttpRule['backendRefs']>[number]
export type HttpMatch = NonNullable<HttpRule['matches']>[number]

/** Name under which the controller answers for its classes. */
export const controllerName = 'io.cilium/gateway-controller'
export const gatewayGroup = group
