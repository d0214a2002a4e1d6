import { decodePem, type Certificate } from '@idp/pki'
import type { Answer, BackendRequest } from '../../backend.ts'
import { addressAllowed } from '../../core/bound-addresses.ts'
import type { ActiveFactory } from '../../core/active.ts'
import { flag, text } from '../../fields.ts'
import { badRequest, permissionDenied } from '../../vault-error.ts'
import { loginOf } from '../token-fields.ts'
import { admits, certificatesOf, readCertRole, shownExtensions, type CertRole } from './cert-role.ts'
import { revokedSerials } from './read-der.ts'
import { trustedChain } from './trusted-chain.ts'

interface Config { readonly disable_binding: boolean; readonly enable_identity_alias_metadata: boolean }
const standard: Config = { disable_binding: false, enable_identity_alias_metadata: false }

/** `auth/cert`: login by the certificate that the client proved to hold in the TLS handshake. */
export const certAuth: ActiveFactory = ({ storage, clock }) => {
  const nameOf = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()
  const roleOf = (name: string): CertRole | undefined => storage.get<CertRole>(`cert/${name}`)
  const configOf = (): Config => storage.get<Config>('config') ?? standard
  const isRevoked = (chain: readonly Certificate[]): boolean => storage.list('crl/').some((name) => {
    const serials = storage.get<readonly string[]>(`crl/${name}`) ?? []
    return chain.some(({ serial }) => serials.includes(serial))
  })

  function login({ data, certificatePem, remoteAddress }: BackendRequest): Answer {
    if (certificatePem === undefined) throw badRequest('client certificate must be supplied')
    const presented = certificatesOf(certificatePem)
    const [leaf] = presented
    if (leaf === undefined) throw badRequest('client certificate must be supplied')
    const wanted = text(data, 'name').toLowerCase()
    const names = wanted === '' ? storage.list('cert/') : [wanted]
    let trusted = false
    for (const name of names) {
      const role = roleOf(name)
      const chain = role === undefined ? undefined : trustedChain(presented, certificatesOf(role.certificate), clock.now())
      if (role === undefined || chain === undefined) continue
      trusted = true
      if (isRevoked(chain) || !admits(role, leaf)) continue
      if (!addressAllowed(role.token_bound_cidrs, remoteAddress)) throw permissionDenied()
      return { login: loginWith(role, name, leaf) }
    }
    throw badRequest(trusted ? 'no chain matching all constraints could be found for this login certificate' : 'invalid certificate or no client certificate supplied')
  }
  function loginWith(role: CertRole, name: string, leaf: Certificate): NonNullable<Answer['login']> {
    const commonName = leaf.subject.commonName ?? ''
    const metadata = {
      cert_name: name, common_name: commonName, serial_number: BigInt(`0x${leaf.serial}`).toString(), subject_key_id: colons(leaf.subjectKeyId), authority_key_id: colons(leaf.authorityKeyId),
      ...shownExtensions(role, leaf),
    }
    return { ...loginOf(role), displayName: role.display_name, metadata, ...(commonName === '' ? {} : { alias: { name: commonName, ...(configOf().enable_identity_alias_metadata ? { metadata } : {}) } }), internal: { role: name, fingerprint: leaf.fingerprint } }
  }
  return {
    routes: [
      { path: 'login', open: true, write: login },
      {
        path: 'config',
        read: () => ({ data: configOf() }),
        write: ({ data }) => void storage.put('config', {
          disable_binding: flag(data, 'disable_binding', configOf().disable_binding), enable_identity_alias_metadata: flag(data, 'enable_identity_alias_metadata', configOf().enable_identity_alias_metadata),
        } satisfies Config),
      },
      { path: 'certs', list: () => ({ data: { keys: storage.list('cert/') } }) },
      {
        path: 'certs/:name',
        exists: (request) => roleOf(nameOf(request)) !== undefined,
        read: (request) => {
          const role = roleOf(nameOf(request))
          return role === undefined ? undefined : { data: { ...role, ocsp_enabled: false } }
        },
        write: (request) => void storage.put(`cert/${nameOf(request)}`, readCertRole(request.data, nameOf(request), roleOf(nameOf(request)))),
        delete: (request) => void storage.delete(`cert/${nameOf(request)}`),
      },
      { path: 'crls', list: () => ({ data: { keys: storage.list('crl/') } }) },
      {
        path: 'crls/:name',
        exists: (request) => storage.get(`crl/${nameOf(request)}`) !== undefined,
        read: (request) => {
          const serials = storage.get<readonly string[]>(`crl/${nameOf(request)}`)
          return serials === undefined ? undefined : { data: { serials: Object.fromEntries(serials.map((serial) => [BigInt(`0x${serial}`).toString(), {}])) } }
        },
        write: (request) => void storage.put(`crl/${nameOf(request)}`, readList(request)),
        delete: (request) => void storage.delete(`crl/${nameOf(request)}`),
      },
    ],
    renewLogin(token, certificatePem) {
      const role = roleOf(token.internal['role'] ?? '')
      if (role === undefined) throw badRequest('the certificate role no longer exists')
      if (!configOf().disable_binding) {
        const presented = certificatesOf(certificatePem ?? '')
        if (presented[0]?.fingerprint !== token.internal['fingerprint']) throw badRequest('client identity during renewal not matching client identity used during login')
        const chain = trustedChain(presented, certificatesOf(role.certificate), clock.now())
        if (chain === undefined || isRevoked(chain) || !presented.slice(0, 1).every((leaf) => admits(role, leaf))) throw badRequest('no chain matching all constraints could be found for this login certificate')
      }
      return { ttl: role.token_ttl, maxTtl: role.token_max_ttl, period: role.token_period }
    },
  }
}

function colons(hex: string | undefined): string {
  return hex?.replaceAll(/..(?=.)/g, '$&:') ?? ''
}

function readList({ data }: BackendRequest): string[] {
  if (text(data, 'url') !== '') throw badRequest("'url' is not supported by this server; send the list as 'crl'")
  const source = text(data, 'crl')
  if (source === '') throw badRequest("one of 'crl' or 'url' must be set")
  try {
    const block = decodePem(source).find(({ label }) => label === 'X509 CRL')
    return revokedSerials(block === undefined ? Buffer.from(source, 'base64') : block.der)
  } catch {
    throw badRequest('failed to parse CRL')
  }
}
