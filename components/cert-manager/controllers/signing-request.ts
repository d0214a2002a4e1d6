import { CertificateSigningRequest, Secret } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { parseCsr, type KeyUsage } from '@idp/pki'
import { isTrue } from '../engine/conditions.ts'
import { defaultDuration } from '../engine/certificate-spec.ts'
import { parseGoDuration } from '../engine/go-duration.ts'
import { ClusterIssuer, Issuer, type AnyIssuer } from '../kinds/cert-manager.ts'
import { mayReference } from '../engine/access.ts'
import { sign } from './sign.ts'
import { findIssuer, type World } from './world.ts'

const LEAST = 600_000
const annotations = { duration: 'experimental.cert-manager.io/request-duration', isCa: 'experimental.cert-manager.io/request-is-ca', privateKey: 'experimental.cert-manager.io/private-key-secret-name' } as const

/** `issuers.cert-manager.io/<namespace>.<name>` or `clusterissuers.cert-manager.io/<name>`; undefined for signers of others. */
function signerOf({ spec: { signerName } }: CertificateSigningRequest): { readonly kind: 'Issuer' | 'ClusterIssuer'; readonly name: string; readonly namespace: string } | undefined {
  const cluster = /^clusterissuers\.cert-manager\.io\/(.+)$/.exec(signerName)
  if (cluster !== null) return { kind: 'ClusterIssuer', name: cluster[1] ?? '', namespace: '' }
  const own = /^issuers\.cert-manager\.io\/([^.]+)\.(.+)$/.exec(signerName)
  return own === null ? undefined : { kind: 'Issuer', namespace: own[1] ?? '', name: own[2] ?? '' }
}

/** Signs approved CertificateSigningRequests whose signer is an issuer. */
export function signingRequestController(world: World): Controller<CertificateSigningRequest> {
  const waiting = (issuer: AnyIssuer, scope: Scope) => scope.cache(CertificateSigningRequest).list()
    .filter((request) => request.status?.certificate === undefined && signerOf(request)?.name === issuer.metadata.name).map(({ metadata }) => ({ name: metadata.name ?? '' }))
  return {
    name: 'cert-manager-certificatesigningrequests', for: CertificateSigningRequest, reads: [Secret], watches: [watch(Issuer, waiting), watch(ClusterIssuer, waiting)],
    async reconcile(request, scope) {
      const signer = signerOf(request)
      const conditions = request.status?.conditions ?? []
      if (signer === undefined || request.status?.certificate !== undefined || !isTrue(conditions, 'Approved') || isTrue(conditions, 'Denied') || isTrue(conditions, 'Failed')) return
      const now = rfc3339(scope.clock.now())
      const fail = (reason: string, message: string) => {
        scope.event(request, 'Warning', reason, message)
        return { status: { ...request.status, conditions: [...conditions, { type: 'Failed', status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now }] } }
      }
      const issuer = findIssuer(signer, signer.namespace, scope)
      const shown = `${signer.kind} ${signer.namespace}/${signer.name}`
      if (issuer === undefined) return scope.event(request, 'Warning', 'IssuerNotFound', `Referenced ${shown} not found`)
      if (signer.kind === 'Issuer' && !await mayReference(scope.client, request.spec, signer)) return fail('DeniedReference', `Requester may not reference Namespaced Issuer ${signer.namespace}/${signer.name}`)
      const duration = durationOf(request)
      if (duration === undefined) return fail('ErrorParseDuration', `Failed to parse requested duration: ${request.metadata.annotations?.[annotations.duration]}`)
      if (duration < LEAST) return fail('InvalidDuration', `CertificateSigningRequest minimum allowed duration is 10m0s, requested ${duration / 1000}s`)
      if (!isTrue(issuer.status?.conditions, 'Ready')) return scope.event(request, 'Warning', 'IssuerNotReady', `Referenced ${shown} does not have a Ready status condition`)
      if (issuer.spec.acme !== undefined) return fail('NotSupported', 'ACME issuers sign no CertificateSigningRequests in this stand-in; use a CertificateRequest')
      try {
        const pem = Buffer.from(String(request.spec.request), 'base64').toString()
        const isCa = request.metadata.annotations?.[annotations.isCa] === 'true'
        const usages = [...(request.spec.usages ?? []) as KeyUsage[], ...(isCa ? ['cert sign' as const] : [])]
        const ownKey = { secret: request.metadata.annotations?.[annotations.privateKey], namespace: signer.namespace === '' ? world.clusterNamespace : signer.namespace, annotation: annotations.privateKey }
        const result = await sign(issuer, { csr: parseCsr(pem), pem, usages: [...new Set(usages)], isCa, duration, now: scope.clock.now(), ownKey }, scope, world)
        if ('failed' in result) return fail(result.reason, result.failed)
        if ('pending' in result) return { failed: result.again ?? new Error(result.pending) }
        scope.event(request, 'Normal', 'CertificateIssued', 'Certificate fetched from issuer successfully')
        return { status: { ...request.status, certificate: Buffer.from(result.certificate).toString('base64') } }
      } catch (error) {
        if (!isCoded(error)) throw error
        return fail('SigningError', `Error signing certificate: ${messageOf(error)}`)
      }
    },
  }
}

function durationOf({ metadata, spec }: CertificateSigningRequest): number | undefined {
  const asked = metadata.annotations?.[annotations.duration]
  if (asked !== undefined) return parseGoDuration(asked)
  return spec.expirationSeconds === undefined ? defaultDuration : Number(spec.expirationSeconds) * 1000
}
