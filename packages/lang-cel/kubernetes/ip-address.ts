/** An address as its bytes: 4 or 16. */
export type IpBytes = Uint8Array

const octet = /^(?:0|[1-9]\d{0,2})$/

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => octet.test(part) && Number(part) < 256)) return undefined
  return parts.map(Number)
}

/** Reads an IPv4 or IPv6 address; undefined when it is none. Zones are not read. */
export function parseIp(text: string): IpBytes | undefined {
  if (!text.includes(':')) {
    const bytes = parseV4(text)
    return bytes && Uint8Array.from(bytes)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(groups)
  if (!head || (halves.length === 2 && !tail)) return undefined
  const known = head.length + (tail?.length ?? 0)
  if (halves.length === 2 ? known > 14 : known !== 16) return undefined
  // An embedded IPv4 address may only be the end.
  if (halves.length === 2 && (halves[0] ?? '').includes('.')) return undefined
  return Uint8Array.from([...head, ...Array.from({ length: 16 - known }, () => 0), ...tail ?? []])
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const embedded = i === parts.length - 1 ? parseV4(part) : undefined
      if (!embedded) return undefined
      bytes.push(...embedded)
      continue
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
    const value = Number.parseInt(part, 16)
    bytes.push(value >> 8, value & 255)
  }
  return bytes
}

/** Whether an IPv6 address stands for an IPv4 one. */
export function isMapped(ip: IpBytes): boolean {
  return ip.length === 16 && ip.slice(0, 10).every((byte) => byte === 0) && ip[10] === 255 && ip[11] === 255
}

/** The canonical text (RFC 5952). */
export function formatIp(ip: IpBytes): string {
  if (ip.length === 4) return ip.join('.')
  const words = Array.from({ length: 8 }, (_, i) => (ip[2 * i] ?? 0) << 8 | (ip[2 * i + 1] ?? 0))
  let best = { start: -1, length: 1 }
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && words[end] === 0) end++
    if (end - i > best.length) best = { start: i, length: end - i }
  }
  const hex = (part: number[]) => part.map((word) => word.toString(16)).join(':')
  return best.start < 0 ? hex(words) : `${hex(words.slice(0, best.start))}::${hex(words.slice(best.start + best.length))}`
}

/** The address with all bits after the first `bits` zero. */
export function maskIp(ip: IpBytes, bits: number): IpBytes {
  return ip.map((byte, i) => byte & (bits >= 8 * (i + 1) ? 255 : bits <= 8 * i ? 0 : 255 << 8 - (bits - 8 * i) & 255))
}
