import { createCsr, exportKey, generateKey, parseCertificate, parseCertificates, parseCsr, parseKey, publicKeyOf, signCertificate, keyMatches, algorithmOf, type Certificate, type Csr } from '@idp/pki'
import { isCoded, uuid } from '@idp/kit'
import { isIP } from 'node:net'
import type { Answer, Backend, BackendContext, BackendRequest, Route } from '../backend.ts'
import { flag, has, integer, list, seconds, text, type Data } from '../fields.ts'
import { badRequest, notFound, VaultError } from '../vault-error.ts'
import { createCrl, urlExtensions } from './crl.ts'
import { createIssuers, keyAlgorithm, serialOf, subjectOf, type Issuer } from './issuers.ts'
import { defaultRole, nameAllowed, readRole, usagesOf, type PkiRole } from './pki-role.ts'

interface StoredCertificate { readonly pem: string; readonly issuer: string; readonly revoked: number; readonly notAfter: number }

/** `pki`: authorities, roles, certificates and revocation. */
export function pki(context: BackendContext): Backend {
  const { storage, clock, random } = context
  const issuers = createIssuers(storage, clock, random)
  const roleOf = (name: string): PkiRole | undefined => storage.get<PkiRole>(`role/${name}`)
  const nameOf = ({ params }: BackendRequest): string => params['name'] ?? ''
  const certificate = (serial: string): StoredCertificate | undefined => storage.get<StoredCertificate>(`cert/${serial.toLowerCase().replaceAll('-', ':')}`)
  const saveCertificate = (made: Certificate, issuer: Issuer): void => storage.put(`cert/${serialOf(made)}`, { pem: made.pem, issuer: issuer.id, revoked: 0, notAfter: made.notAfter } satisfies StoredCertificate)
  const chainOf = (issuer: Issuer): string[] => [issuer.certificate, ...issuer.chain].map((pem) => pem.trim())
  const crlConfig = () => storage.get<Record<string, unknown>>('crl-config') ?? { expiry: '72h', disable: false, ocsp_disable: false, ocsp_expiry: '12h', auto_rebuild: false, auto_rebuild_grace_period: '12h', enable_delta: false, delta_rebuild_interval: '15m', cross_cluster_revocation: false, unified_crl: false, unified_crl_on_existing_paths: false, max_crl_entries: 100_000 }

  function crlOf(issuer: Issuer): Buffer {
    const key = issuers.key(issuer.keyId)
    if (key === undefined) throw badRequest('the issuer has no key in this mount')
    const own = parseCertificate(issuer.certificate)
    const revoked = storage.list('cert/').flatMap((serial) => {
      const found = certificate(serial)
      return found === undefined || found.revoked === 0 || found.issuer !== issuer.id ? [] : [{ serial, at: found.revoked }]
    })
    const number = (storage.get<number>('crl-number') ?? 0) + 1
    storage.put('crl-number', number)
    return createCrl({ key: parseKey(key.pem), rawSubject: own.rawSubject, keyId: own.subjectKeyId }, revoked, clock.now(), clock.now() + 72 * 3_600_000, number)
  }
  /** When a certificate ends: the role's lifetimes, the mount's, and never after its issuer. */
  function endOf(data: Data, role: PkiRole | undefined, issuer: Issuer | undefined, warnings: string[]): number {
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
  }
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
  function issue(data: Data, role: PkiRole, issuer: Issuer, publicKey: Certificate['publicKey'], csr: Csr | undefined) {
    const warnings: string[] = []
    const notAfter = endOf(data, role, issuer, warnings)
    const { common, names } = namesOf(data, role, csr)
    const subject = subjectOf({ common_name: common, ou: role.ou, organization: role.organization, country: role.country, locality: role.locality, province: role.province, street_address: role.street_address, postal_code: role.postal_code })
    const made = issuers.sign(issuer, { subject, names, publicKey, usages: usagesOf(role), notBefore: clock.now() - role.not_before_duration * 1000, notAfter })
    if (!role.no_store) saveCertificate(made, issuer)
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
    const notAfter = endOf(request.data, role, issuer, warnings)
    const made = issuers.sign(issuer, { subject: csr.subject, names: csr, publicKey: csr.publicKey, usages: has(request.data, 'key_usage') ? usagesOf(readRole({ key_usage: request.data['key_usage'] }, { ...role, server_flag: false, client_flag: false })) : csr.usages.length > 0 ? csr.usages : usagesOf(role), notBefore: clock.now() - 30_000, notAfter })
    if (!role.no_store) saveCertificate(made, issuer)
    return answered(made, issuer, role, warnings)
  }
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
    const notAfter = endOf(data, undefined, undefined, [])
    const pem = signCertificate({ subject: subjectOf(data), dnsNames: [...(flag(data, 'exclude_cn_from_sans') || !/^[\w.*-]+$/.test(common) ? [] : [common]), ...alternatives], ipAddresses: list(data, 'ip_sans'), uris: list(data, 'uri_sans'), notBefore: clock.now() - 30_000, notAfter, publicKey: publicKeyOf(secret), isCa: true, usages: ['cert sign', 'crl sign'], extensions: urlExtensions({ issuing, ocsp, crl }), random, ...(path < 0 ? {} : { maxPathLength: path }) }, { key: secret })
    const made = parseCertificate(pem)
    const issuer = issuers.add(pem, key.id, text(data, 'issuer_name'))
    saveCertificate(made, issuer)
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
    const notAfter = endOf(data, undefined, { ...issuer, leafNotAfter: 'permit' }, warnings)
    const own = parseCertificate(issuer.certificate)
    if (own.maxPathLength === 0) throw badRequest('the issuer may not sign other authorities: its path length is 0')
    const path = integer(data, 'max_path_length', -1)
    const made = issuers.sign(issuer, { subject: flag(data, 'use_csr_values') ? csr.subject : subjectOf(data), names: flag(data, 'use_csr_values') ? csr : { dnsNames: list(data, 'alt_names') }, publicKey: csr.publicKey, usages: ['cert sign', 'crl sign'], notBefore: clock.now() - 30_000, notAfter, isCa: true, ...(path < 0 ? {} : { maxPathLength: path }) })
    saveCertificate(made, issuer)
    return { data: { ca_chain: chainOf(issuer), certificate: made.pem.trim(), expiration: Math.floor(made.notAfter / 1000), issuing_ca: issuer.certificate.trim(), serial_number: serialOf(made) }, warnings }
  }
  function revokeSerial(serial: string): Answer {
    const normal = serial.toLowerCase().replaceAll('-', ':')
    const found = certificate(normal)
    if (found === undefined) throw badRequest(`certificate with serial ${serial} not found`)
    if (found.notAfter < clock.now()) return { warnings: ['certificate with this serial has already expired; skipping revocation'], data: {} }
    if (issuers.all().some((issuer) => serialOf(parseCertificate(issuer.certificate)) === normal)) throw badRequest('adding issuer to its own CRL is not allowed')
    const at = found.revoked === 0 ? clock.now() : found.revoked
    storage.put(`cert/${normal}`, { ...found, revoked: at })
    return { data: { revocation_time: Math.floor(at / 1000), revocation_time_rfc3339: new Date(at).toISOString(), state: 'revoked' } }
  }
  const pem = (body: string, type = 'application/pem-certificate-chain'): Answer => ({ raw: { type, body } })
  const der = (certificatePem: string): Answer => ({ raw: { type: 'application/pkix-cert', body: parseCertificate(certificatePem).der } })
  const crlPem = (issuer: Issuer): string => `-----BEGIN X509 CRL-----\n${(crlOf(issuer).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END X509 CRL-----`
  const issuerJson = (issuer: Issuer) => ({ ca_chain: chainOf(issuer), certificate: issuer.certificate, issuer_id: issuer.id, issuer_name: issuer.name, key_id: issuer.keyId, leaf_not_after_behavior: issuer.leafNotAfter, manual_chain: null, usage: issuer.usage, revocation_signature_algorithm: '', issuing_certificates: [], crl_distribution_points: [], ocsp_servers: [], enable_aia_url_templating: false, revoked: issuer.revoked !== 0, ...(issuer.revoked === 0 ? {} : { revocation_time: Math.floor(issuer.revoked / 1000), revocation_time_rfc3339: new Date(issuer.revoked).toISOString() }) })
  const changeIssuer = (request: BackendRequest): Answer => {
    const issuer = issuers.required(request.params['issuer'] ?? '')
    const behavior = text(request.data, 'leaf_not_after_behavior', issuer.leafNotAfter)
    if (!['err', 'truncate', 'permit'].includes(behavior)) throw badRequest(`unknown value for field leaf_not_after_behavior: ${behavior}`)
    const next = { ...issuer, name: text(request.data, 'issuer_name', issuer.name), leafNotAfter: behavior, usage: has(request.data, 'usage') ? list(request.data, 'usage').join(',') : issuer.usage }
    issuers.save(next)
    return { data: issuerJson(next) }
  }
  const readCertificateAt = (serial: string): Answer | undefined => {
    if (serial === 'ca' || serial === 'ca_chain') {
      const issuer = issuers.find('default')
      return issuer === undefined ? undefined : { data: { certificate: (serial === 'ca' ? issuer.certificate : chainOf(issuer).join('\n')).trim(), revocation_time: 0, ca_chain: chainOf(issuer) } }
    }
    if (serial === 'crl') return { data: { certificate: crlPem(issuers.required('default')), revocation_time: 0 } }
    const found = certificate(serial)
    return found === undefined ? undefined : { data: { certificate: found.pem.trim(), issuer_id: found.issuer, revocation_time: Math.floor(found.revoked / 1000), revocation_time_rfc3339: found.revoked === 0 ? '' : new Date(found.revoked).toISOString() } }
  }
  const routes: Route[] = [
    { path: 'ca', open: true, read: () => der(issuers.required('default').certificate) },
    { path: 'ca/pem', open: true, read: () => pem(issuers.required('default').certificate.trim(), 'application/pkix-cert') },
    { path: 'ca_chain', open: true, read: () => pem(chainOf(issuers.required('default')).join('\n')) },
    { path: 'crl', open: true, read: () => ({ raw: { type: 'application/pkix-crl', body: crlOf(issuers.required('default')) } }) },
    { path: 'crl/pem', open: true, read: () => pem(crlPem(issuers.required('default')), 'application/x-pem-file') },
    { path: 'crl/rotate', read: () => { crlOf(issuers.required('default')); return { data: { success: true } } } },
    { path: 'cert/ca/raw/pem', open: true, read: () => pem(issuers.required('default').certificate.trim(), 'application/pem-certificate-chain') },
    { path: 'cert/:serial', open: true, read: ({ params }) => readCertificateAt(params['serial'] ?? '') },
    { path: 'certs', list: () => ({ data: { keys: storage.list('cert/') } }) },
    { path: 'certs/revoked', list: () => ({ data: { keys: storage.list('cert/').filter((serial) => (certificate(serial)?.revoked ?? 0) !== 0) } }) },
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
    { path: 'issuers', list: () => ({ data: { keys: issuers.all().map(({ id }) => id), key_info: Object.fromEntries(issuers.all().map((issuer) => [issuer.id, { issuer_name: issuer.name, is_default: issuer.id === issuers.default(), key_id: issuer.keyId, serial_number: serialOf(parseCertificate(issuer.certificate)) }])) } }) },
    { path: 'issuer/:issuer/json', open: true, read: ({ params }) => { const issuer = issuers.required(params['issuer'] ?? ''); return { data: { ca_chain: chainOf(issuer), certificate: issuer.certificate, issuer_id: issuer.id, issuer_name: issuer.name } } } },
    { path: 'issuer/:issuer/pem', open: true, read: ({ params }) => pem(issuers.required(params['issuer'] ?? '').certificate) }, { path: 'issuer/:issuer/der', open: true, read: ({ params }) => der(issuers.required(params['issuer'] ?? '').certificate) },
    { path: 'issuer/:issuer/crl/pem', open: true, read: ({ params }) => pem(crlPem(issuers.required(params['issuer'] ?? '')), 'application/x-pem-file') },
    { path: 'issuer/:issuer/issue/:name', write: (request) => generate(request, request.params['issuer']) }, { path: 'issuer/:issuer/sign/:name', write: (request) => signCsr(request, request.params['issuer']) },
    { path: 'issuer/:issuer/revoke', write: ({ params }) => { const issuer = issuers.required(params['issuer'] ?? ''); const next = { ...issuer, revoked: issuer.revoked === 0 ? clock.now() : issuer.revoked, usage: 'crl-signing,ocsp-signing,read-only' }; issuers.save(next); return { data: issuerJson(next) } } },
    {
      path: 'issuer/:issuer', read: ({ params }) => { const issuer = issuers.find(params['issuer'] ?? ''); if (issuer === undefined) throw new VaultError(500, `unable to find PKI issuer for reference: ${params['issuer'] ?? ''}`); return { data: issuerJson(issuer) } },
      write: changeIssuer, patch: changeIssuer, delete: ({ params }) => { issuers.remove(issuers.required(params['issuer'] ?? '')); return undefined },
    },
    { path: 'keys', list: () => ({ data: { keys: issuers.keys().map(({ id }) => id), key_info: Object.fromEntries(issuers.keys().map((key) => [key.id, { key_name: key.name, is_default: key.id === issuers.find('default')?.keyId }])) } }) },
    { path: 'key/:key', read: ({ params }) => { const key = issuers.key(params['key'] ?? ''); if (key === undefined) throw notFound(); return { data: { key_id: key.id, key_name: key.name, key_type: key.type } } }, delete: ({ params }) => void issuers.removeKey(params['key'] ?? '') },
    { path: 'config/issuers', read: () => ({ data: { default: issuers.default(), default_follows_latest_issuer: false } }), write: ({ data }) => { const issuer = issuers.required(text(data, 'default')); issuers.setDefault(issuer.id); return { data: { default: issuer.id, default_follows_latest_issuer: false } } } },
    { path: 'config/urls', read: () => ({ data: issuers.urls() }), write: ({ data }) => { const known = issuers.urls(); const next = { issuing_certificates: list(data, 'issuing_certificates', known.issuing_certificates), crl_distribution_points: list(data, 'crl_distribution_points', known.crl_distribution_points), ocsp_servers: list(data, 'ocsp_servers', known.ocsp_servers), enable_templating: false }; storage.put('urls', next); return { data: next } } },
    { path: 'config/crl', read: () => ({ data: crlConfig() }), write: ({ data }) => { const next = { ...crlConfig(), ...Object.fromEntries(Object.entries(data).filter(([key]) => key in crlConfig())) }; storage.put('crl-config', next); return { data: next } } },
    { path: 'roles', list: () => ({ data: { keys: storage.list('role/') } }) },
    {
      path: 'roles/:name', exists: (request) => roleOf(nameOf(request)) !== undefined,
      read: (request) => { const role = roleOf(nameOf(request)); return role === undefined ? undefined : { data: role } },
      write: (request) => { const role = readRole(request.data, defaultRole); storage.put(`role/${nameOf(request)}`, role); return { data: role } },
      patch: (request) => { const known = roleOf(nameOf(request)); if (known === undefined) throw notFound(); const role = readRole(request.data, known); storage.put(`role/${nameOf(request)}`, role); return { data: role } },
      delete: (request) => void storage.delete(`role/${nameOf(request)}`),
    },
    { path: 'issue/:name', write: (request) => generate(request, undefined) }, { path: 'sign/:name', write: (request) => signCsr(request, undefined) },
    { path: 'sign-verbatim', write: (request) => signVerbatim(request) }, { path: 'sign-verbatim/:name', write: (request) => signVerbatim(request) },
    { path: 'revoke', write: ({ data }) => revokeSerial(text(data, 'serial_number') === '' ? serialOf(parseCertificate(text(data, 'certificate'))) : text(data, 'serial_number')) },
    {
      path: 'tidy',
      write: ({ data }) => {
        if (flag(data, 'tidy_cert_store') || flag(data, 'tidy_revoked_certs')) for (const serial of storage.list('cert/')) if ((certificate(serial)?.notAfter ?? Infinity) < clock.now() - seconds(data, 'safety_buffer', 259_200) * 1000) storage.delete(`cert/${serial}`)
        return { status: 202, warnings: ['Tidy operation successfully started. Any information from the operation will be printed to Vault\'s server logs.'] }
      },
    },
  ]
  return { routes, revoke: (internal) => { if (certificate(String(internal['serial_number'])) !== undefined) revokeSerial(String(internal['serial_number'])) } }
}

function readCsr(data: Data): Csr {
  if (text(data, 'csr') === '') throw badRequest('"csr" is empty')
  try {
    return parseCsr(text(data, 'csr'))
  } catch (error) {
    if (isCoded(error)) throw badRequest(`certificate request could not be parsed: ${error.message}`)
    throw error
  }
}
