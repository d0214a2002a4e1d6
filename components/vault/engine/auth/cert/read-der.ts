/** One value of DER: its tag, its content, and the whole of it. */
export interface Der { readonly tag: number; readonly content: Buffer; readonly der: Buffer }

/** Values side by side. @throws Error where a length leads beyond the end */
export function readDer(bytes: Buffer): Der[] {
  const found: Der[] = []
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0
    const octets = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || octets > 4) throw new Error('a length is not DER')
    const start = at + 2 + octets
    const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets)
    if (start + length > bytes.length) throw new Error('a value is cut off')
    found.push({ tag: bytes[at] ?? 0, content: bytes.subarray(start, start + length), der: bytes.subarray(at, start + length) })
    at = start + length
  }
  return found
}

/** An object identifier with dots. */
export function oidText(content: Buffer): string {
  const parts: bigint[] = []
  let part = 0n
  for (const byte of content) {
    part = (part << 7n) | BigInt(byte & 0x7f)
    if (byte >= 0x80) continue
    if (parts.length === 0) parts.push(...(part < 80n ? [part / 40n, part % 40n] : [2n, part - 80n]))
    else parts.push(part)
    part = 0n
  }
  return parts.join('.')
}

/** Extensions of a certificate (RFC 5280 §4.1) by identifier; values as they are encoded. */
export function extensionsOf(certificate: Buffer): ReadonlyMap<string, Buffer> {
  const body = readDer(readDer(certificate)[0]?.content ?? Buffer.alloc(0))[0]
  const wrapper = body === undefined ? undefined : readDer(body.content).find(({ tag }) => tag === 0xa3)
  const list = wrapper === undefined ? undefined : readDer(wrapper.content)[0]
  return new Map((list === undefined ? [] : readDer(list.content)).flatMap(({ content }) => {
    const parts = readDer(content)
    const [id, value] = [parts[0], parts.at(-1)]
    return id === undefined || value === undefined ? [] : [[oidText(id.content), value.content] as const]
  }))
}

/** Serial numbers on a list of revoked certificates (RFC 5280 §5.1), lower-case hex without leading zeros. @throws Error for what is no list */
export function revokedSerials(crl: Buffer): string[] {
  const body = readDer(readDer(crl)[0]?.content ?? Buffer.alloc(0))[0]
  if (body?.tag !== 0x30) throw new Error('it is not a certificate revocation list')
  const parts = readDer(body.content)
  const times = parts.findLastIndex(({ tag }) => tag === 0x17 || tag === 0x18)
  if (times < 0) throw new Error('it is not a certificate revocation list')
  const entries = parts[times + 1]
  return entries?.tag !== 0x30 ? [] : readDer(entries.content).map(({ content }) => (readDer(content)[0]?.content.toString('hex') ?? '').replace(/^0+(?=.)/, ''))
}
