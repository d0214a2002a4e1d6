import { Secret } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { parseCsr, publicKeyOf, parseKey } from '@idp/pki'
import { conditionOf, isTrue, withCondition } from '../engine/conditions.ts'
import { dataOf } from '../engine/reissue.ts'
import { signSelf, signWithCa, type Signed } from '../engine/sign.ts'
import { CertificateRequest, certManagerGroup, ClusterIssuer, Issuer, names, type AnyIssuer } from '../kinds/cert-manager.ts'
import { readCa, secretNamespace } from './issuer.ts'

type Result = Signed | { readonly pending: string } | { readonly failed: string }

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
export function requestController(clusterNamespace: string): Controller<CertificateRequest> {
  const unfinished = (which: (request: CertificateRequest) => boolean) => (scope: Scope) => scope.cache(CertificateRequest).list()
    .filter((request) => !isTrue(request.status?.conditions, 'Ready') && which(request)).map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  const ofIssuer = (issuer: AnyIssuer, scope: Scope) => unfinished((request) => request.spec.issuerRef.name === issuer.metadata.name && (request.spec.issuerRef.kind ?? 'Issuer') === issuer.kind)(scope)
  return {
    name: 'cert-manager-certificaterequests-issuer',
    for: CertificateRequest,
    reads: [Secret],
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
      const result = sign(request, scope, clusterNamespace)
      if ('pending' in result) {
        if (ready?.message !== result.pending) scope.event(request, 'Normal', 'Pending', result.pending)
        return finish('Pending', 'False', result.pending)
      }
      if ('failed' in result) {
        scope.event(request, 'Warning', 'Failed', result.failed)
        return finish('Failed', 'False', result.failed, { failureTime: now })
      }
      scope.event(request, 'Normal', 'CertificateIssued', 'Certificate fetched from issuer successfully')
      const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
      return finish('Issued', 'True', 'Certificate fetched from issuer successfully', { certificate: base64(result.certificate), ca: base64(result.ca) })
    },
  }
}

function sign(request: CertificateRequest, scope: Scope, clusterNamespace: string): Result {
  const { issuerRef } = request.spec
  const namespace = request.metadata.namespace ?? ''
  const issuer: AnyIssuer | undefined = (issuerRef.kind ?? 'Issuer') === 'ClusterIssuer' ? scope.cache(ClusterIssuer).get(issuerRef.name) : scope.cache(Issuer).get(issuerRef.name, namespace)
  if (issuer === undefined) return { pending: `Referenced "${issuerRef.kind ?? 'Issuer'}" not found: ${(issuerRef.kind ?? 'Issuer').toLowerCase()}.cert-manager.io "${issuerRef.name}" not found` }
  if (!isTrue(issuer.status?.conditions, 'Ready')) return { pending: 'Referenced issuer does not have a Ready status condition' }
  const now = scope.clock.now()
  try {
    const csr = parseCsr(Buffer.from(request.spec.request, 'base64').toString())
    if (issuer.spec.ca !== undefined) {
      const ca = readCa(scope.cache(Secret).get(issuer.spec.ca.secretName, secretNamespace(issuer, clusterNamespace)), issuer.spec.ca.secretName)
      return 'key' in ca ? signWithCa({ csr, request, now }, ca) : { pending: ca.message }
    }
    const name = request.metadata.annotations?.[names.privateKeySecret]
    if (name === undefined || name === '') return { failed: `Annotation "${names.privateKeySecret}" missing or reference empty: cannot self sign` }
    const key = dataOf(scope.cache(Secret).get(name, namespace), 'tls.key')
    if (key === undefined) return { pending: `Referenced secret ${namespace}/${name} not found` }
    const parsed = parseKey(key)
    if (!publicKeyOf(parsed).equals(csr.publicKey)) return { failed: `Error generating certificate template: CSR not signed by referenced private key` }
    return signSelf({ csr, request, now }, parsed)
  } catch (error) {
    if (!isCoded(error)) throw error
    return { failed: `Error signing certificate: ${messageOf(error)}` }
  }
}
