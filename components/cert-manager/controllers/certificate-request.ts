import { Secret } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { parseCsr } from '@idp/pki'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { conditionOf, isTrue, withCondition } from '../engine/conditions.ts'
import { durationOf, usagesOf } from '../engine/certificate-spec.ts'
import { Order } from '../kinds/acme.ts'
import { CertificateRequest, certManagerGroup, ClusterIssuer, Issuer, names, type AnyIssuer } from '../kinds/cert-manager.ts'
import { orderFor } from './order-for.ts'
import { sign, type Result } from './sign.ts'
import { findIssuer, type World } from './world.ts'

/** Approves requests that refer to our own kinds of issuer, as upstream's approver does unless it is switched off. */
export const approverController: Controller<CertificateRequest> = {
  name: 'cert-manager-certificaterequests-approver',
  for: CertificateRequest,
  async reconcile(request, scope) {
    const conditions = request.status?.conditions
    if (isTrue(conditions, 'Approved') || isTrue(conditions, 'Denied') || (request.spec.issuerRef.group ?? certManagerGroup) !== certManagerGroup) return
    const message = 'Certificate request has been approved by cert-manager.io'
    scope.event(request, 'Normal', 'cert-manager.io', message)
    return { status: { ...request.status, conditions: withCondition(conditions, { type: 'Approved', status: 'True', reason: 'cert-manager.io', message }, rfc3339(scope.clock.now())) } }
  },
}

/** Signs approved requests with the issuer they name. */
export function requestController(world: World): Controller<CertificateRequest> {
  const unfinished = (which: (request: CertificateRequest) => boolean) => (scope: Scope) => scope.cache(CertificateRequest).list()
    .filter((request) => !isTrue(request.status?.conditions, 'Ready') && which(request)).map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  const ofIssuer = (issuer: AnyIssuer, scope: Scope) => unfinished((request) => request.spec.issuerRef.name === issuer.metadata.name && (request.spec.issuerRef.kind ?? 'Issuer') === issuer.kind)(scope)
  return {
    name: 'cert-manager-certificaterequests-issuer',
    for: CertificateRequest,
    reads: [Secret],
    owns: [Order],
    watches: [watch(Issuer, ofIssuer), watch(ClusterIssuer, ofIssuer)],
    concurrency: 4,
    async reconcile(request, scope) {
      const { conditions } = request.status ?? {}
      const now = rfc3339(scope.clock.now())
      const finish = (reason: string, status: 'True' | 'False', message: string, more: object = {}) => ({ status: { ...request.status, ...more, conditions: withCondition(conditions, { type: 'Ready', status, reason, message }, now) } })
      const ready = conditionOf(conditions, 'Ready')
      if (ready?.status === 'True' || ready?.reason === 'Failed' || ready?.reason === 'Denied') return
      if ((request.spec.issuerRef.group ?? certManagerGroup) !== certManagerGroup) return
      if (isTrue(conditions, 'Denied')) return finish('Denied', 'False', 'The CertificateRequest was denied by an approval controller', { failureTime: now })
      if (!isTrue(conditions, 'Approved')) return
      const result = await resultFor(request, scope, world)
      if ('pending' in result) {
        if (ready?.message !== result.pending) scope.event(request, 'Normal', result.reason, result.pending)
        return { ...finish('Pending', 'False', result.pending), ...(result.again === undefined ? {} : { failed: result.again }) }
      }
      if ('failed' in result) {
        scope.event(request, 'Warning', result.reason, result.failed)
        return finish('Failed', 'False', result.failed, { failureTime: now })
      }
      scope.event(request, 'Normal', 'CertificateIssued', 'Certificate fetched from issuer successfully')
      const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
      return finish('Issued', 'True', 'Certificate fetched from issuer successfully', { certificate: base64(result.certificate), ...(result.ca === undefined ? {} : { ca: base64(result.ca) }) })
    },
  }
}

async function resultFor(request: CertificateRequest, scope: Scope, world: World): Promise<Result> {
  const { issuerRef, duration, usages, isCA } = request.spec
  const namespace = request.metadata.namespace ?? ''
  const issuer = findIssuer(issuerRef, namespace, scope)
  if (issuer === undefined) return { reason: 'IssuerNotFound', pending: `Referenced "${issuerRef.kind ?? 'Issuer'}" not found: ${(issuerRef.kind ?? 'Issuer').toLowerCase()}.cert-manager.io "${issuerRef.name}" not found` }
  if (!isTrue(issuer.status?.conditions, 'Ready')) return { reason: 'IssuerNotReady', pending: 'Referenced issuer does not have a Ready status condition' }
  try {
    const pem = Buffer.from(String(request.spec.request), 'base64').toString()
    const csr = parseCsr(pem)
    if (issuer.spec.acme !== undefined) return await orderFor(request, issuer, csr, scope)
    const asked = { csr, usages: usagesOf({ usages: usages as never, isCA: isCA as never }), isCa: isCA === true, duration: durationOf({ duration } as Parameters<typeof durationOf>[0]), now: scope.clock.now() }
    return await sign(issuer, { ...asked, pem, ownKey: { secret: request.metadata.annotations?.[names.privateKeySecret], namespace, annotation: names.privateKeySecret } }, scope, world)
  } catch (error) {
    if (!isCoded(error)) throw error
    return { reason: 'SigningError', failed: `Error signing certificate: ${messageOf(error)}` }
  }
}
