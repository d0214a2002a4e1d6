import type { Backend, BackendContext, BackendRequest, Route } from '../backend.ts'
import { flag, has, integer, isRecord, seconds, text, type Data } from '../fields.ts'
import { toolRoutes } from '../system/tool-routes.ts'
import { badRequest, VaultError } from '../vault-error.ts'
import { canDerive, canEncrypt, canSign, decrypt, encrypt, isSymmetric, keyTypes, newVersion, privateKeyOf, publicKeyOf, type CipherOptions, type KeyType, type KeyVersion, type TransitKey } from './transit-key.ts'
import { hmacData, sameBytes, signData, verifyData, type SignOptions } from './transit-sign.ts'

/** `transit`: cryptography with keys that never leave. */
export function transit({ storage, clock, random }: BackendContext): Backend {
  const keyOf = (name: string): TransitKey | undefined => storage.get<TransitKey>(`key/${name}`)
  const save = (key: TransitKey): void => storage.put(`key/${key.name}`, key)
  const nameOf = ({ params }: BackendRequest): string => params['name'] ?? ''
  const found = (request: BackendRequest): TransitKey => {
    const key = keyOf(nameOf(request))
    if (key === undefined) throw badRequest('encryption key not found')
    return key
  }
  function create(name: string, data: Data): TransitKey {
    const type = text(data, 'type', 'aes256-gcm96') as KeyType
    if (!keyTypes.includes(type)) throw badRequest(`unknown key type ${type}`)
    const [derived, convergent] = [flag(data, 'derived'), flag(data, 'convergent_encryption')]
    if (convergent && !derived) throw badRequest('convergent encryption requires derivation to be enabled')
    if (derived && !canDerive(type)) throw badRequest(`key derivation and convergent encryption not supported for keys of type ${type}`)
    const key: TransitKey = {
      name, type, versions: { 1: newVersion(type, random, clock.now(), integer(data, 'key_size', 32)) }, latest: 1, minDecryption: 1, minEncryption: 0, minAvailable: 0, deletionAllowed: false, derived, convergent,
      exportable: flag(data, 'exportable'), plaintextBackup: flag(data, 'allow_plaintext_backup'), autoRotate: seconds(data, 'auto_rotate_period'), imported: false,
    }
    save(key)
    return key
  }
  const rotate = (key: TransitKey): TransitKey => {
    const next = { ...key, latest: key.latest + 1, versions: { ...key.versions, [key.latest + 1]: newVersion(key.type, random, clock.now()) } }
    save(next)
    return next
  }
  const routes: Route[] = [
    { path: 'keys', list: () => ({ data: { keys: storage.list('key/') } }) },
    {
      path: 'keys/:name/config',
      write: (request) => {
        const key = found(request)
        const next: TransitKey = {
          ...key, minDecryption: integer(request.data, 'min_decryption_version', key.minDecryption) || 1, minEncryption: integer(request.data, 'min_encryption_version', key.minEncryption), deletionAllowed: flag(request.data, 'deletion_allowed', key.deletionAllowed),
          exportable: key.exportable || flag(request.data, 'exportable'), plaintextBackup: key.plaintextBackup || flag(request.data, 'allow_plaintext_backup'), autoRotate: seconds(request.data, 'auto_rotate_period', key.autoRotate),
        }
        if (next.minDecryption > key.latest || next.minEncryption > key.latest) throw badRequest(`cannot set min decryption version of ${next.minDecryption}, latest key version is ${key.latest}`)
        if (next.minEncryption !== 0 && next.minEncryption < next.minDecryption) throw badRequest('min encryption version should not be less than min decryption version')
        save(next)
        return { data: shown(next) }
      },
    },
    { path: 'keys/:name/rotate', write: (request) => ({ data: shown(rotate(found(request))) }) },
    {
      path: 'keys/:name/trim',
      write: (request) => {
        const key = found(request)
        const min = integer(request.data, 'min_available_version')
        if (min < 1 || min > key.latest || key.minEncryption < min || key.minDecryption < min) throw badRequest('minimum available version must be at most the minimum decryption and encryption versions')
        const next = { ...key, minAvailable: min, versions: Object.fromEntries(Object.entries(key.versions).filter(([number]) => Number(number) >= min)) }
        save(next)
        return { data: shown(next) }
      },
    },
    {
      path: 'keys/:name',
      exists: (request) => keyOf(nameOf(request)) !== undefined,
      read: (request) => {
        const key = keyOf(nameOf(request))
        return key === undefined ? undefined : { data: shown(key) }
      },
      write: (request) => {
        const known = keyOf(nameOf(request))
        return known === undefined ? { data: shown(create(nameOf(request), request.data)) } : { data: shown(known), warnings: [`key ${nameOf(request)} already existed`] }
      },
      delete: (request) => {
        if (!found(request).deletionAllowed) throw badRequest(`error deleting policy ${nameOf(request)}: deletion is not allowed for this key`)
        storage.delete(`key/${nameOf(request)}`)
        return undefined
      },
    },
    ...['export/:kind/:name', 'export/:kind/:name/:version'].map((path): Route => ({ path, read: (request) => ({ data: exported(found(request), request.params['kind'] ?? '', request.params['version'] ?? '') }) })),
    {
      path: 'backup/:name',
      read: (request) => {
        const key = found(request)
        if (!key.exportable) throw new VaultError(500, 'exporting is disallowed on the policy')
        if (!key.plaintextBackup) throw new VaultError(500, 'plaintext backup is disallowed on the policy')
        return { data: { backup: Buffer.from(JSON.stringify({ idp: 1, key })).toString('base64') } }
      },
    },
    ...['restore', 'restore/:name'].map((path): Route => ({ path, write: ({ data, params }) => {
      let key: TransitKey
      try {
        key = (JSON.parse(Buffer.from(text(data, 'backup'), 'base64').toString()) as { key: TransitKey }).key
      } catch {
        throw badRequest('failed to decode the backup')
      }
      if (!keyTypes.includes(key?.type)) throw badRequest('failed to decode the backup')
      const name = params['name'] ?? key.name
      if (keyOf(name) !== undefined && !flag(data, 'force')) throw new VaultError(500, `key ${JSON.stringify(name)} already exists`)
      save({ ...key, name })
      return undefined
    } })),
    {
      path: 'encrypt/:name',
      exists: (request) => keyOf(nameOf(request)) !== undefined,
      write: (request) => batched(request.data, 'ciphertext', (item) => {
        const key = keyOf(nameOf(request)) ?? create(nameOf(request), { ...request.data, derived: has(item, 'context') })
        if (!canEncrypt(key.type)) throw badRequest(`message encryption not supported for key type ${key.type}`)
        const number = chosenVersion(key, integer(item, 'key_version'))
        const plain = bytes(item, 'plaintext')
        return { ciphertext: `vault:v${number}:${encrypt(key, versionOf(key, number), plain, random, options(item)).toString('base64')}`, key_version: number }
      }),
    },
    { path: 'decrypt/:name', write: (request) => batched(request.data, 'plaintext', (item) => ({ plaintext: opened(found(request), item).toString('base64') })) },
    {
      path: 'rewrap/:name',
      write: (request) => batched(request.data, 'ciphertext', (item) => {
        const key = found(request)
        const plain = opened(key, item)
        const number = chosenVersion(key, integer(item, 'key_version'))
        return { ciphertext: `vault:v${number}:${encrypt(key, versionOf(key, number), plain, random, options(item)).toString('base64')}`, key_version: number }
      }),
    },
    {
      path: 'datakey/:kind/:name',
      write: (request) => {
        const kind = request.params['kind']
        if (kind !== 'plaintext' && kind !== 'wrapped') throw badRequest('Invalid path, must be \'plaintext\' or \'wrapped\'')
        const bits = integer(request.data, 'bits', 256)
        if (![128, 256, 512].includes(bits)) throw badRequest('invalid bit length')
        const key = found(request)
        const fresh = Buffer.from(random(bits / 8))
        const number = chosenVersion(key, 0)
        return { data: { ciphertext: `vault:v${number}:${encrypt(key, versionOf(key, number), fresh, random, options(request.data)).toString('base64')}`, key_version: number, ...(kind === 'plaintext' ? { plaintext: fresh.toString('base64') } : {}) } }
      },
    },
    ...['sign/:name', 'sign/:name/:hash'].map((path): Route => ({ path, write: (request) => batched(request.data, 'signature', (item) => {
      const key = found(request)
      if (!canSign(key.type)) throw badRequest(`key type ${key.type} does not support signing`)
      const number = chosenVersion(key, integer(item, 'key_version'))
      const how = signOptions(item, request.params['hash'])
      return { signature: `vault:v${number}:${signData(key, versionOf(key, number), bytes(item, 'input'), how).toString(how.marshaling === 'jws' ? 'base64url' : 'base64')}`, key_version: number }
    }) })),
    ...['hmac/:name', 'hmac/:name/:hash'].map((path): Route => ({ path, write: (request) => batched(request.data, 'hmac', (item) => {
      const key = found(request)
      const number = chosenVersion(key, integer(item, 'key_version'))
      return { hmac: `vault:v${number}:${hmacData(versionOf(key, number), key.type, bytes(item, 'input'), hashOf(item, request.params['hash'])).toString('base64')}` }
    }) })),
    ...['verify/:name', 'verify/:name/:hash'].map((path): Route => ({ path, write: (request) => batched(request.data, 'valid', (item) => ({ valid: isValid(found(request), item, request.params['hash']) })) })),
    {
      path: 'cache-config',
      read: () => ({ data: { size: storage.get<number>('cache') ?? 0 } }),
      write: ({ data }) => void storage.put('cache', integer(data, 'size')),
    },
    ...toolRoutes({ random }, ''),
  ]
  return { routes }

  function opened(key: TransitKey, item: Data): Buffer {
    const { number, body } = parsed(text(item, 'ciphertext'), 'ciphertext')
    if (number < key.minDecryption) throw badRequest('ciphertext or signature version is disallowed by policy (too old)')
    return decrypt(key, versionOf(key, number), Buffer.from(body, 'base64'), options(item))
  }
  function isValid(key: TransitKey, item: Data, hash: string | undefined): boolean {
    const [signature, hmac] = [text(item, 'signature'), text(item, 'hmac')]
    if ((signature === '') === (hmac === '')) throw badRequest("provide one of 'signature' or 'hmac'")
    const { number, body } = parsed(signature === '' ? hmac : signature, 'signature')
    if (number < key.minDecryption) throw badRequest('ciphertext or signature version is disallowed by policy (too old)')
    const version = versionOf(key, number)
    if (hmac !== '') return sameBytes(hmacData(version, key.type, bytes(item, 'input'), hashOf(item, hash)), Buffer.from(body, 'base64'))
    const how = signOptions(item, hash)
    return verifyData(key, version, bytes(item, 'input'), Buffer.from(body, how.marshaling === 'jws' ? 'base64url' : 'base64'), how)
  }
}

