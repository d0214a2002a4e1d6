import { X509Certificate } from 'node:crypto'
import type { AnyObject } from '@idp/formats'
import type { Check, VerifyContext } from '../check.ts'
import { applyScratch, at, eventually, get, realPods, type Ref } from '../live.ts'

const text = (value: unknown): string => String(value ?? '')
const namespace = 'kube-system'

interface CertificateRun { readonly host: string; readonly certificate: AnyObject; readonly secret: AnyObject; readonly caSecret: string; readonly presented: string; readonly held: X509Certificate; readonly ca: X509Certificate }

/** A scratch Gateway with the annotation, followed until a handshake presents the certificate that was made for it. */
function certificateRun(context: VerifyContext): Promise<CertificateRun> {
  return context.once('certificate', async () => {
    await realPods(context, 'cert-manager', 'cert-manager')
    const name = context.scratch
    const host = `${name}.${context.domain.local}`
    const issuerName = 'ca-issuer'
    const live = await get(context.client, { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: 'idp-gateway', namespace })
    await applyScratch(context, {
      apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', metadata: { name, namespace, annotations: { 'cert-manager.io/cluster-issuer': issuerName } },
      spec: {
        gatewayClassName: at(live, 'spec', 'gatewayClassName'),
        listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', hostname: host, tls: { mode: 'Terminate', certificateRefs: [{ name }] } }],
      },
    } as unknown as AnyObject)
    const secretRef: Ref = { apiVersion: 'v1', kind: 'Secret', name, namespace }
    const certificate = await eventually(context, { apiVersion: 'cert-manager.io/v1', kind: 'Certificate', name, namespace }, (object) => ((at(object, 'status', 'conditions') ?? []) as { type: string; status: string }[]).some((c) => c.type === 'Ready' && c.status === 'True'), 'to be Ready')
    const secret = await eventually(context, secretRef, (object) => object !== undefined && at(object, 'data', 'tls.crt') !== undefined, 'to hold a certificate')
    const issuer = await get(context.client, { apiVersion: 'cert-manager.io/v1', kind: 'ClusterIssuer', name: issuerName })
    const caSecret = text(at(issuer, 'spec', 'ca', 'secretName'))
    const ca = new X509Certificate(Buffer.from(text(at(await get(context.client, { apiVersion: 'v1', kind: 'Secret', name: caSecret, namespace: 'cert-manager' }), 'data', 'tls.crt')), 'base64'))
    const held = new X509Certificate(Buffer.from(text(at(secret, 'data', 'tls.crt')), 'base64'))
    const wildcard = await context.throughGateway(`argocd.${context.domain.local}`, '/')
    return { host, certificate: certificate as AnyObject, secret: secret as AnyObject, caSecret, presented: wildcard.certificate.serial, held, ca }
  })
}

const requestedByAnnotation: Check = async (context) => {
  const run = await certificateRun(context)
  const owner = run.certificate.metadata.ownerReferences?.find((o) => o.kind === 'Gateway')
  if (owner === undefined) throw new Error(`Certificate ${run.certificate.metadata.name} does not belong to the Gateway`)
  return `the annotation on Gateway ${owner.name} made Certificate ${run.certificate.metadata.name} for ${run.host}`
}

const issuerRead: Check = async (context) => {
  const run = await certificateRun(context)
  return `Certificate ${run.certificate.metadata.name} asks ${text(at(run.certificate, 'spec', 'issuerRef', 'kind'))} ${text(at(run.certificate, 'spec', 'issuerRef', 'name'))}, which names CA Secret ${run.caSecret}`
}

const signedByCa: Check = async (context) => {
  const run = await certificateRun(context)
  if (!run.held.verify(run.ca.publicKey)) throw new Error(`the certificate made for ${run.host} is not signed by the key of Secret cert-manager/${run.caSecret}`)
  return `serial ${run.held.serialNumber} for ${run.host} verifies with the public key of Secret cert-manager/${run.caSecret} (${run.ca.subject.replaceAll('\n', ', ')})`
}

const secretCreated: Check = async (context) => {
  const run = await certificateRun(context)
  if (!run.held.checkHost(run.host)) throw new Error(`the certificate in Secret ${run.secret.metadata.name} is for ${text(run.held.subjectAltName)}`)
  return `Secret ${namespace}/${run.secret.metadata.name} (${text(at(run.secret, 'type'))}) holds a certificate for ${text(run.held.subjectAltName)}`
}

const secretReferenced: Check = async (context, { secret }) => {
  const run = await certificateRun(context)
  const held = new X509Certificate(Buffer.from(text(at(await get(context.client, { apiVersion: 'v1', kind: 'Secret', name: text(secret), namespace }), 'data', 'tls.crt')), 'base64'))
  if (held.serialNumber !== run.presented) throw new Error(`the gateway presents ${run.presented}; Secret ${text(secret)} holds ${held.serialNumber}`)
  return `listeners of idp-gateway present serial ${run.presented} of Secret ${namespace}/${text(secret)} (${text(held.subjectAltName)})`
}

export const certificateChecks = {
  'certificate-requested': requestedByAnnotation, 'issuer-read': issuerRead, 'signed-by-ca': signedByCa, 'certificate-secret-created': secretCreated, 'certificate-referenced': secretReferenced,
} satisfies Record<string, Check>
