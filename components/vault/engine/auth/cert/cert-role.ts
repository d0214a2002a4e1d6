import { parseCertificates, type Certificate } from '@idp/pki'
import { flag, has, list, text, type Data } from '../../fields.ts'
import { badRequest } from '../../vault-error.ts'
import { noTokenFields, tokenFields, type TokenFields } from '../token-fields.ts'
import { extensionsOf, readDer } from './read-der.ts'
import { isForClients } from './trusted-chain.ts'

/** Who may log in with which certificate. Names are globs (`*`); an empty list allows any. */
export interface CertRole extends TokenFields {
  readonly certificate: string
  readonly display_name: string
  readonly allowed_names: readonly string[]
  readonly allowed_common_names: readonly string[]
  readonly allowed_dns_sans: readonly string[]
  readonly allowed_email_sans: readonly string[]
  readonly allowed_uri_sans: readonly string[]
  readonly allowed_organizational_units: readonly string[]
  /** `OID:glob` of a text, `hex:OID:glob` of the encoded value. */
  readonly required_extensions: readonly string[]
  readonly allowed_metadata_extensions: readonly string[]
}

const nameLists = ['allowed_names', 'allowed_common_names', 'allowed_dns_sans', 'allowed_email_sans', 'allowed_uri_sans', 'allowed_organizational_units', 'required_extensions', 'allowed_metadata_extensions'] as const

/** @throws VaultError 400 */
export function readCertRole(data: Data, name: string, known: CertRole | undefined): CertRole {
  if (flag(data, 'ocsp_enabled')) throw badRequest("'ocsp_enabled' is not supported by this server; give it the revocation list under crls/")
  const certificate = text(data, 'certificate', known?.certificate)
  const parsed = certificatesOf(certificate)
  if (parsed.length === 0) throw badRequest('failed to parse certificate')
  const [first] = parsed
  if (first?.isCa === false && !isForClients(first)) throw badRequest('non-CA certificates should have TLS client authentication set as an extended key usage')
  const lists = Object.fromEntries(nameLists.map((field) => [field, list(data, has(data, field) || field !== 'allowed_organizational_units' ? field : 'allowed_organization_units', known?.[field])])) as unknown as Pick<CertRole, (typeof nameLists)[number]>
  const wrong = lists.required_extensions.find((rule) => !/^(hex:)?\d+(\.\d+)+:/.test(rule))
  if (wrong !== undefined) throw badRequest(`the rule ${JSON.stringify(wrong)} of required_extensions is not OID:VALUE`)
  return { ...tokenFields(data, known ?? noTokenFields), certificate, display_name: text(data, 'display_name', known?.display_name) || name, ...lists }
}

/** The certificates of a PEM text; none when it cannot be read. */
export function certificatesOf(pem: string): Certificate[] {
  try {
    return parseCertificates(pem)
  } catch {
    return [] // what cannot be read is nobody's
  }
}

/** Whether the role's conditions on names and extensions hold. */
export function admits(role: CertRole, certificate: Certificate): boolean {
  const { subject, dnsNames, emails, uris } = certificate
  const names = [subject.commonName ?? '']
  const any = (globs: readonly string[], values: readonly string[]): boolean => globs.length === 0 || globs.some((glob) => values.some((value) => matchesGlob(glob, value)))
  return any(role.allowed_names, [...names, ...dnsNames, ...emails]) && any(role.allowed_common_names, names) && any(role.allowed_dns_sans, dnsNames) && any(role.allowed_email_sans, emails)
    && any(role.allowed_uri_sans, uris) && any(role.allowed_organizational_units, subject.organizationalUnits ?? []) && hasExtensions(role.required_extensions, certificate)
}

function hasExtensions(rules: readonly string[], { der }: Certificate): boolean {
  if (rules.length === 0) return true
  const extensions = extensionsOf(der)
  return rules.every((rule) => {
    const hex = rule.startsWith('hex:')
    const bare = hex ? rule.slice(4) : rule
    const value = extensions.get(bare.slice(0, bare.indexOf(':')))
    if (value === undefined) return false
    const glob = bare.slice(bare.indexOf(':') + 1)
    return hex ? matchesGlob(glob.toLowerCase(), value.toString('hex')) : matchesGlob(glob, extensionText(value))
  })
}

/** The text in an extension; the bytes as they are where it holds something else. */
function extensionText(value: Buffer): string {
  try {
    const [inner] = readDer(value)
    return inner === undefined || inner.tag === 0x30 ? value.toString() : inner.content.toString()
  } catch {
    return value.toString() // not DER at all
  }
}

/** Extensions that a token's metadata shows, by identifier with `-` in place of dots. */
export function shownExtensions(role: CertRole, { der }: Certificate): Record<string, string> {
  if (role.allowed_metadata_extensions.length === 0) return {}
  const extensions = extensionsOf(der)
  return Object.fromEntries(role.allowed_metadata_extensions.flatMap((id) => {
    const value = extensions.get(id)
    return value === undefined ? [] : [[id.replaceAll('.', '-'), extensionText(value)]]
  }))
}

/** `*` stands for any text; everything else for itself. Takes time in proportion to the text. */
function matchesGlob(glob: string, value: string): boolean {
  const parts = glob.split('*')
  const [first = ''] = parts
  if (parts.length === 1) return glob === value
  const last = parts.at(-1) ?? ''
  if (!value.startsWith(first) || !value.endsWith(last) || value.length < first.length + last.length) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= value.length - last.length
}
