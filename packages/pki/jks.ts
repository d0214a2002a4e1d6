import { createHash, type KeyObject } from 'node:crypto'
import { systemRandom, type Random } from '@idp/kit'
import { nothing, octets, oid, seq } from './der.ts'

/** One entry of a Java key store. Names are lower case, as Java compares them. */
export type JksEntry =
  | { readonly name: string; readonly key: KeyObject; readonly certificates: readonly Uint8Array[] }
  | { readonly name: string; readonly certificate: Uint8Array }

export interface JksOptions {
  readonly password: string
  /** Written as each entry's date; milliseconds since the epoch. */
  readonly date: number
  readonly random?: Random
}

const MAGIC = 0xfeedfeed
const VERSION = 2
/** Java's own key protection (sun.security.provider.KeyProtector). */
const protector = '1.3.6.1.4.1.42.2.17.1.1'

/** A key store in Java's format `JKS`, version 2. */
export function encodeJks(entries: readonly JksEntry[], { password, date, random = systemRandom }: JksOptions): Buffer {
  const secret = Buffer.from(password, 'utf16le').swap16()
  const parts = [u32(MAGIC), u32(VERSION), u32(entries.length)]
  for (const entry of entries) {
    const isKey = 'key' in entry
    parts.push(u32(isKey ? 1 : 2), text(entry.name.toLowerCase()), u64(date))
    if (isKey) parts.push(block(protect(entry.key, secret, random)), u32(entry.certificates.length), ...entry.certificates.flatMap(certificate))
    else parts.push(...certificate(entry.certificate))
  }
  const body = Buffer.concat(parts)
  const digest = createHash('sha1').update(secret).update('Mighty Aphrodite').update(body).digest()
  return Buffer.concat([body, digest])
}

const certificate = (der: Uint8Array): Buffer[] => [text('X.509'), block(der)]
const block = (bytes: Uint8Array): Buffer => Buffer.concat([u32(bytes.length), bytes])

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** The key under a stream of SHA-1 over password and what came before, then a digest that proves the password. */
function protect(key: KeyObject, secret: Buffer, random: Random): Buffer {
  const plain = key.export({ type: 'pkcs8', format: 'der' })
  const salt = Buffer.from(random(20))
  const hidden = Buffer.from(plain)
  let stream = salt
  for (let at = 0; at < hidden.length; at += 20) {
    stream = createHash('sha1').update(secret).update(stream).digest()
    for (let i = 0; i < 20 && at + i < hidden.length; i++) hidden[at + i] = (hidden[at + i] ?? 0) ^ (stream[i] ?? 0)
  }
  const check = createHash('sha1').update(secret).update(plain).digest()
  return seq(seq(oid(protector), nothing()), octets(Buffer.concat([salt, hidden, check])))
}
