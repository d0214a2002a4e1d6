import { constants, verify, type KeyObject } from 'node:crypto'
import { jwtAlgorithms } from '../../jwt-algorithms.ts'
import { isRecord, parseJson } from '../../fields.ts'
import { badRequest } from '../../vault-error.ts'

export interface SigningKey { readonly key: KeyObject; readonly kid?: string }

/** The claims of a token that one of the keys signed. @throws VaultError 400, which never holds the token */
export function verifySignature(token: string, keys: readonly SigningKey[], supported: readonly string[]): Readonly<Record<string, unknown>> {
  const [head = '', body = '', signature = '', ...rest] = token.split('.')
  const header = parseJson(Buffer.from(head, 'base64url').toString())
  const claims = parseJson(Buffer.from(body, 'base64url').toString())
  if (rest.length > 0 || !isRecord(header) || !isRecord(claims)) throw badRequest('error validating token: malformed jwt')
  const name = String(header['alg'])
  const algorithm = Object.hasOwn(jwtAlgorithms, name) ? jwtAlgorithms[name] : undefined
  if (algorithm === undefined || (supported.length > 0 && !supported.includes(name))) throw badRequest(`error validating token: unsupported signing algorithm ${JSON.stringify(name)}`)
  const { kid } = header
  const candidates = keys.filter((candidate) => (kid === undefined || candidate.kid === undefined || candidate.kid === kid) && candidate.key.asymmetricKeyType === algorithm.type && (algorithm.curve === undefined || candidate.key.asymmetricKeyDetails?.namedCurve === algorithm.curve))
  const signed = Buffer.from(`${head}.${body}`)
  const valid = candidates.some(({ key }) => verify(algorithm.hash, signed, algorithm.pss === true ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
  if (!valid) throw badRequest('error validating token: error verifying token signature: no known key successfully validated the token signature')
  return claims
}
