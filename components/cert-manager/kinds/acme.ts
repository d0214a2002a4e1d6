import { defineKind, type Kind } from '@idp/api'
import type { KubeObject, ObjectMeta } from '@idp/formats'
import type { IChallenge } from '@kubernetes-models/cert-manager/acme.cert-manager.io/v1/Challenge'
import type { IOrder } from '@kubernetes-models/cert-manager/acme.cert-manager.io/v1/Order'

const group = 'acme.cert-manager.io'
const categories = ['cert-manager', 'cert-manager-acme']

/** States of RFC 8555 §7.1.6, and two of cert-manager's own: `expired`, `errored`. */
export type AcmeState = 'valid' | 'ready' | 'pending' | 'processing' | 'invalid' | 'expired' | 'errored'
export const failed = (state: AcmeState | undefined): boolean => state === 'invalid' || state === 'expired' || state === 'errored'
export const final = (state: AcmeState | undefined): boolean => state === 'valid' || failed(state)

export interface AuthorizationStatus {
  url: string
  identifier?: string
  wildcard?: boolean
  initialState?: AcmeState
  challenges?: { url: string; token: string; type: string }[]
}
export interface OrderStatus { url?: string; finalizeURL?: string; authorizations?: AuthorizationStatus[]; certificate?: string; state?: AcmeState; reason?: string; failureTime?: string }
export interface Order extends Omit<IOrder, 'metadata' | 'status'> { metadata: ObjectMeta; status?: OrderStatus }
export const Order: Kind<Order> = defineKind({ group, version: 'v1', kind: 'Order', plural: 'orders', scope: 'Namespaced', categories, subresources: ['status'] })

export interface ChallengeStatus { processing?: boolean; presented?: boolean; reason?: string; state?: AcmeState }
export interface Challenge extends Omit<IChallenge, 'metadata' | 'status'> { metadata: ObjectMeta; status?: ChallengeStatus }
export const Challenge: Kind<Challenge> = defineKind({ group, version: 'v1', kind: 'Challenge', plural: 'challenges', scope: 'Namespaced', categories, subresources: ['status'] })

export type Solver = Challenge['spec']['solver']

/** The part of an HTTPRoute that the solver writes; its API is not ours. */
export interface RouteView extends KubeObject { spec: Record<string, unknown> }
export const RouteView: Kind<RouteView> = defineKind({ group: 'gateway.networking.k8s.io', version: 'v1', kind: 'HTTPRoute', plural: 'httproutes', scope: 'Namespaced', subresources: ['status'] })

/** Labels and annotations of acme.cert-manager.io. */
export const acmeNames = {
  domain: 'acme.cert-manager.io/http-domain', token: 'acme.cert-manager.io/http-token', solver: 'acme.cert-manager.io/http01-solver', finalizer: 'acme.cert-manager.io/finalizer',
  ingressName: 'acme.cert-manager.io/http01-override-ingress-name', ingressClass: 'acme.cert-manager.io/http01-override-ingress-class', ingressClassName: 'acme.cert-manager.io/http01-override-ingress-ingressclassname', editInPlace: 'acme.cert-manager.io/http01-edit-in-place',
} as const
