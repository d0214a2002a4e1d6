import { isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { WebServer } from '@idp/http'
import type { Clock } from '@idp/kit'
import { createCa, issueCertificate, parseCertificate, type KeyPair } from '@idp/pki'
import { untilAborted, type Program } from '@idp/sandbox'
import { dataOf } from '../engine/reissue.ts'
import { validateCertificate, validateRequest, type Fault } from '../engine/validate.ts'
import { validateIssuer } from '../engine/validate-issuer.ts'
import { mayApprove } from '../engine/access.ts'
import type { AnyIssuer, Certificate, CertificateRequest } from '../kinds/cert-manager.ts'
import { flag, managed, probes } from './process.ts'

const CA_DAYS = 365
const LEAF_DAYS = 7
const DAY = 86_400_000

/** cert-manager-webhook: checks cert-manager's objects at admission, over TLS with an authority of its own. */
export const webhook: Program = {
  images: ['quay.io/jetstack/cert-manager-webhook'],
  async main(container) {
    const { client, clock, log, signal, pod, args, net } = container
    const api = managed(client)
    const namespace = pod.namespace
    const name = flag(args, 'dynamic-serving-ca-secret-name') ?? 'cert-manager-webhook-ca'
    const dnsNames = (flag(args, 'dynamic-serving-dns-names') ?? `cert-manager-webhook,cert-manager-webhook.${namespace},cert-manager-webhook.${namespace}.svc`).split(',').map((each) => each.replace('$(POD_NAMESPACE)', namespace))
    let ca = await authority(api, namespace, name, clock)
    let serving = await issueCertificate({ ca, for: 'server', now: clock.now(), days: LEAF_DAYS, dnsNames })
    const renew = async (next: KeyPair): Promise<void> => {
      ca = next
      serving = await issueCertificate({ ca, for: 'server', now: clock.now(), days: LEAF_DAYS, dnsNames })
    }
    const watching = informer(api, Secret, { clock, log, signal, query: { namespace, fieldSelector: `metadata.name=${name}` } })
    watching.onChange(({ after }) => {
      const found = keyPairIn(after)
      if (found !== undefined && found.cert !== ca.cert) void renew(found)
      else if (after === undefined) void authority(api, namespace, name, clock).then(renew)
    })
    using _renewal = repeated(clock, LEAF_DAYS * DAY / 2, () => void authority(api, namespace, name, clock).then(renew))
    await using _probes = await probes(container, { health: 6080, metrics: 9402, ready: () => true })
    await using _listener = await net.listen(Number(flag(args, 'secure-port') ?? 10250), admission(api), { tls: { identity: () => serving } })
    log.info('cert-manager-webhook is ready')
    await untilAborted(signal)
    return 0
  },
}

/** The webhook's CA, kept in a Secret that cainjector reads; made when it is missing or in the last third of its life. */
async function authority(client: Client, namespace: string, name: string, clock: Clock): Promise<KeyPair> {
  let known: Secret | undefined
  try {
    known = await client.get(Secret, name, { namespace })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  const held = keyPairIn(known)
  if (held !== undefined && parseCertificate(held.cert).notAfter - clock.now() > CA_DAYS * DAY / 3) return held
  const made = await createCa({ subject: { commonName: 'cert-manager-webhook-ca' }, now: clock.now(), days: CA_DAYS, algorithm: { type: 'ECDSA', size: 384 } })
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const secret: Secret = {
    apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, annotations: { 'cert-manager.io/allow-direct-injection': 'true' }, ...(known?.metadata.resourceVersion === undefined ? {} : { resourceVersion: known.metadata.resourceVersion }) },
    type: known?.type ?? 'Opaque', data: { 'ca.crt': base64(made.cert), 'tls.crt': base64(made.cert), 'tls.key': base64(made.key) },
  }
  try {
    await (known === undefined ? client.create(Secret, secret) : client.update(Secret, secret))
    return made
  } catch (error) {
    // Another replica was faster: its CA is the one.
    if (isApiError(error, 'AlreadyExists', 'Conflict')) return authority(client, namespace, name, clock)
    throw error
  }
}

function keyPairIn(secret: Secret | undefined): KeyPair | undefined {
  const [cert, key] = [dataOf(secret, 'tls.crt'), dataOf(secret, 'tls.key')]
  return cert === undefined || key === undefined ? undefined : { cert, key }
}

interface Review { apiVersion: string; kind: string; request: { uid: string; kind: { kind: string }; subResource?: string; operation: string; name?: string; object?: unknown; oldObject?: unknown; userInfo?: { username?: string; uid?: string; groups?: string[]; extra?: unknown } } }

function admission(client: Client): WebServer {
  return {
    async handler(request) {
      const { pathname } = new URL(request.url)
      if (request.method !== 'POST' || (pathname !== '/validate' && pathname !== '/mutate')) return new Response('not found', { status: 404 })
      const review = await request.json() as Review
      const response = pathname === '/validate' ? await validate(review, client) : mutate(review)
      return Response.json({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: { uid: review.request.uid, ...response } })
    },
  }
}

async function validate({ request }: Review, client: Client): Promise<object> {
  const faults = [...faultsOf(request.kind.kind, request.object, request.oldObject), ...await approvalFaults(request, client)]
  if (faults.length === 0) return { allowed: true }
  const text = faults.length === 1 ? faults[0] : `[${faults.join(', ')}]`
  return { allowed: false, status: { status: 'Failure', reason: 'NotAcceptable', code: 406, message: `${text ?? ''}`, details: { name: request.name } } }
}

/** Who sets `Approved` or `Denied` needs the verb `approve` on the issuer's signer. */
async function approvalFaults({ kind, subResource, object, oldObject, userInfo }: Review['request'], client: Client): Promise<Fault[]> {
  if (kind.kind !== 'CertificateRequest' || subResource !== 'status') return []
  const has = (request: unknown, type: string): boolean => (request as CertificateRequest | undefined)?.status?.conditions?.some((condition) => condition.type === type) === true
  if (!['Approved', 'Denied'].some((type) => has(object, type) && !has(oldObject, type))) return []
  const { spec: { issuerRef }, metadata } = object as CertificateRequest
  const [group, of] = [issuerRef.group || 'cert-manager.io', issuerRef.kind || 'Issuer']
  const resource = await client.kindOf(group === 'cert-manager.io' ? 'cert-manager.io/v1' : group, of).then(({ plural, scope }) => ({ plural, namespaced: scope === 'Namespaced' }), (error: unknown) => {
    if (group === 'cert-manager.io') throw error
    return undefined // a group of somebody else, whose version is not known here: named by its kind
  }) ?? { plural: `${of.toLowerCase()}s`, namespaced: !of.startsWith('Cluster') }
  const allowed = await mayApprove(client, userInfo ?? {}, { resource: `${resource.plural}.${group}`, name: issuerRef.name, namespace: resource.namespaced ? metadata.namespace : undefined })
  return allowed ? [] : [`status.conditions: Forbidden: user ${JSON.stringify(userInfo?.username ?? '')} does not have permissions to set approved/denied conditions for issuer {${issuerRef.name} ${of} ${group}}`]
}

function faultsOf(kind: string, object: unknown, oldObject: unknown): Fault[] {
  if (kind === 'Certificate') return validateCertificate(object as Certificate)
  if (kind === 'CertificateRequest') return validateRequest(object as CertificateRequest, (oldObject ?? undefined) as CertificateRequest | undefined)
  return kind === 'Issuer' || kind === 'ClusterIssuer' ? validateIssuer(object as AnyIssuer) : []
}

/** Writes into a new request who made it. */
function mutate({ request: { kind: { kind }, operation, userInfo } }: Review): object {
  if (kind !== 'CertificateRequest' || operation !== 'CREATE') return { allowed: true }
  const patch = [
    { op: 'add', path: '/spec/username', value: userInfo?.username ?? '' }, { op: 'add', path: '/spec/uid', value: userInfo?.uid ?? '' },
    { op: 'add', path: '/spec/groups', value: userInfo?.groups ?? [] },
  ]
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
}

function repeated(clock: Clock, ms: number, run: () => void): Disposable {
  let timer: Disposable
  const arm = (): void => {
    timer = clock.timer(ms, () => {
      run()
      arm()
    })
  }
  arm()
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
