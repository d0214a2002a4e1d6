import { exportKey, generateKey, parseCertificate, parseKey, signCertificate, type AlternativeNames, type Certificate, type KeyAlgorithm, type KeyUsage, type Subject } from '@idp/pki'
import { uuid, type Clock, type Random } from '@idp/kit'
import { list, text, type Data } from '../fields.ts'
import type { Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'
import { urlExtensions } from './crl.ts'

export interface Issuer { readonly id: string; readonly name: string; readonly certificate: string; readonly keyId: string; readonly chain: readonly string[]; readonly leafNotAfter: string; readonly usage: string; readonly revoked: number }
export interface StoredKey { readonly id: string; readonly name: string; readonly type: string; readonly pem: string }
export interface Urls { readonly issuing_certificates: readonly string[]; readonly crl_distribution_points: readonly string[]; readonly ocsp_servers: readonly string[]; readonly enable_templating: boolean }

/** Certificates of authorities and their keys; one is the default. */
export interface Issuers {
  all(): Issuer[]
  find(reference: string): Issuer | undefined
  /** @throws VaultError 400 when there is none */
  required(reference: string): Issuer
  save(issuer: Issuer): void
  remove(issuer: Issuer): void
  default(): string
  setDefault(id: string): void
  keys(): StoredKey[]
  key(reference: string): StoredKey | undefined
  saveKey(key: StoredKey): void
  removeKey(id: string): void
  urls(): Urls
  newKey(data: Data): Promise<StoredKey>
  add(certificate: string, keyId: string, name: string): Issuer
  sign(issuer: Issuer, template: { readonly subject: Subject; readonly names: AlternativeNames; readonly publicKey: Certificate['publicKey']; readonly usages: readonly KeyUsage[]; readonly notBefore: number; readonly notAfter: number; readonly isCa?: boolean; readonly maxPathLength?: number }): Certificate
}

export const serialOf = (certificate: Certificate): string => (certificate.serial.length % 2 === 0 ? certificate.serial : `0${certificate.serial}`).replaceAll(/(..)(?!$)/g, '$1:')

export function createIssuers(storage: Storage, _clock: Clock, random: Random): Issuers {
  const all = (): Issuer[] => storage.list('issuer/').flatMap((id) => storage.get<Issuer>(`issuer/${id}`) ?? [])
  const keys = (): StoredKey[] => storage.list('key/').flatMap((id) => storage.get<StoredKey>(`key/${id}`) ?? [])
  const defaultId = (): string => storage.get<string>('default-issuer') ?? ''
  const find = (reference: string): Issuer | undefined => {
    const id = reference === 'default' || reference === '' ? defaultId() : reference
    return storage.get<Issuer>(`issuer/${id}`) ?? all().find(({ name }) => name !== '' && name === id)
  }
  const urls = (): Urls => storage.get<Urls>('urls') ?? { issuing_certificates: [], crl_distribution_points: [], ocsp_servers: [], enable_templating: false }
  const issuers: Issuers = {
    all, find, keys, urls, default: defaultId,
    required(reference) {
      const found = find(reference)
      if (found === undefined) throw badRequest(reference === 'default' || reference === '' ? 'error fetching CA certificate: no default issuer currently configured' : `unable to find PKI issuer for reference: ${reference}`)
      return found
    },
    save: (issuer) => storage.put(`issuer/${issuer.id}`, issuer),
    remove(issuer) {
      storage.delete(`issuer/${issuer.id}`)
      if (defaultId() === issuer.id) storage.delete('default-issuer')
    },
    setDefault: (id) => storage.put('default-issuer', id),
    key: (reference) => storage.get<StoredKey>(`key/${reference}`) ?? keys().find(({ name, id }) => (name !== '' && name === reference) || (reference === 'default' && id === find('default')?.keyId)),
    saveKey: (key) => storage.put(`key/${key.id}`, key),
    removeKey: (id) => storage.delete(`key/${id}`),
    async newKey(data) {
      const type = text(data, 'key_type', 'rsa')
      const key = await generateKey(keyAlgorithm(type, Number(data['key_bits'] ?? 0)))
      const stored = { id: uuid(random), name: text(data, 'key_name'), type, pem: exportKey(key) }
      storage.put(`key/${stored.id}`, stored)
      return stored
    },
    add(certificate, keyId, name) {
      if (name !== '' && all().some((issuer) => issuer.name === name)) throw badRequest('issuer name already in use')
      const issuer: Issuer = { id: uuid(random), name, certificate, keyId, chain: [], leafNotAfter: 'err', usage: 'crl-signing,issuing-certificates,ocsp-signing,read-only', revoked: 0 }
      storage.put(`issuer/${issuer.id}`, issuer)
      if (defaultId() === '') storage.put('default-issuer', issuer.id)
      return issuer
    },
    sign(issuer, { names, ...template }) {
      const key = storage.get<StoredKey>(`key/${issuer.keyId}`)
      if (key === undefined) throw badRequest('the issuer has no key in this mount')
      const { issuing_certificates: issuing, ocsp_servers: ocsp, crl_distribution_points: crl } = urls()
      return parseCertificate(signCertificate({ ...template, ...names, extensions: urlExtensions({ issuing, ocsp, crl }), random }, { key: parseKey(key.pem), certificate: parseCertificate(issuer.certificate) }))
    },
  }
  return issuers
}

/** @throws VaultError 400 */
export function keyAlgorithm(type: string, bits: number): KeyAlgorithm {
  if (type === 'rsa' && [0, 2048, 3072, 4096, 8192].includes(bits)) return { type: 'RSA', size: bits === 0 ? 2048 : bits }
  if (type === 'ec' && [0, 256, 384, 521].includes(bits)) return { type: 'ECDSA', size: (bits === 0 ? 256 : bits) as 256 | 384 | 521 }
  if (type === 'ed25519') return { type: 'Ed25519' }
  throw badRequest(`unsupported key type ${type} of ${bits} bits`)
}

/** The subject that a request names part by part. */
export function subjectOf(data: Data): Subject {
  const part = (name: string): { readonly [key: string]: string[] } => {
    const values = list(data, name)
    const field = { ou: 'organizationalUnits', organization: 'organizations', country: 'countries', locality: 'localities', province: 'provinces', street_address: 'streetAddresses', postal_code: 'postalCodes' }[name] ?? name
    return values.length === 0 ? {} : { [field]: values }
  }
  return { ...(text(data, 'common_name') === '' ? {} : { commonName: text(data, 'common_name') }), ...part('ou'), ...part('organization'), ...part('country'), ...part('locality'), ...part('province'), ...part('street_address'), ...part('postal_code') }
}
