// RC2 (RFC 2268), for PKCS #12 files of old readers only; OpenSSL 3 no longer offers it.

/** The permutation of RFC 2268 §2: digits of pi. */
const pi = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82'
  + '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb6266fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7'
  + '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731'
  + '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad', 'hex')

const rotate = (word: number, bits: number): number => ((word << bits) | (word >>> (16 - bits))) & 0xffff

/** The 64 words of a key with `bits` of effective strength. */
function expand(key: Uint8Array, bits: number): Uint16Array {
  const bytes = Buffer.alloc(128)
  bytes.set(key)
  const effective = Math.ceil(bits / 8)
  const mask = 0xff >> (8 * effective - bits)
  for (let i = key.length; i < 128; i++) bytes[i] = pi[((bytes[i - 1] ?? 0) + (bytes[i - key.length] ?? 0)) & 0xff] ?? 0
  bytes[128 - effective] = pi[(bytes[128 - effective] ?? 0) & mask] ?? 0
  for (let i = 127 - effective; i >= 0; i--) bytes[i] = pi[(bytes[i + 1] ?? 0) ^ (bytes[i + effective] ?? 0)] ?? 0
  return Uint16Array.from({ length: 64 }, (_, i) => bytes.readUInt16LE(2 * i))
}

function encryptBlock(words: Uint16Array, block: Uint8Array): Buffer {
  const out = Buffer.from(block)
  const r = [0, 2, 4, 6].map((at) => out.readUInt16LE(at)) as [number, number, number, number]
  const shifts = [1, 2, 3, 5] as const
  let next = 0
  const mix = (): void => {
    for (const i of [0, 1, 2, 3] as const) {
      const [a, b, c] = [r[(i + 3) & 3] ?? 0, r[(i + 2) & 3] ?? 0, r[(i + 1) & 3] ?? 0]
      r[i] = rotate((r[i] + (words[next++] ?? 0) + (a & b) + (~a & c)) & 0xffff, shifts[i])
    }
  }
  const mash = (): void => {
    for (const i of [0, 1, 2, 3] as const) r[i] = (r[i] + (words[(r[(i + 3) & 3] ?? 0) & 63] ?? 0)) & 0xffff
  }
  for (let round = 0; round < 16; round++) {
    mix()
    if (round === 4 || round === 10) mash()
  }
  for (const i of [0, 1, 2, 3] as const) out.writeUInt16LE(r[i], 2 * i)
  return out
}

/** CBC with PKCS #7 padding. @param iv 8 bytes; @param bits effective strength of the key */
export function encryptRc2(key: Uint8Array, iv: Uint8Array, data: Uint8Array, bits = key.length * 8): Buffer {
  const words = expand(key, bits)
  const pad = 8 - (data.length % 8)
  const padded = Buffer.concat([data, Buffer.alloc(pad, pad)])
  const blocks: Buffer[] = []
  let previous = Buffer.from(iv)
  for (let at = 0; at < padded.length; at += 8) {
    const block = Buffer.from(padded.subarray(at, at + 8))
    for (let i = 0; i < 8; i++) block[i] = (block[i] ?? 0) ^ (previous[i] ?? 0)
    previous = encryptBlock(words, block) as Buffer<ArrayBuffer>
    blocks.push(previous)
  }
  return Buffer.concat(blocks)
}
