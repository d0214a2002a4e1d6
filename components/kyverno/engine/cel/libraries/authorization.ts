import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto'
import { boolType, CelFault, dynType, global, intType, jsonToCel, member, objectType, opaqueType, CelOpaque, stringType, type CelLibrary, type CelType, type CelValue } from '@idp/lang-cel'
import type { JsonObject } from '@idp/formats'

/** The answer of a policy with `evaluation.mode: HTTP` or `Envoy`. */
export class Authorization extends CelOpaque {
  readonly celType: CelType
  readonly allowed: boolean
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  constructor(celType: CelType, { allowed, status, body = '', headers = {} }: { readonly allowed: boolean; readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }) {
    super()
    this.celType = celType
    this.allowed = allowed
    this.status = status
    this.body = body
    this.headers = headers
  }
}

const answerType = opaqueType('authz.Answer')
const responseType = opaqueType('authz.Response')
const answer = (value: CelValue | undefined): Authorization => value as Authorization
const denied = (status: number, body: string): Authorization => new Authorization(answerType, { allowed: false, status, body })
const allowed = (): Authorization => new Authorization(answerType, { allowed: true, status: 200 })

const tokenType = objectType('jwt.Token', (field) => ({ Valid: { type: boolType }, Claims: { type: dynType }, Header: { type: dynType } })[field])

/** A token of HS256 (a shared secret) or RS256 (a public key in PEM); `Valid` only when signed so and within its time. */
function decodeToken(text: string, key: string, now: number): CelValue {
  const [head = '', body = '', signature = ''] = text.split('.')
  const part = (encoded: string): JsonObject => JSON.parse(Buffer.from(encoded, 'base64url').toString()) as JsonObject
  try {
    const [header, claims] = [part(head), part(body)]
    const given = Buffer.from(signature, 'base64url')
    const { exp, nbf } = claims as { exp?: number; nbf?: number }
    const inTime = (exp === undefined || exp * 1000 > now) && (nbf === undefined || nbf * 1000 <= now)
    return { Header: jsonToCel(header), Claims: jsonToCel(claims), Valid: inTime && isSigned(String(header['alg']), `${head}.${body}`, given, key) }
  } catch {
    return { Header: {}, Claims: {}, Valid: false }
  }
}

function isSigned(algorithm: string, text: string, signature: Buffer, key: string): boolean {
  if (algorithm === 'HS256') {
    const wanted = createHmac('sha256', key).update(text).digest()
    return wanted.length === signature.length && timingSafeEqual(wanted, signature)
  }
  if (algorithm === 'RS256') return verify('RSA-SHA256', Buffer.from(text), createPublicKey(key), signature)
  throw new CelFault(`unsupported token algorithm ${algorithm}`)
}

/** `http.Allowed()`, `http.Denied(reason)`, `envoy.Allowed()`, `envoy.Denied(status)`, `.WithBody`, `.WithHeader`, `.Response()`, `jwt.Decode(token, key)`. */
export function authorizationLibrary(now: () => number): CelLibrary {
  return {
    name: 'kyverno.authz', types: [tokenType],
    functions: [
      { name: 'http.Allowed', overloads: [global([], answerType, allowed)] }, { name: 'http.Denied', overloads: [global([stringType], answerType, (reason) => denied(403, String(reason)))] },
      { name: 'envoy.Allowed', overloads: [global([], answerType, allowed)] }, { name: 'envoy.Denied', overloads: [global([intType], answerType, (status) => denied(Number(status), ''))] },
      { name: 'WithBody', overloads: [member([answerType, stringType], answerType, (one, body) => new Authorization(answerType, { ...answer(one), body: String(body) }))] },
      { name: 'WithHeader', overloads: [member([answerType, stringType, stringType], answerType, (one, name, value) => new Authorization(answerType, { ...answer(one), headers: { ...answer(one).headers, [String(name)]: String(value) } }))] },
      { name: 'Response', overloads: [member([answerType], responseType, (one) => new Authorization(responseType, answer(one)))] },
      { name: 'jwt.Decode', overloads: [global([stringType, stringType], tokenType, (token, key) => decodeToken(String(token), String(key), now()))] },
    ],
  }
}

/** What to tell of an answer. */
export const wordsOf = ({ allowed: ok, status, body }: Authorization): string => (ok ? 'allowed' : `denied with ${status}${body === '' ? '' : `: ${body}`}`)
