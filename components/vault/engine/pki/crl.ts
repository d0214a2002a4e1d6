import { sign, type KeyObject } from 'node:crypto'
import { integer, oid, seq, time, tlv } from './der-writer.ts'

export interface RevokedCertificate { readonly serial: string; readonly at: number }

/** A signed list of revoked certificates (RFC 5280 §5), DER. */
export function createCrl(issuer: { readonly key: KeyObject; readonly rawSubject: Uint8Array; readonly keyId: string | undefined }, revoked: readonly RevokedCertificate[], now: number, next: number, number: number): Buffer {
  const algorithm = algorithmOf(issuer.key)
  const entries = revoked.map(({ serial, at }) => seq(integer(Buffer.from(serial.replaceAll(':', ''), 'hex')), time(at)))
  const extension = (id: string, value: Buffer): Buffer => seq(oid(id), tlv(0x04, value))
  const count = Buffer.alloc(4)
  count.writeUInt32BE(number)
  const extensions = [...(issuer.keyId === undefined ? [] : [extension('2.5.29.35', seq(tlv(0x80, Buffer.from(issuer.keyId, 'hex'))))]), extension('2.5.29.20', integer(count))]
  const body = seq(integer(Buffer.from([1])), algorithm.id, issuer.rawSubject, time(now), time(next), ...(entries.length === 0 ? [] : [seq(...entries)]), tlv(0xa0, seq(...extensions)))
  return seq(body, algorithm.id, tlv(0x03, Buffer.from([0]), sign(algorithm.hash, body, issuer.key)))
}

function algorithmOf(key: KeyObject): { readonly hash: string | null; readonly id: Buffer } {
  if (key.asymmetricKeyType === 'rsa') return { hash: 'sha256', id: seq(oid('1.2.840.113549.1.1.11'), Buffer.from([5, 0])) }
  if (key.asymmetricKeyType === 'ed25519') return { hash: null, id: seq(oid('1.3.101.112')) }
  return { hash: 'sha256', id: seq(oid('1.2.840.10045.4.3.2')) }
}

/** Where to find the issuer's certificate, its OCSP server and its list, as extensions. */
export function urlExtensions(urls: { readonly issuing: readonly string[]; readonly ocsp: readonly string[]; readonly crl: readonly string[] }): Buffer[] {
  const uri = (url: string): Buffer => tlv(0x86, Buffer.from(url))
  const access = [...urls.ocsp.map((url) => seq(oid('1.3.6.1.5.5.7.48.1'), uri(url))), ...urls.issuing.map((url) => seq(oid('1.3.6.1.5.5.7.48.2'), uri(url)))]
  return [
    ...(access.length === 0 ? [] : [seq(oid('1.3.6.1.5.5.7.1.1'), tlv(0x04, seq(...access)))]),
    ...(urls.crl.length === 0 ? [] : [seq(oid('2.5.29.31'), tlv(0x04, seq(...urls.crl.map((url) => seq(tlv(0xa0, tlv(0xa0, uri(url))))))))]),
  ]
}
