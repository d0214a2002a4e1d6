import type { Secret } from '@idp/api'
import { controllerReference } from '@idp/controller'
import { decodePem, parseCertificate } from '@idp/pki'
import { Certificate, names } from '../kinds/cert-manager.ts'
import { keyStores, type Passwords } from './key-stores.ts'
import { splitChain } from './reissue.ts'

const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64')

export interface Issued {
  /** PEM, leaf first. */
  readonly pem: string
  readonly ca: string | undefined
  readonly key: string
  /** Of the key stores that the Certificate asks for. */
  readonly passwords?: Passwords
}

/** The Secret of an issued certificate: chain, key and CA, the formats asked for, and annotations that say what it is. @param known the Secret that is there; its type cannot change */
export function secretFor(certificate: Certificate, issued: Issued, known: Secret | undefined, own = false): Secret {
  const { spec, metadata } = certificate
  const leaf = parseCertificate(issued.pem)
  const { chain, root } = splitChain(issued.pem)
  // A certificate that signs itself is its own chain.
  const tlsCrt = chain === '' ? issued.pem : chain
  const ca = issued.ca ?? root
  const formats = (spec.additionalOutputFormats ?? []).map(({ type }) => type)
  return {
    apiVersion: 'v1', kind: 'Secret',
    metadata: {
      name: spec.secretName, namespace: metadata.namespace ?? '', labels: { ...spec.secretTemplate?.labels, [names.fao]: 'true' },
      annotations: {
        ...spec.secretTemplate?.annotations,
        [names.certificateName]: metadata.name ?? '', [names.issuerName]: spec.issuerRef.name, [names.issuerKind]: spec.issuerRef.kind ?? 'Issuer', [names.issuerGroup]: spec.issuerRef.group ?? '',
        [names.commonName]: leaf.subject.commonName ?? '', [names.altNames]: leaf.dnsNames.join(','), [names.ipSans]: leaf.ipAddresses.join(','), [names.uriSans]: leaf.uris.join(','),
        ...(leaf.emails.length === 0 ? {} : { [names.emailSans]: leaf.emails.join(',') }),
      },
      ...(own ? { ownerReferences: [controllerReference(Certificate, certificate)] } : {}),
    },
    type: known?.type ?? 'kubernetes.io/tls',
    data: {
      'tls.crt': base64(tlsCrt), 'tls.key': base64(issued.key), ...(ca === undefined ? {} : { 'ca.crt': base64(ca) }),
      ...(formats.includes('CombinedPEM') ? { 'tls-combined.pem': base64(`${issued.key}\n${tlsCrt}`) } : {}),
      ...Object.fromEntries(Object.entries(keyStores(spec, { chain: tlsCrt, ca, key: issued.key }, issued.passwords ?? {})).map(([name, bytes]) => [name, base64(bytes)])),
      ...(formats.includes('DER') ? { 'key.der': base64(decodePem(issued.key)[0]?.der ?? '') } : {}),
    },
  }
}
