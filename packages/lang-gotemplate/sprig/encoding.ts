import { fromBase64, toBase64 } from '../base64.ts'
import { bytesOf, stringOf } from '../go-string.ts'
import { fn, type GoFunction } from '../value.ts'
import type { DigestAlgorithm } from './digest.ts'

const alphabet32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Encodings and checksums of strings. */
export function encodingFunctions(digest: (algorithm: DigestAlgorithm, bytes: Uint8Array) => string): readonly (readonly [string, GoFunction])[] {
  const sum = (algorithm: DigestAlgorithm) => fn('string', (s: string) => digest(algorithm, bytesOf(s)))
  return [
    ['b64enc', fn('string', (s: string) => toBase64(bytesOf(s)))],
    ['b64dec', fn('string', decode64)],
    ['b32enc', fn('string', encode32)],
    ['b32dec', fn('string', decode32)],
    ['sha1sum', sum('sha1')],
    ['sha256sum', sum('sha256')],
    ['sha512sum', sum('sha512')],
    ['adler32sum', fn('string', adler32)],
  ]
}

/** Standard alphabet with padding; line breaks are skipped. What is wrong is Go's error as text. */
function decode64(s: string): string {
  const text = s.replace(/[\r\n]/g, '')
  const body = text.replace(/={0,2}$/, '')
  const illegal = /[^A-Za-z0-9+/]/.exec(body)
  const padded = text.length % 4 === 0 && body.length % 4 !== 1
  if (illegal !== null) return `illegal base64 data at input byte ${offsetIn(s, illegal.index)}`
  if (!padded) return `illegal base64 data at input byte ${faultOfPadding(text, body)}`
  return stringOf(fromBase64(body))
}

function faultOfPadding(text: string, body: string): number {
  if (text.length > body.length) return text.length
  return text.length - (text.length % 4)
}

/** Position in the text with its line breaks. */
function offsetIn(s: string, index: number): number {
  let seen = 0
  for (let i = 0; i < s.length; i++) {
    if (s[i] === '\n' || s[i] === '\r') continue
    if (seen++ === index) return i
  }
  return index
}

function encode32(s: string): string {
  let bits = 0
  let count = 0
  let out = ''
  for (const byte of bytesOf(s)) {
    bits = ((bits << 8) | byte) & 0xffff
    count += 8
    while (count >= 5) {
      out += alphabet32[(bits >> (count - 5)) & 31] ?? ''
      count -= 5
    }
  }
  if (count > 0) out += alphabet32[(bits << (5 - count)) & 31] ?? ''
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=')
}

function decode32(s: string): string {
  const text = s.replace(/[\r\n]/g, '')
  const body = text.replace(/=+$/, '')
  const bytes: number[] = []
  let bits = 0
  let count = 0
  for (const [i, r] of [...body].entries()) {
    const value = alphabet32.indexOf(r)
    if (value < 0) return `illegal base32 data at input byte ${i}`
    bits = ((bits << 5) | value) & 0xffff
    count += 5
    if (count >= 8) {
      bytes.push((bits >> (count - 8)) & 255)
      count -= 8
    }
  }
  if (text.length % 8 !== 0) return `illegal base32 data at input byte ${body.length}`
  return stringOf(Uint8Array.from(bytes))
}

function adler32(s: string): string {
  let a = 1
  let b = 0
  for (const byte of bytesOf(s)) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return String(((b << 16) | a) >>> 0)
}
