import { Secret } from '@idp/api'
import type { Scope } from '@idp/controller'
import { isCoded, messageOf } from '@idp/kit'
import { parseKey, publicKeyOf } from '@idp/pki'
import { dataOf } from '../engine/reissue.ts'
import { signSelf, signWithCa, type Asked, type Signed } from '../engine/sign.ts'
import type { AnyIssuer } from '../kinds/cert-manager.ts'
import { readCa } from './issuer.ts'
import { isVaultRefusal, signWithVault } from './vault.ts'
import { secretNamespace, type World } from './world.ts'

/** A signature, or why there is none (yet). `reason` is the event's; `again` asks for another try. */
export type Result = Signed | { readonly reason: string; readonly pending: string; readonly again?: unknown } | { readonly reason: string; readonly failed: string }

export interface Request extends Asked {
  readonly pem: string
  /** Where the key is that a self-signed certificate is signed with. */
  readonly ownKey: { readonly secret: string | undefined; readonly namespace: string; readonly annotation: string }
}

/** Signs with an issuer of type CA, self-signed or Vault. @throws CodedError for requests that cannot be signed */
export async function sign(issuer: AnyIssuer, request: Request, scope: Scope, world: World): Promise<Result> {
  const { spec } = issuer
  if (spec.ca !== undefined) {
    const ca = readCa(scope.cache(Secret).get(spec.ca.secretName, secretNamespace(issuer, world.clusterNamespace)), spec.ca.secretName)
    const { crlDistributionPoints, ocspServers, issuingCertificateURLs } = spec.ca
    const access = { crl: crlDistributionPoints ?? [], ocsp: ocspServers ?? [], issuer: issuingCertificateURLs ?? [] }
    return 'key' in ca ? signWithCa({ ...request, access }, ca) : { reason: 'SecretGetError', pending: ca.message }
  }
  if (spec.vault !== undefined) return byVault(issuer, request, scope, world)
  const { secret: name, namespace, annotation } = request.ownKey
  if (name === undefined || name === '') return { reason: 'MissingAnnotation', failed: `Annotation "${annotation}" missing or reference empty: cannot self sign` }
  const key = dataOf(scope.cache(Secret).get(name, namespace), 'tls.key')
  if (key === undefined) return { reason: 'MissingSecret', pending: `Referenced secret ${namespace}/${name} not found` }
  const parsed = parseKey(key)
  if (!publicKeyOf(parsed).equals(request.csr.publicKey)) return { reason: 'ErrorKeyMatch', failed: 'Error generating certificate template: CSR not signed by referenced private key' }
  return signSelf({ ...request, access: { crl: spec.selfSigned?.crlDistributionPoints ?? [] } }, parsed)
}

async function byVault(issuer: AnyIssuer, { csr, pem, duration }: Request, scope: Scope, world: World): Promise<Result> {
  try {
    return await signWithVault(issuer, { csr, pem, duration }, scope, world)
  } catch (error) {
    // What Vault refuses stays refused; where it cannot be asked it is asked again.
    if (isVaultRefusal(error) && error.status >= 400 && error.status < 500) return { reason: 'SigningError', failed: `Vault failed to sign certificate: failed to sign certificate by vault: ${error.message}` }
    if (!isVaultRefusal(error) && !isCoded(error)) throw error
    return { reason: 'VaultInitError', pending: `Failed to initialise vault client for signing: ${messageOf(error)}`, again: error }
  }
}
