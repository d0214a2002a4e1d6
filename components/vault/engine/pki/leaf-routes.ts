import { algorithmOf, exportKey, generateKey, parseCertificate, publicKeyOf, type Certificate, type Csr } from '@idp/pki'
import { isIP } from 'node:net'
import type { Answer, BackendRequest, Route } from '../backend.ts'
import { flag, has, list, seconds, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { keyAlgorithm, serialOf, subjectOf, type Issuer } from './issuers.ts'
import { defaultRole, nameAllowed, readRole, usagesOf, type PkiRole } from './pki-role.ts'
import { chainOf, nameOf, readCsr, type PkiEngine } from './pki-engine.ts'

/** Certificates by a role: issued with a new key, signed for a request, and taken back. */
export function leafRoutes({ clock, issuers, certificates, roleOf }: PkiEngine): Route[] {
  function issue(data: Data, role: PkiRole, issuer: Issuer, publicKey: Certificate['publicKey'], csr: Csr | undefined) {
    const warnings: string[] = []
    const notAfter = certificates.endOf(data, role, issuer, warnings)
    const { common, names } = namesOf(data, role, csr)
    const subject = subjectOf({ common_name: common, ou: role.ou, organization: role.organization, country: role.country, locality: role.locality, province: role.province, street_address: role.street_address, postal_code: role.postal_code })
    const made = issuers.sign(issuer, { subject, names, publicKey, usages: usagesOf(role), notBefore: clock.now() - role.not_before_duration * 1000, notAfter })
    if (!role.no_store) certificates.save(made, issuer)
    return { made, warnings }
  }
  function answered(made: Certificate, issuer: Issuer, role: PkiRole, warnings: readonly string[], key?: { readonly pem: string; readonly type: string }): Answer {
    const serial = serialOf(made)
    const ttl = Math.floor((made.notAfter - clock.now()) / 1000)
    return {
      data: { ca_chain: chainOf(issuer), certificate: made.pem.trim(), expiration: Math.floor(made.notAfter / 1000), issuing_ca: issuer.certificate.trim(), ...(key === undefined ? {} : { private_key: key.pem.trim(), private_key_type: key.type }), serial_number: serial },
      warnings, ...(role.generate_lease ? { lease: { ttl, maxTtl: ttl, renewable: false, internal: { serial_number: serial } } } : {}),
    }
  }
  async function generate(request: BackendRequest, issuerReference: string | undefined): Promise<Answer> {
    const role = roleOf(nameOf(request))
    if (role === undefined) throw badRequest(`unknown role: ${nameOf(request)}`)
    const issuer = issuers.required(issuerReference ?? role.issuer_ref)
    const key = await generateKey(keyAlgorithm(role.key_type === 'any' ? 'rsa' : role.key_type, role.key_bits))
    const { made, warnings } = issue(request.data, role, issuer, publicKeyOf(key), undefined)
    const format = text(request.data, 'private_key_format', 'der')
    return answered(made, issuer, role, warnings, { pem: exportKey(key, format === 'pkcs8' ? 'PKCS8' : 'PKCS1'), type: role.key_type === 'any' ? 'rsa' : role.key_type })
  }
  function signCsr(request: BackendRequest, issuerReference: string | undefined): Answer {
    const role = roleOf(nameOf(request))
    if (role === undefined) throw badRequest(`unknown role: ${nameOf(request)}`)
    const csr = readCsr(request.data)
    const algorithm = algorithmOf(csr.publicKey)
    const type = algorithm.type === 'RSA' ? 'rsa' : algorithm.type === 'ECDSA' ? 'ec' : 'ed25519'
    if (role.key_type !== 'any' && role.key_type !== type) throw badRequest(`role requires keys of type ${role.key_type}`)
    if (type === 'rsa' && (algorithm.type === 'RSA' ? algorithm.size ?? 0 : 0) < Math.max(2048, role.key_bits)) throw badRequest(`role requires a minimum of a ${Math.max(2048, role.key_bits)}-bit key`)
    const issuer = issuers.required(issuerReference ?? role.issuer_ref)
    const { made, warnings } = issue(request.data, role, issuer, csr.publicKey, csr)
    return answered(made, issuer, role, warnings)
  }
  function signVerbatim(request: BackendRequest, issuerReference = 'default'): Answer {
    const csr = readCsr(request.data)
    const role: PkiRole = { ...defaultRole, ...roleOf(nameOf(request)), allow_any_name: true, enforce_hostnames: false, allowed_uri_sans: ['*'], key_type: 'any', require_cn: false }
    const issuer = issuers.required(issuerReference)
    const warnings: string[] = []
    const notAfter = certificates.endOf(request.data, role, issuer, warnings)
    const made = issuers.sign(issuer, { subject: csr.subject, names: csr, publicKey: csr.publicKey, usages: has(request.data, 'key_usage') ? usagesOf(readRole({ key_usage: request.data['key_usage'] }, { ...role, server_flag: false, client_flag: false })) : csr.usages.length > 0 ? csr.usages : usagesOf(role), notBefore: clock.now() - 30_000, notAfter })
    if (!role.no_store) certificates.save(made, issuer)
    return answered(made, issuer, role, warnings)
  }
  function revokeSerial(serial: string): Answer {
    const done = certificates.revoke(serial)
    if ('expired' in done) return { warnings: ['certificate with this serial has already expired; skipping revocation'], data: {} }
    return { data: { revocation_time: Math.floor(done.at / 1000), revocation_time_rfc3339: new Date(done.at).toISOString(), state: 'revoked' } }
  }
  return [
    { path: 'issuer/:issuer/issue/:name', write: (request) => generate(request, request.params['issuer']) }, { path: 'issuer/:issuer/sign/:name', write: (request) => signCsr(request, request.params['issuer']) },
    { path: 'issue/:name', write: (request) => generate(request, undefined) }, { path: 'sign/:name', write: (request) => signCsr(request, undefined) },
    { path: 'sign-verbatim', write: (request) => signVerbatim(request) }, { path: 'sign-verbatim/:name', write: (request) => signVerbatim(request) },
    { path: 'revoke', write: ({ data }) => revokeSerial(text(data, 'serial_number') === '' ? serialOf(parseCertificate(text(data, 'certificate'))) : text(data, 'serial_number')) },
    {
      path: 'tidy',
      write: ({ data }) => {
        if (flag(data, 'tidy_cert_store') || flag(data, 'tidy_revoked_certs')) certificates.tidy(seconds(data, 'safety_buffer', 259_200))
        return { status: 202, warnings: ['Tidy operation successfully started. Any information from the operation will be printed to Vault\'s server logs.'] }
      },
    },
  ]
}

/** The names of a certificate, as far as the role gives them. @throws VaultError 400 for the first it does not */
function namesOf(data: Data, role: PkiRole, csr: Csr | undefined) {
  const common = csr !== undefined && role.use_csr_common_name ? csr.subject.commonName ?? '' : text(data, 'common_name')
  if (common === '' && role.require_cn) throw badRequest('the common_name field is required, or must be provided in a CSR with "use_csr_common_name" set to true, unless "require_cn" is set to false')
  const fromCsr = csr !== undefined && role.use_csr_sans
  const asked = fromCsr ? [...csr.dnsNames, ...csr.emails] : list(data, 'alt_names')
  const all = [...new Set([...(common === '' || flag(data, 'exclude_cn_from_sans') || isIP(common) !== 0 ? [] : [common]), ...asked])]
  for (const name of [...(common === '' ? [] : [common]), ...asked]) if (isIP(name) === 0 && !nameAllowed(role, name)) throw badRequest(name === common ? `common name ${name} not allowed by this role` : `subject alternate name ${name} not allowed by this role`)
  const ipAddresses = fromCsr ? [...csr.ipAddresses] : list(data, 'ip_sans')
  if (ipAddresses.length > 0 && !role.allow_ip_sans) throw badRequest('IP Subject Alternative Names are not allowed in this role')
  if (ipAddresses.some((address) => isIP(address) === 0)) throw badRequest('the value of ip_sans holds no valid IP address')
  const uris = fromCsr ? [...csr.uris] : list(data, 'uri_sans')
  for (const uri of uris) if (!role.allowed_uri_sans.some((pattern) => new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`).test(uri))) throw badRequest('URI Subject Alternative Name are not allowed in this role, but was provided')
  if (has(data, 'other_sans') && list(data, 'other_sans').length > 0) throw badRequest('other_sans are not served by this server')
  return { common, names: { dnsNames: all.filter((name) => !name.includes('@')), emails: all.filter((name) => name.includes('@')), ipAddresses, uris } }
}
