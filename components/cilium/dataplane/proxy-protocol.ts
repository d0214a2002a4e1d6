import type { Duplex } from 'node:stream'

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const LINE = Buffer.from('PROXY ', 'latin1')
/** The longest line of version 1, and header of version 2 that is waited for. */
const MAX_LINE = 107
const MAX_BINARY = 16 + 4096

/**
 * Reads the header that a load balancer puts before a connection (the PROXY protocol, versions 1 and 2) and puts the rest back.
 * Resolves to the client's address; undefined when the header names none (`UNKNOWN`, `LOCAL`). Rejects when there is no valid header.
 */
export function readProxyHeader(connection: Duplex): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const done = (rest: Buffer | undefined, finish: () => void): void => {
      connection.off('readable', onReadable).off('end', onEnd).off('close', onEnd).off('error', onEnd)
      if (rest !== undefined && rest.length > 0 && !connection.destroyed) connection.unshift(rest)
      finish()
    }
    const onEnd = (): void => done(undefined, () => reject(new Error('the connection ended within the PROXY header')))
    const onReadable = (): void => {
      for (let chunk = connection.read() as Buffer | null; chunk !== null; chunk = connection.read() as Buffer | null) bytes = Buffer.concat([bytes, chunk])
      const header = parseProxyHeader(bytes)
      if (header === 'more') return
      if (header === 'invalid') return done(undefined, () => reject(new Error('there is no valid PROXY header')))
      done(bytes.subarray(header.length), () => resolve(header.address))
    }
    connection.on('readable', onReadable).on('end', onEnd).on('close', onEnd).on('error', onEnd)
    onReadable()
  })
}

/** `length`: bytes of the header. */
export function parseProxyHeader(bytes: Buffer): { readonly length: number; readonly address: string | undefined } | 'more' | 'invalid' {
  const starts = (prefix: Buffer): boolean => bytes.subarray(0, prefix.length).equals(prefix.subarray(0, bytes.length))
  if (bytes.length === 0) return 'more'
  if (starts(LINE)) return parseLine(bytes)
  return starts(SIGNATURE) ? parseBinary(bytes) : 'invalid'
}

/** `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, CRLF. */
function parseLine(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  const end = bytes.indexOf('\r\n')
  if (end < 0) return bytes.length >= MAX_LINE ? 'invalid' : 'more'
  if (end > MAX_LINE - 2) return 'invalid'
  const text = bytes.toString('latin1', 0, end)
  if (text === 'PROXY UNKNOWN' || text.startsWith('PROXY UNKNOWN ')) return { length: end + 2, address: undefined }
  const match = /^PROXY (?:TCP4 (\d{1,3}(?:\.\d{1,3}){3}) \d{1,3}(?:\.\d{1,3}){3}|TCP6 ([0-9A-Fa-f:.]{2,39}) [0-9A-Fa-f:.]{2,39}) \d{1,5} \d{1,5}$/.exec(text)
  return match === null ? 'invalid' : { length: end + 2, address: match[1] ?? match[2] }
}

/** Signature (12), version and command (1), family (1), length of the rest (2), source, destination, ports. */
function parseBinary(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  if (bytes.length < 16) return 'more'
  const [command, family, length] = [bytes.readUInt8(12), bytes.readUInt8(13), 16 + bytes.readUInt16BE(14)]
  if ((command !== 0x20 && command !== 0x21) || length > MAX_BINARY) return 'invalid'
  if (bytes.length < length) return 'more'
  if (command === 0x20 || family === 0x00) return { length, address: undefined }
  if (family === 0x11) return length < 28 ? 'invalid' : { length, address: [...bytes.subarray(16, 20)].join('.') }
  if (family !== 0x21 || length < 52) return 'invalid'
  return { length, address: Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(16 + 2 * i).toString(16)).join(':') }
}
