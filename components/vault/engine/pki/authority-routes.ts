import { createCsr, exportKey, keyMatches, parseCertificate, parseCertificates, parseKey, publicKeyOf, signCertificate } from '@idp/pki'
import { uuid } from '@idp/kit'
import type { Answer, BackendRequest, Route } from '../backend.ts'
import { flag, integer, list, text } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { urlExtensions } from './crl.ts'
import { serialOf, subjectOf } from './issuers.ts'
import { chainOf, readCsr, type PkiEngine } from './pki-engine.ts'

/** Roots and intermediates: made, signed and imported. */
export function authorityRoutes({ clock, random, issuers, certificates }: PkiEngine): Route[] {
  async function generateRoot({ data, params }: BackendRequest): Promise<Answer> {
    const kind = params['kind']
    if (kind !== 'internal' && kind !== 'exported' && kind !== 'existing') throw badRequest(`generating a root with a ${kind} key is not served by this server`)
    if (text(data, 'common_name') === '') throw badRequest('the common_name field is required')
    const key = kind === 'existing' ? issuers.key(text(data, 'key_ref', 'default')) : await issuers.newKey(data)
    if (key === undefined) throw badRequest('unable to find the key')
    const secret = parseKey(key.pem)
    const { issuing_certificates: issuing, ocsp_servers: ocsp, crl_distribution_points: crl } = issuers.urls()
    const path = integer(data, 'max_path_length', -1)
    const alternatives = list(data, 'alt_names')
    const common = text(data, 'common_name')
    const notAfter = certificates.endOf(data, undefined, undefined, [])
    const pem = signCertificate({ subject: subjectOf(data), dnsNames: [...(flag(data, 'exclude_cn_from_sans') || !/^[\w.*-]+$/.test(common) ? [] : [common]), ...alternatives], ipAddresses: list(data, 'ip_sans'), uris: list(data, 'uri_sans'), notBefore: clock.now() - 30_000, notAfter, publicKey: publicKeyOf(secret), isCa: true, usages: ['cert sign', 'crl sign'], extensions: urlExtensions({ issuing, ocsp, crl }), random, ...(path < 0 ? {} : { maxPathLength: path }) }, { key: secret })
    const made = parseCertificate(pem)
    const issuer = issuers.add(pem, key.id, text(data, 'issuer_name'))
    certificates.save(made, issuer)
    return { data: { certificate: pem.trim(), expiration: Math.floor(made.notAfter / 1000), issuer_id: issuer.id, issuer_name: issuer.name, issuing_ca: pem.trim(), key_id: key.id, key_name: key.name, serial_number: serialOf(made), ...(kind === 'exported' ? { private_key: exportKey(secret, 'PKCS1').trim(), private_key_type: key.type } : {}) } }
  }
  async function generateIntermediate({ data, params }: BackendRequest): Promise<Answer> {
    const kind = params['kind']
    if (kind !== 'internal' && kind !== 'exported' && kind !== 'existing') throw badRequest(`an intermediate with a ${kind} key is not served by this server`)
    const key = kind === 'existing' ? issuers.key(text(data, 'key_ref', 'default')) : await issuers.newKey(data)
    if (key === undefined) throw badRequest('unable to find the key')
    const secret = parseKey(key.pem)
    const csr = createCsr({ subject: subjectOf(data), key: secret, dnsNames: list(data, 'alt_names'), ipAddresses: list(data, 'ip_sans'), ...(flag(data, 'add_basic_constraints') ? { isCa: true } : {}) })
    return { data: { csr: csr.trim(), key_id: key.id, ...(kind === 'exported' ? { private_key: exportKey(secret, 'PKCS1').trim(), private_key_type: key.type } : {}) } }
  }
  function importBundle(pem: string): Answer {
    const certificates = parseCertificates(pem)
    const blocks = [...pem.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g)].map(([block]) => parseKey(block))
    const newKeys = blocks.map((key) => {
      const stored = { id: uuid(random), name: '', type: key.asymmetricKeyType === 'rsa' ? 'rsa' : key.asymmetricKeyType === 'ec' ? 'ec' : 'ed25519', pem: exportKey(key) }
      issuers.saveKey(stored)
      return stored
    })
    if (certificates.length === 0 && newKeys.length === 0) throw badRequest('no issuers or keys found in the bundle')
    const added = certificates.map((given) => {
      const key = issuers.keys().find(({ pem: secret }) => keyMatches(given, parseKey(secret)))
      return issuers.add(given.pem, key?.id ?? '', '')
    })
    for (const issuer of added) if (issuer.keyId !== '') { issuers.setDefault(issuer.id); issuers.save({ ...issuer, chain: added.filter(({ id }) => id !== issuer.id).map((other) => other.certificate) }) }
    return { data: { imported_issuers: added.map(({ id }) => id), imported_keys: newKeys.map(({ id }) => id), existing_issuers: null, existing_keys: null, mapping: Object.fromEntries(added.map(({ id, keyId }) => [id, keyId])) } }
  }
  function signIntermediate({ data }: BackendRequest, reference: string): Answer {
    const csr = readCsr(data)
    const issuer = issuers.required(reference)
    const warnings: string[] = []
    // An authority may outlive its issuer, as upstream decided; leaves may not.
    const notAfter = certificates.endOf(data, undefined, { ...issuer, leafNotAfter: 'permit' }, warnings)
    const own = parseCertificate(issuer.certificate)
    if (own.maxPathLength === 0) throw badRequest('the issuer may not sign other authorities: its path length is 0')
    const path = integer(data, 'max_path_length', -1)
    const made = issuers.sign(issuer, { subject: flag(data, 'use_csr_values') ? csr.subject : subjectOf(data), names: flag(data, 'use_csr_values') ? csr : { dnsNames: list(data, 'alt_names') }, publicKey: csr.publicKey, usages: ['cert sign', 'crl sign'], notBefore: clock.now() - 30_000, notAfter, isCa: true, ...(path < 0 ? {} : { maxPathLength: path }) })
    certificates.save(made, issuer)
    return { data: { ca_chain: chainOf(issuer), certificate: made.pem.trim(), expiration: Math.floor(made.notAfter / 1000), issuing_ca: issuer.certificate.trim(), serial_number: serialOf(made) }, warnings }
  }
  return [
    { path: 'root/generate/:kind', write: generateRoot }, { path: 'issuers/generate/root/:kind', write: generateRoot }, { path: 'root/rotate/:kind', write: generateRoot },
    { path: 'root/sign-intermediate', write: (request) => signIntermediate(request, 'default') }, { path: 'issuer/:issuer/sign-intermediate', write: (request) => signIntermediate(request, request.params['issuer'] ?? '') },
    {
      path: 'root/sign-self-issued', sudo: true,
      write: ({ data }) => {
        const given = parseCertificate(text(data, 'certificate'))
        if (!given.isCa || !given.rawIssuer.equals(given.rawSubject)) throw badRequest('given certificate is not a self-issued CA')
        const issuer = issuers.required('default')
        const made = issuers.sign(issuer, { subject: given.subject, names: given, publicKey: given.publicKey, usages: given.usages, notBefore: given.notBefore, notAfter: given.notAfter, isCa: true })
        return { data: { certificate: made.pem.trim(), issuing_ca: issuer.certificate.trim() } }
      },
    },
    {
      path: 'root', sudo: true,
      delete: () => {
        for (const issuer of issuers.all()) issuers.remove(issuer)
        for (const key of issuers.keys()) issuers.removeKey(key.id)
        return undefined
      },
    },
    { path: 'intermediate/generate/:kind', write: generateIntermediate }, { path: 'issuers/generate/intermediate/:kind', write: generateIntermediate },
    { path: 'intermediate/set-signed', write: ({ data }) => importBundle(text(data, 'certificate')) }, { path: 'config/ca', write: ({ data }) => importBundle(text(data, 'pem_bundle')) },
    { path: 'issuers/import/bundle', write: ({ data }) => importBundle(text(data, 'pem_bundle')) }, { path: 'issuers/import/cert', write: ({ data }) => importBundle(text(data, 'pem_bundle')) },
  ]
}
