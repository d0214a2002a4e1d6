/**
 * Go strings are bytes, JavaScript's are UTF-16. A Go string that is UTF-8 is the same JavaScript string; a byte that is no
 * UTF-8 is the lone surrogate U+DC00 + byte (0x80..0xff), so that every Go string has exactly one form and no byte is lost.
 */

// eslint-disable-next-line no-control-regex
const ascii = /^[\x00-\x7f]*$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** True when every character is one byte. */
export function isAscii(text: string): boolean {
  return ascii.test(text)
}

/** The bytes of a Go string. */
export function bytesOf(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text)
  const parts: number[] = []
  for (const r of text) {
    const code = r.codePointAt(0) ?? 0
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00)
    else parts.push(...encoder.encode(r))
  }
  return Uint8Array.from(parts)
}

/** The Go string of bytes. */
export function stringOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    // Not UTF-8 throughout: keep what is, escape what is not.
    return salvage(bytes)
  }
}

function salvage(bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length;) {
    const size = sequenceLength(bytes, i)
    out += size === 0 ? String.fromCharCode(0xdc00 + (bytes[i] ?? 0)) : decoder.decode(bytes.subarray(i, i + size))
    i += size || 1
  }
  return out
}

/** Length of the UTF-8 sequence at `i`, 0 when there is none. */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i] ?? 0
  if (first < 0x80) return 1
  const size = first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0
  if (size === 0 || i + size > bytes.length) return 0
  for (let k = 1; k < size; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0
  const second = bytes[i + 1] ?? 0
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) || (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0
  return size
}

/** Length in bytes. */
export function byteLength(text: string): number {
  return isAscii(text) ? text.length : bytesOf(text).length
}

/** text[start:end] of Go, in bytes; the caller has checked the bounds. */
export function byteSlice(text: string, start: number, end: number): string {
  return isAscii(text) ? text.slice(start, end) : stringOf(bytesOf(text).subarray(start, end))
}

/** Order of Go strings: by bytes. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

/** UTF-16 units in the order of the bytes they become: surrogates come after U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

/** Keys of a map in Go's order. */
export function sortedKeys(map: object): string[] {
  return Object.keys(map).sort(compareStrings)
}
