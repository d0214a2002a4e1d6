import { uuid } from '@idp/kit'
import { flag, integer, text, type Data } from '../engine/fields.ts'
import { base62 } from '../engine/random-text.ts'
import { checkShares } from '../engine/core/seal.ts'
import type { Vault } from '../engine/core/vault.ts'
import { badRequest } from '../engine/vault-error.ts'
import { decodeKey } from './decode-key.ts'

const otpLength = 28

interface Attempt { readonly nonce: string; readonly shares: Uint8Array[] }

/** What holders of key shares do together: new shares, and a new root token. Attempts live in memory only, as upstream's do. */
export interface KeyCeremonies {
  rekeyStatus(): object
  rekeyStart(data: Data): object
  rekeyCancel(): void
  rekeyUpdate(data: Data): Promise<object>
  verifyStatus(): object
  verifyRestart(): object
  verifyUpdate(data: Data): Promise<object>
  rootStatus(): object
  rootStart(data: Data): object
  rootCancel(): void
  rootUpdate(data: Data): Promise<object>
}

interface Rekey extends Attempt { readonly n: number; readonly t: number; readonly verify: boolean }
interface Verification extends Attempt { readonly keys: readonly Uint8Array[]; readonly t: number; readonly n: number; readonly install: () => Promise<void> }

export function createKeyCeremonies(vault: Vault): KeyCeremonies {
  const { random } = vault.options
  let rekey: Rekey | undefined
  let verification: Verification | undefined
  let root: (Attempt & { readonly otp: string; readonly mine: boolean }) | undefined
  const required = (): number => vault.keys.config()?.threshold ?? 0
  /** Adds a share; the root key once there are enough of them. */
  async function gather(attempt: Attempt, data: Data): Promise<Uint8Array | undefined> {
    if (text(data, 'key') === '') throw badRequest("'key' must be specified in request body as JSON")
    if (text(data, 'nonce') !== attempt.nonce) throw badRequest(`incorrect nonce supplied; nonce for this operation is ${attempt.nonce}`)
    const share = decodeKey(text(data, 'key'))
    if (attempt.shares.some((known) => Buffer.from(known).equals(share))) throw badRequest('given key has already been provided during this generation operation')
    attempt.shares.push(share)
    if (attempt.shares.length < required()) return undefined
    const key = await vault.keys.rootKeyOf(attempt.shares.splice(0))
    if (key === undefined) throw badRequest('rekey operation failed: the key shares are not right')
    return key
  }
  const hexAndBase64 = (keys: readonly Uint8Array[]) => ({ keys: keys.map((key) => Buffer.from(key).toString('hex')), keys_base64: keys.map((key) => Buffer.from(key).toString('base64')) })
  const ceremonies: KeyCeremonies = {
    rekeyStatus() {
      vault.opened()
      return { started: rekey !== undefined, nonce: rekey?.nonce ?? '', t: rekey?.t ?? 0, n: rekey?.n ?? 0, progress: rekey?.shares.length ?? 0, required: required(), pgp_fingerprints: null, backup: false, verification_required: rekey?.verify ?? false, ...(verification === undefined ? {} : { verification_nonce: verification.nonce }) }
    },
    rekeyStart(data) {
      vault.opened()
      if (rekey !== undefined) throw badRequest('rekey already in progress')
      if (data['pgp_keys'] !== undefined && data['pgp_keys'] !== null) throw badRequest('pgp_keys are not served by this server')
      const [n, t] = [integer(data, 'secret_shares'), integer(data, 'secret_threshold')]
      checkShares(n, t)
      rekey = { nonce: uuid(random), shares: [], n, t, verify: flag(data, 'require_verification') }
      return ceremonies.rekeyStatus()
    },
    rekeyCancel() {
      rekey = undefined
      verification = undefined
    },
    async rekeyUpdate(data) {
      if (rekey === undefined) throw badRequest('no rekey in progress')
      const { nonce, n, t, verify } = rekey
      const key = await gather(rekey, data)
      if (key === undefined) return ceremonies.rekeyStatus()
      const made = await vault.keys.rekey(key, n, t)
      const answer = { nonce, complete: true, ...hexAndBase64(made.keys), pgp_fingerprints: null, backup: false, verification_required: verify }
      if (!verify) {
        await made.install()
        rekey = undefined
        return answer
      }
      verification = { nonce: uuid(random), shares: [], keys: made.keys, t, n, install: made.install }
      return { ...answer, verification_nonce: verification.nonce }
    },
    verifyStatus() {
      if (verification === undefined) throw badRequest('no rekey verification in progress')
      return { nonce: verification.nonce, started: true, t: verification.t, n: verification.n, progress: verification.shares.length }
    },
    verifyRestart() {
      if (verification === undefined) throw badRequest('no rekey verification in progress')
      verification = { ...verification, nonce: uuid(random), shares: [] }
      return ceremonies.verifyStatus()
    },
    async verifyUpdate(data) {
      if (verification === undefined) throw badRequest('no rekey verification in progress')
      if (text(data, 'nonce') !== verification.nonce) throw badRequest(`incorrect nonce supplied; nonce for this verify operation is ${verification.nonce}`)
      const share = decodeKey(text(data, 'key'))
      if (!verification.keys.some((key) => Buffer.from(key).equals(share))) throw badRequest('rekey verification failed: the key share is not right')
      if (!verification.shares.some((known) => Buffer.from(known).equals(share))) verification.shares.push(share)
      const { nonce, shares, t } = verification
      if (shares.length < t) return ceremonies.verifyStatus()
      await verification.install()
      ceremonies.rekeyCancel()
      return { nonce, complete: true }
    },
    rootStatus() {
      vault.opened()
      return { started: root !== undefined, nonce: root?.nonce ?? '', progress: root?.shares.length ?? 0, required: required(), complete: false, encoded_token: '', encoded_root_token: '', pgp_fingerprint: '', otp: '', otp_length: otpLength }
    },
    rootStart(data) {
      vault.opened()
      if (root !== undefined) throw badRequest('root generation already in progress')
      if (text(data, 'pgp_key') !== '') throw badRequest('pgp_key is not served by this server')
      const given = text(data, 'otp')
      if (given !== '' && given.length !== otpLength) throw badRequest(`OTP string is wrong length, expected ${otpLength}`)
      root = { nonce: uuid(random), shares: [], otp: given === '' ? base62(random, otpLength) : given, mine: given === '' }
      return { ...ceremonies.rootStatus(), otp: root.mine ? root.otp : '' }
    },
    rootCancel() {
      root = undefined
    },
    async rootUpdate(data) {
      if (root === undefined) throw badRequest('no root generation in progress')
      const { nonce, otp } = root
      const key = await gather(root, data)
      if (key === undefined) return ceremonies.rootStatus()
      root = undefined
      const active = vault.opened()
      const token = active.tokens.create({ policies: ['root'], path: 'auth/token/root', ttl: 0, displayName: 'root', renewable: false })
      await active.barrier.flush()
      const encoded = Buffer.from([...Buffer.from(token.id)].map((byte, i) => byte ^ otp.charCodeAt(i))).toString('base64').replace(/=+$/, '')
      return { started: true, nonce, progress: required(), required: required(), complete: true, encoded_token: encoded, encoded_root_token: encoded, pgp_fingerprint: '', otp: '', otp_length: otpLength }
    },
  }
  return ceremonies
}
