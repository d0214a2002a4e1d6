import { parseCertificate } from '@idp/pki'
import type { Answer, BackendRequest, Route } from '../backend.ts'
import { has, list, text } from '../fields.ts'
import { badRequest, notFound, VaultError } from '../vault-error.ts'
import { serialOf, type Issuer } from './issuers.ts'
import { chainOf, derAnswer as der, pemAnswer as pem, type PkiEngine } from './pki-engine.ts'

/** Issuers, their keys, and what the mount is told about them. */
export function issuerRoutes({ clock, storage, issuers, certificates }: PkiEngine): Route[] {
  const crlConfig = () => storage.get<Record<string, unknown>>('crl-config') ?? { expiry: '72h', disable: false, ocsp_disable: false, ocsp_expiry: '12h', auto_rebuild: false, auto_rebuild_grace_period: '12h', enable_delta: false, delta_rebuild_interval: '15m', cross_cluster_revocation: false, unified_crl: false, unified_crl_on_existing_paths: false, max_crl_entries: 100_000 }
  const issuerJson = (issuer: Issuer) => ({ ca_chain: chainOf(issuer), certificate: issuer.certificate, issuer_id: issuer.id, issuer_name: issuer.name, key_id: issuer.keyId, leaf_not_after_behavior: issuer.leafNotAfter, manual_chain: null, usage: issuer.usage, revocation_signature_algorithm: '', issuing_certificates: [], crl_distribution_points: [], ocsp_servers: [], enable_aia_url_templating: false, revoked: issuer.revoked !== 0, ...(issuer.revoked === 0 ? {} : { revocation_time: Math.floor(issuer.revoked / 1000), revocation_time_rfc3339: new Date(issuer.revoked).toISOString() }) })
  const changeIssuer = (request: BackendRequest): Answer => {
    const issuer = issuers.required(request.params['issuer'] ?? '')
    const behavior = text(request.data, 'leaf_not_after_behavior', issuer.leafNotAfter)
    if (!['err', 'truncate', 'permit'].includes(behavior)) throw badRequest(`unknown value for field leaf_not_after_behavior: ${behavior}`)
    const next = { ...issuer, name: text(request.data, 'issuer_name', issuer.name), leafNotAfter: behavior, usage: has(request.data, 'usage') ? list(request.data, 'usage').join(',') : issuer.usage }
    issuers.save(next)
    return { data: issuerJson(next) }
  }
  return [
    { path: 'issuers', list: () => ({ data: { keys: issuers.all().map(({ id }) => id), key_info: Object.fromEntries(issuers.all().map((issuer) => [issuer.id, { issuer_name: issuer.name, is_default: issuer.id === issuers.default(), key_id: issuer.keyId, serial_number: serialOf(parseCertificate(issuer.certificate)) }])) } }) },
    { path: 'issuer/:issuer/json', open: true, read: ({ params }) => { const issuer = issuers.required(params['issuer'] ?? ''); return { data: { ca_chain: chainOf(issuer), certificate: issuer.certificate, issuer_id: issuer.id, issuer_name: issuer.name } } } },
    { path: 'issuer/:issuer/pem', open: true, read: ({ params }) => pem(issuers.required(params['issuer'] ?? '').certificate) }, { path: 'issuer/:issuer/der', open: true, read: ({ params }) => der(issuers.required(params['issuer'] ?? '').certificate) },
    { path: 'issuer/:issuer/crl/pem', open: true, read: ({ params }) => pem(certificates.crlPem(issuers.required(params['issuer'] ?? '')), 'application/x-pem-file') },
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
  ]
}
