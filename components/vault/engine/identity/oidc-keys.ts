import { constants, createPrivateKey, createPublicKey, sign, type JsonWebKey, type KeyObject } from 'node:crypto'
import { exportKey, generateKey, type KeyAlgorithm } from '@idp/pki'
import { uuid, type Clock, type Random } from '@idp/kit'
import { jwtAlgorithms } from '../jwt-algorithms.ts'
import type { Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'

/** A named key that signs identity tokens. Times are seconds, points in time milliseconds. */
export interface OidcKey {
  readonly rotation_period: number
  readonly verification_ttl: number
  readonly algorithm: string
  readonly allowed_client_ids: readonly string[]
  readonly rotateAt: number
  readonly signing: { readonly id: string; readonly pem: string }
  /** Halves of keys that signed before, until the tokens they signed have ended. */
  readonly former: readonly { readonly id: string; readonly jwk: JsonWebKey; readonly until: number }[]
}
export type OidcKeySettings = Pick<OidcKey, 'rotation_period' | 'verification_ttl' | 'algorithm' | 'allowed_client_ids'>

export interface OidcKeys {
  names(): string[]
  find(name: string): OidcKey | undefined
  save(name: string, settings: OidcKeySettings): Promise<void>
  remove(name: string): void
  /** A new pair; the old one verifies for `verificationTtl` seconds more. */
  rotate(name: string, verificationTtl: number): Promise<void>
  /** The compact JWT of the claims. The key is rotated first when its time has come. */
  sign(name: string, claims: object): Promise<string>
  /** Every public half that still verifies, of all keys. */
  publicKeys(): JsonWebKey[]
}

const pairs: Readonly<Record<string, KeyAlgorithm>> = {
  RS256: { type: 'RSA' }, RS384: { type: 'RSA' }, RS512: { type: 'RSA' }, ES256: { type: 'ECDSA', size: 256 }, ES384: { type: 'ECDSA', size: 384 }, ES512: { type: 'ECDSA', size: 521 }, EdDSA: { type: 'Ed25519' },
}
export const signingAlgorithms: readonly string[] = Object.keys(pairs)

/** Keys of identity tokens. A rotation that is due happens when the key is next used. */
export function createOidcKeys(storage: Storage, clock: Clock, random: Random): OidcKeys {
  const find = (name: string): OidcKey | undefined => storage.get<OidcKey>(`oidc/key/${name}`)
  const put = (name: string, key: OidcKey): OidcKey => {
    storage.put(`oidc/key/${name}`, key)
    return key
  }
  const newPair = async (algorithm: string): Promise<OidcKey['signing']> => ({ id: uuid(random), pem: exportKey(await generateKey(pairs[algorithm])) })
  const jwkOf = (id: string, pem: string, alg: string): JsonWebKey => ({ ...createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' }), use: 'sig', kid: id, alg })
  async function rotated(key: OidcKey, verificationTtl: number): Promise<OidcKey> {
    const now = clock.now()
    const former = [...key.former.filter(({ until }) => until > now), { id: key.signing.id, jwk: jwkOf(key.signing.id, key.signing.pem, key.algorithm), until: now + verificationTtl * 1000 }]
    return { ...key, verification_ttl: verificationTtl, former, signing: await newPair(key.algorithm), rotateAt: now + key.rotation_period * 1000 }
  }
  return {
    names: () => storage.list('oidc/key/'),
    find,
    async save(name, settings) {
      if (!(settings.algorithm in pairs)) throw badRequest(`unknown signing algorithm ${JSON.stringify(settings.algorithm)}`)
      if (settings.rotation_period < 60) throw badRequest('rotation_period must be at least one minute')
      if (settings.verification_ttl > 10 * settings.rotation_period) throw badRequest('verification_ttl cannot be longer than 10x rotation_period')
      const known = find(name)
      if (known !== undefined && known.algorithm === settings.algorithm) put(name, { ...known, ...settings, rotateAt: Math.min(known.rotateAt, clock.now() + settings.rotation_period * 1000) })
      else put(name, { ...settings, rotateAt: clock.now() + settings.rotation_period * 1000, signing: await newPair(settings.algorithm), former: known === undefined ? [] : (await rotated(known, known.verification_ttl)).former })
    },
    remove: (name) => storage.delete(`oidc/key/${name}`),
    async rotate(name, verificationTtl) {
      const key = find(name)
      if (key === undefined) throw badRequest(`no named key found at ${JSON.stringify(name)}`)
      put(name, await rotated(key, verificationTtl))
    },
    async sign(name, claims) {
      const known = find(name)
      if (known === undefined) throw badRequest(`key ${JSON.stringify(name)} not found`)
      const key = known.rotateAt > clock.now() ? known : put(name, await rotated(known, known.verification_ttl))
      return compactJwt({ alg: key.algorithm, kid: key.signing.id }, claims, createPrivateKey(key.signing.pem))
    },
    publicKeys: () => storage.list('oidc/key/').flatMap((name) => {
      const key = find(name)
      if (key === undefined) return []
      return [jwkOf(key.signing.id, key.signing.pem, key.algorithm), ...key.former.filter(({ until }) => until > clock.now()).map(({ jwk }) => jwk)]
    }),
  }
}

function compactJwt(header: { readonly alg: string; readonly kid: string }, claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part(header)}.${part(claims)}`
  const { hash = null, pss } = jwtAlgorithms[header.alg] ?? {}
  const signature = sign(hash, Buffer.from(signed), pss === true ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
