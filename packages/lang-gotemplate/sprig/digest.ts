export type DigestAlgorithm = 'sha1' | 'sha256' | 'sha512'

/** A digest of FIPS 180-4 in hex, made without any help: a host that has a faster one hands it in. */
export function digestHex(algorithm: DigestAlgorithm, bytes: Uint8Array): string {
  switch (algorithm) {
    case 'sha1': return words(sha1(padded(bytes, 64)), 8)
    case 'sha256': return words(sha256(padded(bytes, 64)), 8)
    case 'sha512': return words(sha512(padded(bytes, 128)), 16)
  }
}

function words(state: readonly (number | bigint)[], digits: number): string {
  return state.map((word) => word.toString(16).padStart(digits, '0')).join('')
}

/** The message with a one bit, zeros, and its length in bits at the end of the last block. */
function padded(bytes: Uint8Array, block: number): DataView {
  const end = block / 8
  const all = new Uint8Array(Math.ceil((bytes.length + 1 + end) / block) * block)
  all.set(bytes)
  all[bytes.length] = 0x80
  const view = new DataView(all.buffer)
  view.setBigUint64(all.length - 8, BigInt(bytes.length) * 8n)
  return view
}

/** The first bits of the fractional parts of roots of the first primes, which the standard takes its constants from. */
function fractions(count: number, root: 2 | 3, bits: bigint): bigint[] {
  const found: bigint[] = []
  for (let n = 2n; found.length < count; n++) {
    if (found.length > 0 && !isPrime(n)) continue
    found.push(rootOf(n << (bits * BigInt(root)), BigInt(root)) & ((1n << bits) - 1n))
  }
  return found
}

function isPrime(n: bigint): boolean {
  for (let d = 2n; d * d <= n; d++) if (n % d === 0n) return false
  return true
}

/** The whole part of a root. */
function rootOf(value: bigint, degree: bigint): bigint {
  let low = 0n
  let high = 1n << BigInt(Math.ceil(value.toString(2).length / Number(degree)) + 1)
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** degree <= value) low = middle
    else high = middle - 1n
  }
  return low
}

const left = (x: number, n: number): number => (x << n) | (x >>> (32 - n))
const right = (x: number, n: number): number => (x >>> n) | (x << (32 - n))

function sha1(view: DataView): number[] {
  let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]
  const w = new Int32Array(80)
  const at = (i: number): number => w[i] ?? 0
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(block + 4 * i)
    for (let i = 16; i < 80; i++) w[i] = left(at(i - 3) ^ at(i - 8) ^ at(i - 14) ^ at(i - 16), 1)
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = state
    for (let i = 0; i < 80; i++) {
      const [f, k] = i < 20 ? [(b & c) | (~b & d), 0x5a827999] : i < 40 ? [b ^ c ^ d, 0x6ed9eba1] : i < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc] : [b ^ c ^ d, 0xca62c1d6]
      const next = (left(a, 5) + f + e + k + at(i)) | 0
      e = d; d = c; c = left(b, 30); b = a; a = next
    }
    state = [a, b, c, d, e].map((word, i) => (word + (state[i] ?? 0)) >>> 0)
  }
  return state
}

let small: { readonly k: Int32Array; readonly start: readonly number[] } | undefined

function sha256(view: DataView): number[] {
  small ??= { k: Int32Array.from(fractions(64, 3, 32n), (word) => Number(BigInt.asIntN(32, word))), start: fractions(8, 2, 32n).map(Number) }
  const { k } = small
  let state: readonly number[] = small.start
  const w = new Int32Array(64)
  const at = (i: number): number => w[i] ?? 0
  for (let block = 0; block < view.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(block + 4 * i)
    for (let i = 16; i < 64; i++) {
      const [x, y] = [at(i - 15), at(i - 2)]
      w[i] = (at(i - 16) + (right(x, 7) ^ right(x, 18) ^ (x >>> 3)) + at(i - 7) + (right(y, 17) ^ right(y, 19) ^ (y >>> 10))) | 0
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
    for (let i = 0; i < 64; i++) {
      const one = (h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + (k[i] ?? 0) + at(i)) | 0
      const two = ((right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0
    }
    state = [a, b, c, d, e, f, g, h].map((word, i) => (word + (state[i] ?? 0)) >>> 0)
  }
  return [...state]
}

let large: { readonly k: readonly bigint[]; readonly start: readonly bigint[] } | undefined
const right64 = (x: bigint, n: bigint): bigint => (x >> n) | BigInt.asUintN(64, x << (64n - n))

function sha512(view: DataView): bigint[] {
  large ??= { k: fractions(80, 3, 64n), start: fractions(8, 2, 64n) }
  const { k } = large
  let state: readonly bigint[] = large.start
  const sum = (...parts: bigint[]): bigint => BigInt.asUintN(64, parts.reduce((all, part) => all + part, 0n))
  for (let block = 0; block < view.byteLength; block += 128) {
    const w = Array.from({ length: 16 }, (_, i) => view.getBigUint64(block + 8 * i))
    const at = (i: number): bigint => w[i] ?? 0n
    for (let i = 16; i < 80; i++) {
      const [x, y] = [at(i - 15), at(i - 2)]
      w[i] = sum(at(i - 16), right64(x, 1n) ^ right64(x, 8n) ^ (x >> 7n), at(i - 7), right64(y, 19n) ^ right64(y, 61n) ^ (y >> 6n))
    }
    let [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n, g = 0n, h = 0n] = state
    for (let i = 0; i < 80; i++) {
      const one = sum(h, right64(e, 14n) ^ right64(e, 18n) ^ right64(e, 41n), (e & f) ^ (BigInt.asUintN(64, ~e) & g), k[i] ?? 0n, at(i))
      const two = sum(right64(a, 28n) ^ right64(a, 34n) ^ right64(a, 39n), (a & b) ^ (a & c) ^ (b & c))
      h = g; g = f; f = e; e = sum(d, one); d = c; c = b; b = a; a = sum(one, two)
    }
    state = [a, b, c, d, e, f, g, h].map((word, i) => sum(word, state[i] ?? 0n))
  }
  return [...state]
}