function parsed(value: string, what: string): { number: number; body: string } {
  const match = /^vault:v(\d+):(.+)$/.exec(value)
  if (match === null) throw badRequest(`invalid ${what}: no prefix`)
  return { number: Number(match[1]), body: match[2] ?? '' }
}

function versionOf(key: TransitKey, number: number): KeyVersion {
  const version = key.versions[number]
  if (version === undefined) throw badRequest(number > key.latest ? 'invalid ciphertext: version is too new' : 'ciphertext or signature version is disallowed by policy (too old)')
  return version
}

function chosenVersion(key: TransitKey, asked: number): number {
  if (asked === 0) return key.latest
  if (asked > key.latest) throw badRequest('requested version for encryption is higher than the latest key version')
  if (asked < key.minEncryption || asked < 0) throw badRequest('requested version for encryption is less than the minimum encryption key version')
  return asked
}

function bytes(item: Data, name: string): Buffer {
  const value = item[name]
  if (typeof value !== 'string') throw badRequest(`missing ${name} to process`)
  const decoded = Buffer.from(value, 'base64')
  if (decoded.toString('base64').replace(/=+$/, '') !== value.replace(/=+$/, '')) throw badRequest(`failed to base64-decode ${name}`)
  return decoded
}

function options(item: Data): CipherOptions {
  const part = (name: string): Buffer | undefined => (text(item, name) === '' ? undefined : bytes(item, name))
  const [context, associated, nonce] = [part('context'), part('associated_data'), part('nonce')]
  return { ...(context === undefined ? {} : { context }), ...(associated === undefined ? {} : { associated }), ...(nonce?.length === 12 ? { nonce } : {}), padding: text(item, 'padding_scheme') }
}

