import { CertificateSigningRequest, isApiError } from '@idp/api'
import type { Controller, Outcome } from '@idp/controller'
import { messageOf, rfc3339 } from '@idp/kit'
import { allUsages, parseCertificate, parseCsr, parseKey, signCertificate, type KeyPair, type KeyUsage } from '@idp/pki'

type Request = CertificateSigningRequest

const hour = 3_600_000
const signers = new Set(['kubernetes.io/kube-apiserver-client', 'kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving', 'kubernetes.io/legacy-unknown'])
/** A certificate lasts a year unless the request asks for less, and never longer than its CA. */
const defaultDays = 365

const has = (request: Request, type: string) => (request.status?.conditions ?? []).some((condition) => condition.type === type && condition.status !== 'False')

/** Signs approved requests of the signers that Kubernetes itself provides. @param ca certificate and key of the cluster's CA */
export function certificateSigner(ca: KeyPair): Controller<Request> {
  return {
    name: 'certificatesigningrequest-signing-controller',
    for: CertificateSigningRequest,
    async reconcile(request, { clock }): Promise<Outcome | void> {
      const { signerName = '' } = request.spec ?? {}
      if (!signers.has(signerName) || !has(request, 'Approved') || has(request, 'Denied') || has(request, 'Failed') || request.status?.certificate) return
      const now = clock.now()
      try {
        return { status: { ...request.status, certificate: Buffer.from(sign(request, ca, now)).toString('base64') } }
      } catch (error) {
        const at = rfc3339(now)
        const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: messageOf(error), lastUpdateTime: at, lastTransitionTime: at }
        return { status: { ...request.status, conditions: [...(request.status?.conditions ?? []), failed] } }
      }
    },
  }
}

function sign({ spec }: Request, ca: KeyPair, now: number): string {
  const csr = parseCsr(Buffer.from(String(spec?.request ?? ''), 'base64').toString())
  const usages = (spec?.usages ?? []) as KeyUsage[]
  refuse(spec?.signerName ?? '', csr, usages)
  const issuer = parseCertificate(ca.cert)
  const lifetime = (spec?.expirationSeconds ?? defaultDays * 86_400) * 1000
  return signCertificate({
    rawSubject: csr.rawSubject, publicKey: csr.publicKey, usages, notBefore: now - 300_000, notAfter: Math.min(now + Math.max(lifetime, 600_000), issuer.notAfter),
    dnsNames: csr.dnsNames, ipAddresses: csr.ipAddresses, emails: csr.emails, uris: csr.uris,
  }, { key: parseKey(ca.key), certificate: issuer })
}

/** What a signer does not put its name under. */
function refuse(signer: string, csr: ReturnType<typeof parseCsr>, usages: readonly KeyUsage[]): void {
  const unknown = usages.find((usage) => !allUsages.includes(usage))
  if (unknown !== undefined) throw new Error(`unrecognized usage: ${unknown}`)
  const allowed = signer === 'kubernetes.io/kubelet-serving' ? ['key encipherment', 'digital signature', 'server auth'] : ['key encipherment', 'digital signature', 'client auth']
  if (signer === 'kubernetes.io/legacy-unknown') return
  const extra = usages.filter((usage) => !allowed.includes(usage))
  if (extra.length > 0) throw new Error(`usages not allowed for signer ${signer}: ${extra.join(', ')}`)
  if (!usages.includes(signer === 'kubernetes.io/kubelet-serving' ? 'server auth' : 'client auth')) throw new Error(`usages did not include ${signer === 'kubernetes.io/kubelet-serving' ? '"server auth"' : '"client auth"'}`)
  if (csr.isCa) throw new Error('a request for a CA certificate is not signed')
}

/** Removes requests that are of no more use: an hour after they were issued, refused or failed, a day without an answer. */
export const certificateCleaner: Controller<Request> = {
  name: 'certificatesigningrequest-cleaner-controller',
  for: CertificateSigningRequest,
  async reconcile(request, { client, clock }) {
    const answered = request.status?.conditions?.map((condition) => Date.parse(String(condition.lastUpdateTime ?? ''))).filter((ms) => !Number.isNaN(ms)) ?? []
    const due = answered.length > 0 ? Math.max(...answered) + hour : Date.parse(request.metadata.creationTimestamp ?? '') + 24 * hour
    const left = due - clock.now()
    if (left > 0) return { requeueAfter: left }
    try {
      await client.delete(CertificateSigningRequest, request.metadata.name ?? '')
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
  },
}
