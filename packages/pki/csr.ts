import { createPublicKey, type KeyObject } from 'node:crypto'
import { CodedError, messageOf } from '@idp/kit'
import { extension, extensionOids, readExtensions } from './certificate.ts'
import { bitString, boolean, children, explicit, integer, namedBits, oid, readOid, readOne, seq, set } from './der.ts'
import { signatureAlgorithm, signWith, spkiOf, verifySignature, type Hash } from './keys.ts'
import { encodeNames, type AlternativeNames } from './names.ts'
import { decodePem, encodePem } from './pem.ts'
import { decodeSubject, encodeSubject, type Subject } from './subject.ts'
import { splitUsages, type KeyUsage } from './usages.ts'

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'

export interface CsrTemplate extends AlternativeNames {
  readonly subject?: Subject
  readonly rawSubject?: Uint8Array
  readonly usages?: readonly KeyUsage[]
  readonly isCa?: boolean
  readonly key: KeyObject
  readonly extensions?: readonly Buffer[]
  /** Hash of the request's signature; as strong as the key by default. */
  readonly hash?: Hash
}

/** What a certification request asks for (RFC 2986); its signature has been checked. */
export interface Csr extends Required<AlternativeNames> {
  readonly subject: Subject
  readonly rawSubject: Buffer
  readonly publicKey: KeyObject
  readonly usages: readonly KeyUsage[]
  readonly isCa: boolean
  /** The whole extension, encoded. */
  readonly nameConstraints?: Buffer
}

/** A signed request as PEM. */
export function createCsr(template: CsrTemplate): string {
  const { bits, oids } = splitUsages(template.usages ?? [])
  const names = encodeNames(template)
  const extensions = [
    ...(names === undefined ? [] : [extension(extensionOids.alternativeNames, false, names)]),
    ...(bits.length === 0 ? [] : [extension(extensionOids.keyUsage, true, namedBits(bits))]),
    ...(oids.length === 0 ? [] : [extension(extensionOids.extendedKeyUsage, false, seq(...oids.map(oid)))]),
    ...(template.isCa === true ? [extension(extensionOids.basicConstraints, true, seq(boolean(true)))] : []),
    ...(template.extensions ?? []),
  ]
  const attributes = extensions.length === 0 ? [] : [seq(oid(EXTENSION_REQUEST), set(seq(...extensions)))]
  const body = seq(integer(0), template.rawSubject ?? encodeSubject(template.subject ?? {}), spkiOf(template.key), explicit(0, ...attributes))
  return encodePem('CERTIFICATE REQUEST', seq(body, signatureAlgorithm(template.key, template.hash).id, bitString(signWith(template.key, body, template.hash))))
}

/** Reads a request and checks that it was signed with its own key. @throws CodedError `InvalidCsr` */
export function parseCsr(pem: string): Csr {
  const block = decodePem(pem).find(({ label }) => label === 'CERTIFICATE REQUEST' || label === 'NEW CERTIFICATE REQUEST')
  if (block === undefined) throw new CodedError({ code: 'InvalidCsr', message: 'the text holds no certificate request in PEM' })
  try {
    return readCsr(block.der)
  } catch (cause) {
    throw new CodedError({ code: 'InvalidCsr', message: `the certificate request cannot be used: ${messageOf(cause)}`, cause })
  }
}

function readCsr(der: Buffer): Csr {
  const [body, algorithm, signature] = children(readOne(der))
  const [, subject, spki, attributes] = body === undefined ? [] : children(body)
  const id = algorithm === undefined ? undefined : children(algorithm)[0]
  if (body === undefined || subject === undefined || spki === undefined || signature === undefined || id === undefined) throw new Error('parts are missing')
  const publicKey = createPublicKey({ key: spki.der, format: 'der', type: 'spki' })
  if (!verifySignature(readOid(id), publicKey, body.der, signature.content.subarray(1))) throw new Error('its signature does not fit its key')
  const request = attributes === undefined ? undefined : children(attributes).find((attribute) => {
    const type = children(attribute)[0]
    return type !== undefined && readOid(type) === EXTENSION_REQUEST
  })
  const { dnsNames, ipAddresses, uris, emails, otherNames, isCa, usages, nameConstraints } = readExtensions(request === undefined ? undefined : children(request)[1])
  return { subject: decodeSubject(subject), rawSubject: subject.der, publicKey, dnsNames, ipAddresses, uris, emails, otherNames, isCa, usages, ...(nameConstraints === undefined ? {} : { nameConstraints }) }
}