const hashOf = (item: Data, inPath: string | undefined): string => inPath ?? text(item, 'hash_algorithm', text(item, 'algorithm', 'sha2-256'))

function signOptions(item: Data, inPath: string | undefined): SignOptions {
  const context = text(item, 'context') === '' ? undefined : bytes(item, 'context')
  const marshaling = text(item, 'marshaling_algorithm', 'asn1')
  if (marshaling !== 'asn1' && marshaling !== 'jws') throw badRequest(`invalid marshaling algorithm ${marshaling}`)
  return { hash: hashOf(item, inPath), prehashed: flag(item, 'prehashed'), algorithm: text(item, 'signature_algorithm', 'pss'), marshaling, saltLength: text(item, 'salt_length', 'auto'), ...(context === undefined ? {} : { context }) }
}

/** One item, or a list of them whose failures stand beside their neighbours' answers. */
function batched(data: Data, what: string, run: (item: Data) => Record<string, unknown>): { status?: number; data: object } {
  const batch = data['batch_input']
  if (batch === undefined || batch === null) return { data: run(data) }
  if (!Array.isArray(batch) || batch.length === 0) throw badRequest('missing batch input to process')
  let failed = 0
  const results = batch.map((item) => {
    try {
      const { batch_input: _batch, ...shared } = data
      const given = isRecord(item) ? item : {}
      return { ...run({ ...shared, ...given }), ...(given['reference'] === undefined ? {} : { reference: given['reference'] }) }
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      failed++
      return { [what]: undefined, error: error.message, ...(isRecord(item) && item['reference'] !== undefined ? { reference: item['reference'] } : {}) }
    }
  })
  const status = failed === batch.length ? integer(data, 'partial_failure_response_code', 400) : 200
  return { status, data: { batch_results: results } }
}

