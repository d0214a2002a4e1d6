import { createCipheriv, createHmac } from 'node:crypto'

/** Fatal alerts for what can be wrong with a client's certificate (RFC 8446 §6.2); codes are Node's names of OpenSSL's verdicts. */
const alerts: Readonly<Record<string, number>> = {
  CERT_HAS_EXPIRED: 45, CRL_HAS_EXPIRED: 45, CERT_NOT_YET_VALID: 42, CERT_REVOKED: 44, CERT_REJECTED: 42, CERT_UNTRUSTED: 42, CERT_SIGNATURE_FAILURE: 51, INVALID_PURPOSE: 43,
  DEPTH_ZERO_SELF_SIGNED_CERT: 48, SELF_SIGNED_CERT_IN_CHAIN: 48, UNABLE_TO_GET_ISSUER_CERT: 48, UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 48, UNABLE_TO_VERIFY_LEAF_SIGNATURE: 48,
  INVALID_CA: 48, PATH_LENGTH_EXCEEDED: 48, CERT_CHAIN_TOO_LONG: 48,
}

/** The alert for a certificate that was refused (`certificate_unknown` when nothing more exact fits), or for none at all, undefined here: TLS 1.3 has one of its own for that. */
export function alertFor(verdict: string | undefined, protocol: string | null): number {
  if (verdict === undefined) return protocol === 'TLSv1.3' ? 116 : 40
  return alerts[verdict] ?? 46
}

const suites: Readonly<Record<string, { readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'; readonly key: number; readonly hash: 'sha256' | 'sha384' }>> = {
  TLS_AES_128_GCM_SHA256: { cipher: 'aes-128-gcm', key: 16, hash: 'sha256' },
  TLS_AES_256_GCM_SHA384: { cipher: 'aes-256-gcm', key: 32, hash: 'sha384' },
  TLS_CHACHA20_POLY1305_SHA256: { cipher: 'chacha20-poly1305', key: 32, hash: 'sha256' },
}

/**
 * The record that carries a fatal alert right after the client's last handshake message, before the server has sent anything under the application's keys.
 * TLS 1.3 encrypts it as the first record of those keys (RFC 8446 §5.2); TLS 1.2 sends it as it is, since the server has not changed its cipher yet (RFC 5246 §7.2).
 * Node verifies clients' certificates itself, after OpenSSL, and has no call for alerts.
 * @param secret the server's application traffic secret, in TLS 1.3
 * @returns undefined for a cipher suite that is not known here
 */
export function alertRecord(alert: number, { protocol, suite, secret }: { readonly protocol: string | null; readonly suite: string; readonly secret: Buffer | undefined }): Buffer | undefined {
  if (protocol !== 'TLSv1.3') return Buffer.from([21, 3, 3, 0, 2, 2, alert])
  const known = suites[suite]
  if (known === undefined || secret === undefined) return undefined
  const header = Buffer.from([23, 3, 3, 0, 3 + 16])
  // The nonce is the initialisation vector, changed by the number of the record, which is 0.
  const sealing = createCipheriv(known.cipher as 'aes-128-gcm', expandLabel(known.hash, secret, 'key', known.key), expandLabel(known.hash, secret, 'iv', 12), { authTagLength: 16 })
  sealing.setAAD(header)
  return Buffer.concat([header, sealing.update(Buffer.from([2, alert, 21])), sealing.final(), sealing.getAuthTag()])
}

/** HKDF-Expand-Label without context (RFC 8446 §7.1), for no more than one block of the hash. */
function expandLabel(hash: 'sha256' | 'sha384', secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`, 'latin1')
  return createHmac(hash, secret).update(Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])])).digest().subarray(0, length)
}
