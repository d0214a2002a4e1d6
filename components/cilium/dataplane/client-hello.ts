import type { Duplex } from 'node:stream'

/** Longest ClientHello that is waited for. */
const MAX_HELLO = 16_384 + 5

/**
 * Reads the server name (SNI, RFC 6066 §3) from the start of a TLS connection and puts the bytes back.
 * Resolves to undefined for a ClientHello without a name; rejects when the connection ends before, or speaks no TLS.
 */
export function peekServerName(connection: Duplex): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const done = (finish: () => void): void => {
      connection.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onEnd)
      if (bytes.length > 0 && !connection.destroyed) connection.unshift(bytes)
      finish()
    }
    const onEnd = (): void => done(() => reject(new Error('the connection ended before the ClientHello')))
    const onReadable = (): void => {
      for (let chunk = connection.read() as Buffer | null; chunk !== null; chunk = connection.read() as Buffer | null) bytes = Buffer.concat([bytes, chunk])
      const found = readHello(bytes)
      if (found === 'more' && bytes.length < MAX_HELLO) return
      if (found === 'more' || found === 'invalid') return done(() => reject(new Error('this is no TLS')))
      done(() => resolve(found.name))
    }
    connection.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onEnd)
    onReadable()
  })
}

/** Record (5 bytes), handshake (4), version (2), random (32), then session id, cipher suites, compression, extensions. */
function readHello(bytes: Buffer): { readonly name: string | undefined } | 'more' | 'invalid' {
  if (bytes.length >= 1 && bytes[0] !== 22) return 'invalid'
  if (bytes.length < 5) return 'more'
  const end = 5 + bytes.readUInt16BE(3)
  if (bytes.length < end) return 'more'
  if (bytes[5] !== 1) return 'invalid'
  try {
    let at = 5 + 4 + 2 + 32
    at += 1 + bytes.readUInt8(at)
    at += 2 + bytes.readUInt16BE(at)
    at += 1 + bytes.readUInt8(at)
    if (at >= end) return { name: undefined }
    const last = at + 2 + bytes.readUInt16BE(at)
    for (at += 2; at + 4 <= last;) {
      const [type, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)]
      // A list of names: length (2), type 0 (1), length (2), name.
      if (type === 0) return { name: bytes.toString('latin1', at + 9, at + 9 + bytes.readUInt16BE(at + 7)).toLowerCase() }
      at += 4 + length
    }
    return { name: undefined }
  } catch {
    return 'invalid' // lengths that point beyond the record
  }
}
