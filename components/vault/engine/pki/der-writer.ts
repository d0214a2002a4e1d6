/** The little DER that revocation lists and URL extensions need; certificates are written by @idp/pki. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : body.length < 65_536 ? [0x82, body.length >> 8, body.length & 255] : [0x83, body.length >> 16, (body.length >> 8) & 255, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

export const seq = (...items: readonly Uint8Array[]): Buffer => tlv(0x30, ...items)

export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first))
  return tlv(0x02, ((significant[0] ?? 0) & 0x80) !== 0 ? Buffer.concat([Buffer.from([0]), significant]) : significant)
}

export function oid(dotted: string): Buffer {
  const [a = 0, b = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [a * 40 + b, ...rest.flatMap((part) => {
    const groups = [part & 0x7f]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })]
  return tlv(0x06, Buffer.from(bytes))
}

/** GeneralizedTime from 2050 on, else UTCTime (RFC 5280 §4.1.2.5). */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d{3}/g, '')
  return Number(digits.slice(0, 4)) >= 2050 ? tlv(0x18, Buffer.from(digits)) : tlv(0x17, Buffer.from(digits.slice(2)))
}
