import { constants, verify, type KeyObject } from 'node:crypto'
import { isRecord, parseJson } from '../../fields.ts'
import { badRequest } from '../../vault-error.ts'

export interface SigningKey { readonly key: KeyObject; readonly kid?: string }

/** Which keys an algorithm (RFC 7518) goes with. Symmetric ones and `none` are not among them. */
const algorithms: Readonly<Record<string, { readonly hash: string | null; readonly type: string; readonly curve?: string; readonly pss?: boolean }>> = {
  RS256: { hash: 'sha256', type: 'rsa' }, RS384: { hash: 'sha384', type: 'rsa' }, RS512: { hash: 'sha512', type: 'rsa' }, PS256: { hash: 'sha256', type: 'rsa', pss: true }, PS384: { hash: 'sha384', type: 'rsa', pss: true }, PS512: { hash: 'sha512', type: 'rsa', pss: true },
  ES256: { hash: 'sha256', type: 'ec', curve: 'prime256v1' }, ES384: { hash: 'sha384', type: 'ec', curve: 'secp384r1' }, ES512: { hash: 'sha512', type: 'ec', curve: 'secp521r1' }, EdDSA: { hash: null, type: 'ed25519' },
}

/** The claims of a token that one of the keys signed. @throws VaultError 400, which never holds the token */
export function verifySignature(token: string, keys: readonly SigningKey[], supported: readonly string[]): Readonly<Record<string, unknown>> {
  const [head = '', body = '', signature = '', ...rest] = token.split('.')
  const header = parseJson(Buffer.from(head, 'base64url').toString())
  const claims = parseJson(Buffer.from(body, 'base64url').toString())
  if (rest.length > 0 || !isRecord(header) || !isRecord(claims)) throw badRequest('error validating token: malformed jwt')
  const name = String(header['alg'])
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined
  if (algorithm === undefined || (supported.length > 0 && !supported.includes(name))) throw badRequest(`error validating token: unsupported signing algorithm ${JSON.stringify(name)}`)
  const { kid } = header
  const candidates = keys.filter((candidate) => (kid === undefined || candidate.kid === undefined || candidate.kid === kid) && candidate.key.asymmetricKeyType === algorithm.type && (algorithm.curve === undefined || candidate.key.asymmetricKeyDetails?.namedCurve === algorithm.curve))
  const signed = Buffer.from(`${head}.${body}`)
  const valid = candidates.some(({ key }) => verify(algorithm.hash, signed, algorithm.pss === true ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
  if (!valid) throw badRequest('error validating token: error verifying token signature: no known key successfully validated the token signature')
  return claims
}
