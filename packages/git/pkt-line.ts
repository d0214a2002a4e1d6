import { CodedError } from '@idp/kit'

/** Git's packet lines (gitprotocol-common): four hex digits of length, then the payload; 0000, 0001 and 0002 are marks. */
export type Packet = { readonly type: 'data'; readonly data: Buffer } | { readonly type: 'flush' | 'delimiter' | 'end' }

export function packet(payload: string): string {
  return (Buffer.byteLength(payload) + 4).toString(16).padStart(4, '0') + payload
}

export const flushPacket = '0000'
export const delimiterPacket = '0001'

/** Reads packets from a stream of chunks. Throws CodedError `GitProtocol` when the stream is cut or is not Git's. */
export async function* readPackets(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  let kept: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    kept = kept.length === 0 ? Buffer.from(chunk) : Buffer.concat([kept, chunk])
    let at = 0
    while (kept.length - at >= 4) {
      const digits = kept.toString('latin1', at, at + 4)
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new CodedError({ code: 'GitProtocol', message: 'the server did not answer in the Git protocol', remedy: 'Check that the URL is that of a Git repository' })
      const length = parseInt(digits, 16)
      if (length < 4) {
        yield { type: length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'end' }
        at += 4
        continue
      }
      if (kept.length - at < length) break
      yield { type: 'data', data: kept.subarray(at + 4, at + length) }
      at += length
    }
    kept = kept.subarray(at)
  }
  if (kept.length > 0) throw new CodedError({ code: 'GitProtocol', message: 'the answer of the Git server was cut off' })
}

/** A packet's text without its line break. */
export function packetText(data: Buffer): string {
  const text = data.toString()
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

/** The packets of a whole request as text without line breaks, marks as `flushPacket` and `delimiterPacket`; undefined when it is not Git's. */
export function splitPackets(body: Buffer): string[] | undefined {
  const lines: string[] = []
  for (let at = 0; at < body.length;) {
    const length = lengthAt(body, at)
    if (length === undefined) return undefined
    lines.push(length < 4 ? body.toString('latin1', at, at + 4) : packetText(body.subarray(at + 4, at + length)))
    at += Math.max(4, length)
  }
  return lines
}

/** The packets up to the first flush, and how many bytes they and the flush take. */
export function packetsBeforeFlush(body: Buffer): { readonly lines: readonly string[]; readonly length: number } | undefined {
  const lines: string[] = []
  for (let at = 0; at < body.length;) {
    const length = lengthAt(body, at)
    if (length === undefined) return undefined
    if (length === 0) return { lines, length: at + 4 }
    lines.push(packetText(body.subarray(at + 4, at + length)))
    at += Math.max(4, length)
  }
  return undefined
}

function lengthAt(body: Buffer, at: number): number | undefined {
  const digits = body.toString('latin1', at, at + 4)
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) return undefined
  const length = parseInt(digits, 16)
  return length === 3 || at + length > body.length ? undefined : length
}
