import { generateKeyPair, type JsonWebKey } from 'node:crypto'
import { promisify } from 'node:util'
import type { Random } from '@idp/kit'

export interface SshKeySpec { readonly keyType?: string; readonly keySize?: number; readonly comment?: string }
interface Parts { readonly type: string; readonly publicKey: Buffer; readonly privateFields: readonly Buffer[] }

const generate = promisify(generateKeyPair)

/** A new SSH key pair: the private half as OpenSSH writes it (PROTOCOL.key, not encrypted), the public half as a line of `authorized_keys`. */
export async function sshKey({ keyType = 'rsa', keySize, comment = '' }: SshKeySpec, random: Random): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const parts = keyType === 'rsa' ? await rsa(keySize ?? 2048) : keyType === 'ed25519' ? await ed25519() : undefined
  if (parts === undefined) throw new Error(`unable to generate SSH key: unsupported key type: ${keyType}`)
  return { privateKey: privateFile(parts, comment, random), publicKey: `${parts.type} ${parts.publicKey.toString('base64')}${comment === '' ? '' : ` ${comment}`}\n` }
}

async function rsa(bits: number): Promise<Parts> {
  if (bits < 1024 || bits > 8192) throw new Error(`unable to generate SSH key: ${bits} bits are not supported`)
  const jwk = (await generate('rsa', { modulusLength: bits })).privateKey.export({ format: 'jwk' })
  const number = (name: keyof JsonWebKey): Buffer => positive(Buffer.from(String(jwk[name]), 'base64url'))
  const [n, e, d, p, q, inverse] = [number('n'), number('e'), number('d'), number('p'), number('q'), number('qi')]
  return { type: 'ssh-rsa', publicKey: join(Buffer.from('ssh-rsa'), e, n), privateFields: [n, e, d, inverse, p, q] }
}

async function ed25519(): Promise<Parts> {
  const { x = '', d = '' } = (await generate('ed25519')).privateKey.export({ format: 'jwk' })
  const [publicKey, seed] = [Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url')]
  return { type: 'ssh-ed25519', publicKey: join(Buffer.from('ssh-ed25519'), publicKey), privateFields: [publicKey, Buffer.concat([seed, publicKey])] }
}

function privateFile({ type, publicKey, privateFields }: Parts, comment: string, random: Random): string {
  const check = Buffer.from(random(4))
  const inside = Buffer.concat([check, check, join(Buffer.from(type), ...privateFields, Buffer.from(comment))])
  const padding = Buffer.from(Array.from({ length: (8 - inside.length % 8) % 8 }, (_none, index) => index + 1))
  const none = join(Buffer.from('none'), Buffer.from('none'), Buffer.alloc(0))
  const file = Buffer.concat([Buffer.from('openssh-key-v1\0'), none, uint32(1), join(publicKey, Buffer.concat([inside, padding]))])
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${(file.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

/** A number as SSH writes it: a zero in front where it would read as negative. */
const positive = (bytes: Buffer): Buffer => ((bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes)

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Each field with its length in front. */
const join = (...fields: readonly Buffer[]): Buffer => Buffer.concat(fields.flatMap((field) => [uint32(field.length), field]))
