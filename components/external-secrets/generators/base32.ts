const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Base32 with padding (RFC 4648). */
export function encodeBase32(value: Uint8Array): string {
  const bits = [...value].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const signs = (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
  return signs.padEnd(Math.ceil(signs.length / 8) * 8, '=')
}

/** White space, hyphens and padding are skipped, either case is taken; undefined for anything else, and for nothing. */
export function decodeBase32(text: string): Buffer | undefined {
  const digits = [...text.replaceAll(/[\s=-]/g, '').toUpperCase()].map((sign) => alphabet.indexOf(sign))
  if (digits.length === 0 || digits.includes(-1)) return undefined
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}
