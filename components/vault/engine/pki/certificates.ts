import { parseCertificate, parseKey, type Certificate } from '@idp/pki'
import type { BackendContext } from '../backend.ts'
import { seconds, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { createCrl } from './crl.ts'
import { serialOf, type Issuer, type Issuers } from './issuers.ts'
import type { PkiRole } from './pki-role.ts'

export interface StoredCertificate { readonly pem: string; readonly issuer: string; readonly revoked: number; readonly notAfter: number }

/** The certificates of a mount: kept, revoked, listed, and how long they may live. */
export interface Certificates {
  find(serial: string): StoredCertificate | undefined
  save(made: Certificate, issuer: Issuer): void
  serials(): string[]
  /** @throws VaultError 400 for one that is not known, or is an issuer's */
  revoke(serial: string): { readonly at: number } | { readonly expired: true }
  /** Forgets those that ended so many seconds ago. */
  tidy(bufferSeconds: number): void
  crlOf(issuer: Issuer): Buffer
  crlPem(issuer: Issuer): string
  /** When a certificate ends: the role's lifetimes, the mount's, and never after its issuer. Adds to `warnings` when that is sooner than asked. */
  endOf(data: Data, role: PkiRole | undefined, issuer: Issuer | undefined, warnings: string[]): number
}

export function createCertificates(context: BackendContext, issuers: Issuers): Certificates {
  const { storage, clock } = context
  const keyOf = (serial: string): string => `cert/${serial.toLowerCase().replaceAll('-', ':')}`
  const find = (serial: string): StoredCertificate | undefined => storage.get<StoredCertificate>(keyOf(serial))
  function crlOf(issuer: Issuer): Buffer {
    const key = issuers.key(issuer.keyId)
    if (key === undefined) throw badRequest('the issuer has no key in this mount')
    const own = parseCertificate(issuer.certificate)
    const revoked = storage.list('cert/').flatMap((serial) => {
      const found = find(serial)
      return found === undefined || found.revoked === 0 || found.issuer !== issuer.id ? [] : [{ serial, at: found.revoked }]
    })
    const number = (storage.get<number>('crl-number') ?? 0) + 1
    storage.put('crl-number', number)
    return createCrl({ key: parseKey(key.pem), rawSubject: own.rawSubject, keyId: own.subjectKeyId }, revoked, clock.now(), clock.now() + 72 * 3_600_000, number)
  }
  return {
    find, crlOf,
    save: (made, issuer) => storage.put(keyOf(serialOf(made)), { pem: made.pem, issuer: issuer.id, revoked: 0, notAfter: made.notAfter } satisfies StoredCertificate),
    serials: () => storage.list('cert/'),
    crlPem: (issuer) => `-----BEGIN X509 CRL-----\n${(crlOf(issuer).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END X509 CRL-----`,
    revoke(serial) {
      const found = find(serial)
      if (found === undefined) throw badRequest(`certificate with serial ${serial} not found`)
      if (found.notAfter < clock.now()) return { expired: true }
      if (issuers.all().some((issuer) => `cert/${serialOf(parseCertificate(issuer.certificate))}` === keyOf(serial))) throw badRequest('adding issuer to its own CRL is not allowed')
      const at = found.revoked === 0 ? clock.now() : found.revoked
      storage.put(keyOf(serial), { ...found, revoked: at })
      return { at }
    },
    tidy(bufferSeconds) {
      for (const serial of storage.list('cert/')) if ((find(serial)?.notAfter ?? Infinity) < clock.now() - bufferSeconds * 1000) storage.delete(`cert/${serial}`)
    },
    endOf(data, role, issuer, warnings) {
      const mount = context.lifetimes()
      const now = clock.now()
      if (text(data, 'not_after') !== '') {
        const end = Date.parse(text(data, 'not_after'))
        if (Number.isNaN(end)) throw badRequest('not_after is not a time')
        return end
      }
      const max = role !== undefined && role.max_ttl > 0 ? role.max_ttl : mount.max
      let ttl = seconds(data, 'ttl') || role?.ttl || (issuer === undefined ? mount.max : mount.default)
      if (ttl > max && issuer !== undefined) {
        warnings.push(`TTL "${ttl}s" is longer than permitted maxTTL "${max}s", so maxTTL is being used`)
        ttl = max
      }
      const end = now + ttl * 1000
      const issuerEnd = issuer === undefined ? Infinity : parseCertificate(issuer.certificate).notAfter
      if (end <= issuerEnd) return end
      if (issuer?.leafNotAfter === 'truncate') return issuerEnd
      if (issuer?.leafNotAfter === 'permit') return end
      throw badRequest(`cannot satisfy request, as TTL would result in notAfter of ${new Date(end).toISOString()} that is beyond the expiration of the CA certificate at ${new Date(issuerEnd).toISOString()}`)
    },
  }
}
