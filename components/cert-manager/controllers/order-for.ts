import { isApiError } from '@idp/api'
import { controllerReference, isControlledBy, type Scope } from '@idp/controller'
import { parseCertificate, type Csr } from '@idp/pki'
import { computeName } from '../engine/compute-name.ts'
import { failed, Order } from '../kinds/acme.ts'
import { CertificateRequest, type AnyIssuer } from '../kinds/cert-manager.ts'
import type { Result } from './sign.ts'

/** Leads a request to an ACME issuer through its Order. */
export async function orderFor(request: CertificateRequest, issuer: AnyIssuer, csr: Csr, scope: Scope): Promise<Result> {
  const { commonName = '' } = csr.subject
  if (commonName !== '' && !csr.dnsNames.includes(commonName) && !csr.ipAddresses.includes(commonName)) {
    return { reason: 'InvalidOrder', failed: `The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses. If a commonName is set, ACME requires that the value is also present in the list of dnsNames or ipAddresses: "${commonName}" does not exist in [${csr.dnsNames.join(' ')}] or [${csr.ipAddresses.join(' ')}]` }
  }
  const wish = wishFor(request, issuer, csr)
  const [namespace, name] = [wish.metadata.namespace ?? '', wish.metadata.name ?? '']
  const order = scope.cache(Order).get(name, namespace)
  if (order === undefined) {
    try {
      await scope.client.create(Order, wish)
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error // its arrival in the cache wakes this loop again
    }
    return { reason: 'OrderCreated', pending: `Created Order resource ${namespace}/${name}` }
  }
  if (!isControlledBy(order, request)) return { reason: 'OrderPending', pending: `found Order resource ${namespace}/${name} not owned by this CertificateRequest, retrying`, again: new Error('the Order belongs to another request') }
  const { state = '', reason = '', certificate } = order.status ?? {}
  if (failed(order.status?.state)) return { reason: 'OrderFailed', failed: `Failed to wait for order resource "${name}" to become ready: order is in "${state}" state: ${reason}` }
  if (state !== 'valid') return { reason: 'OrderPending', pending: `Waiting on certificate issuance from order ${namespace}/${name}: "${state}"` }
  if (certificate === undefined) return { reason: 'OrderPending', pending: `Waiting for order-controller to add certificate data to Order ${namespace}/${name}` }
  const pem = Buffer.from(certificate, 'base64').toString()
  if (parseCertificate(pem).publicKey.equals(csr.publicKey)) return { certificate: pem }
  await scope.client.delete(Order, name, { namespace })
  return { reason: 'OrderPending', pending: `Order ${namespace}/${name} was made for another key and is replaced` }
}

function wishFor(request: CertificateRequest, { spec: { acme } }: AnyIssuer, { subject, dnsNames, ipAddresses }: Csr): Order {
  const profile = (acme as { profile?: string } | undefined)?.profile
  const spec = {
    issuerRef: request.spec.issuerRef, dnsNames, ...(subject.commonName === undefined ? {} : { commonName: subject.commonName }), ...(ipAddresses.length === 0 ? {} : { ipAddresses }),
    ...(acme?.enableDurationFeature === true && request.spec.duration !== undefined ? { duration: request.spec.duration } : {}), ...(profile === undefined ? {} : { profile }),
  }
  const name = request.metadata.name ?? ''
  return {
    apiVersion: 'acme.cert-manager.io/v1', kind: 'Order',
    metadata: {
      name: computeName(name, name.length < 52 ? spec : { name, spec }), namespace: request.metadata.namespace ?? '', labels: { ...request.metadata.labels }, annotations: { ...request.metadata.annotations },
      ownerReferences: [controllerReference(CertificateRequest, request)],
    },
    spec: { ...spec, request: request.spec.request } as Order['spec'],
  }
}
