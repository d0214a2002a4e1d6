import type { KeyUsage } from '@idp/pki'
import { flag, has, integer, list, seconds, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'

/** What certificates a role gives. Names are the API's; times are seconds. */
export interface PkiRole {
  readonly issuer_ref: string
  readonly ttl: number
  readonly max_ttl: number
  readonly not_before_duration: number
  readonly not_after: string
  readonly allow_localhost: boolean
  readonly allowed_domains: readonly string[]
  readonly allowed_domains_template: boolean
  readonly allow_bare_domains: boolean
  readonly allow_subdomains: boolean
  readonly allow_glob_domains: boolean
  readonly allow_wildcard_certificates: boolean
  readonly allow_any_name: boolean
  readonly enforce_hostnames: boolean
  readonly allow_ip_sans: boolean
  readonly allowed_uri_sans: readonly string[]
  readonly allowed_other_sans: readonly string[]
  readonly server_flag: boolean
  readonly client_flag: boolean
  readonly code_signing_flag: boolean
  readonly email_protection_flag: boolean
  readonly key_type: string
  readonly key_bits: number
  readonly signature_bits: number
  readonly key_usage: readonly string[]
  readonly ext_key_usage: readonly string[]
  readonly use_csr_common_name: boolean
  readonly use_csr_sans: boolean
  readonly ou: readonly string[]
  readonly organization: readonly string[]
  readonly country: readonly string[]
  readonly locality: readonly string[]
  readonly province: readonly string[]
  readonly street_address: readonly string[]
  readonly postal_code: readonly string[]
  readonly generate_lease: boolean
  readonly no_store: boolean
  readonly require_cn: boolean
}

export const defaultRole: PkiRole = {
  issuer_ref: 'default', ttl: 0, max_ttl: 0, not_before_duration: 30, not_after: '', allow_localhost: true, allowed_domains: [], allowed_domains_template: false, allow_bare_domains: false, allow_subdomains: false, allow_glob_domains: false,
  allow_wildcard_certificates: true, allow_any_name: false, enforce_hostnames: true, allow_ip_sans: true, allowed_uri_sans: [], allowed_other_sans: [], server_flag: true, client_flag: true, code_signing_flag: false, email_protection_flag: false,
  key_type: 'rsa', key_bits: 0, signature_bits: 0, key_usage: ['DigitalSignature', 'KeyAgreement', 'KeyEncipherment'], ext_key_usage: [], use_csr_common_name: true, use_csr_sans: true, ou: [], organization: [], country: [], locality: [], province: [],
  street_address: [], postal_code: [], generate_lease: false, no_store: false, require_cn: true,
}

const times: ReadonlySet<string> = new Set(['ttl', 'max_ttl', 'not_before_duration'])

/** @throws VaultError 400 */
export function readRole(data: Data, known: PkiRole): PkiRole {
  const read = Object.fromEntries(Object.entries(known).map(([name, before]) => {
    if (!has(data, name)) return [name, before]
    if (times.has(name)) return [name, seconds(data, name)]
    if (typeof before === 'boolean') return [name, flag(data, name)]
    if (typeof before === 'number') return [name, integer(data, name)]
    return [name, Array.isArray(before) ? list(data, name) : text(data, name)]
  })) as unknown as PkiRole
  if (!['rsa', 'ec', 'ed25519', 'any'].includes(read.key_type)) throw badRequest(`unknown key type ${read.key_type}`)
  if (read.key_type === 'rsa' && ![0, 2048, 3072, 4096, 8192].includes(read.key_bits)) throw badRequest(`unsupported bit length for RSA key: ${read.key_bits}`)
  if (read.key_type === 'ec' && ![0, 256, 384, 521].includes(read.key_bits)) throw badRequest(`unsupported bit length for EC key: ${read.key_bits}`)
  if (read.max_ttl > 0 && read.ttl > read.max_ttl) throw badRequest('"ttl" value must be less than "max_ttl" value')
  if (read.allowed_domains_template) throw badRequest('allowed_domains_template is not served by this server')
  return { ...read, key_bits: read.key_bits === 0 ? (read.key_type === 'rsa' ? 2048 : read.key_type === 'ec' ? 256 : 0) : read.key_bits }
}

const usages: Readonly<Record<string, KeyUsage>> = {
  digitalsignature: 'digital signature', contentcommitment: 'content commitment', keyencipherment: 'key encipherment', dataencipherment: 'data encipherment', keyagreement: 'key agreement', certsign: 'cert sign', crlsign: 'crl sign', encipheronly: 'encipher only', decipheronly: 'decipher only',
  any: 'any', serverauth: 'server auth', clientauth: 'client auth', codesigning: 'code signing', emailprotection: 'email protection', ipsecendsystem: 'ipsec end system', ipsectunnel: 'ipsec tunnel', ipsecuser: 'ipsec user', timestamping: 'timestamping', ocspsigning: 'ocsp signing',
}

/** Key usages of a role, by their names in either spelling (`KeyUsageDigitalSignature`, `DigitalSignature`). */
export function usagesOf(role: PkiRole): KeyUsage[] {
  const named = (name: string): KeyUsage[] => {
    const usage = usages[name.toLowerCase().replace(/^(ext)?keyusage/, '')]
    return usage === undefined ? [] : [usage]
  }
  return [...role.key_usage.flatMap(named), ...role.ext_key_usage.flatMap(named), ...(role.server_flag ? ['server auth' as const] : []), ...(role.client_flag ? ['client auth' as const] : []), ...(role.code_signing_flag ? ['code signing' as const] : []), ...(role.email_protection_flag ? ['email protection' as const] : [])]
}

const hostname = /^(\*\.)?([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)*\.?$/

/** Whether the role gives certificates for a name. */
export function nameAllowed(role: PkiRole, asked: string): boolean {
  const name = asked.includes('@') ? asked.slice(asked.lastIndexOf('@') + 1) : asked
  const wildcard = name.startsWith('*.')
  const bare = wildcard ? name.slice(2) : name
  if (role.enforce_hostnames && !hostname.test(name)) return false
  if (wildcard && !role.allow_wildcard_certificates) return false
  if (role.allow_any_name) return true
  if (role.allow_localhost && (bare === 'localhost' || bare === 'localdomain')) return true
  return role.allowed_domains.some((given) => {
    const domain = given.toLowerCase()
    const wanted = name.toLowerCase()
    if (role.allow_bare_domains && wanted === domain) return true
    if (role.allow_subdomains && (wanted.endsWith(`.${domain}`) || (wildcard && bare.toLowerCase() === domain))) return true
    return role.allow_glob_domains && domain.includes('*') && new RegExp(`^${domain.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')}$`).test(wanted)
  })
}