function exported(key: TransitKey, kind: string, wanted: string): object {
  const allowed = kind === 'encryption-key' ? canEncrypt(key.type) : kind === 'signing-key' ? canSign(key.type) : kind === 'hmac-key' || kind === 'public-key'
  if (!['encryption-key', 'signing-key', 'hmac-key', 'public-key'].includes(kind)) throw badRequest(`invalid export type: ${kind}`)
  if (!key.exportable && kind !== 'public-key') throw badRequest('private key material is not exportable')
  if (!allowed) throw badRequest(`${kind} not supported for keys of type ${key.type}`)
  const one = (version: KeyVersion): string => {
    if (kind === 'hmac-key') return key.type === 'hmac' ? version.key : version.hmac
    if (kind === 'public-key') return publicKeyOf(version).export({ type: 'spki', format: 'pem' }).toString()
    if (isSymmetric(key.type)) return version.key
    if (key.type === 'ed25519') return privateKeyOf(version).export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('base64')
    return privateKeyOf(version).export({ type: key.type.startsWith('rsa') ? 'pkcs1' : 'sec1', format: 'pem' }).toString()
  }
  const number = wanted === 'latest' ? String(key.latest) : wanted
  const versions = Object.entries(key.versions).filter(([name]) => (number === '' ? Number(name) >= key.minDecryption : name === number))
  if (versions.length === 0) throw badRequest('version does not exist or cannot be found')
  return { keys: Object.fromEntries(versions.map(([name, version]) => [name, one(version)])), name: key.name, type: key.type }
}

function shown(key: TransitKey): object {
  const asymmetric = canSign(key.type)
  return {
    allow_plaintext_backup: key.plaintextBackup, auto_rotate_period: key.autoRotate, deletion_allowed: key.deletionAllowed, derived: key.derived, exportable: key.exportable, imported_key: key.imported,
    keys: Object.fromEntries(Object.entries(key.versions).filter(([number]) => Number(number) >= key.minDecryption).map(([number, version]) => [number, asymmetric
      ? { creation_time: new Date(version.created).toISOString(), name: key.type === 'ed25519' ? 'ed25519' : key.type.startsWith('ecdsa') ? `P-${key.type.slice(-3)}` : key.type, public_key: key.type === 'ed25519' ? publicKeyOf(version).export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64') : publicKeyOf(version).export({ type: 'spki', format: 'pem' }).toString(), certificate_chain: '' }
      : Math.floor(version.created / 1000)])),
    latest_version: key.latest, min_available_version: key.minAvailable, min_decryption_version: key.minDecryption, min_encryption_version: key.minEncryption, name: key.name,
    supports_decryption: canEncrypt(key.type), supports_derivation: canDerive(key.type), supports_encryption: canEncrypt(key.type), supports_signing: asymmetric, type: key.type, ...(key.derived ? { kdf: 'hkdf_sha256', convergent_encryption: key.convergent, ...(key.convergent ? { convergent_encryption_version: -1 } : {}) } : {}),
  }
}
