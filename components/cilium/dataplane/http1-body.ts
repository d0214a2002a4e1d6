import { RefusedMessage, type Framing } from './http1-head.ts'

/** Finds the end of a body in a stream of bytes and hands out its content. */
export interface BodyReader {
  readonly done: boolean
  /** Reads from `offset`; returns where it stopped: the end of the bytes, the end of the body, or (paused) in between. */
  read(bytes: Buffer, offset: number): number
}

/**
 * @param onData takes a piece of content; false stops reading until the next call
 * @param status what a malformed body is answered with
 */
export function bodyReader(framing: Framing, onData: (content: Buffer) => boolean, status: 400 | 502): BodyReader {
  if (framing.type === 'length') return lengthReader(framing.length, onData)
  if (framing.type === 'chunked') return chunkedReader(onData, status)
  if (framing.type === 'close') return { done: false, read: (bytes, offset) => (onData(offset === 0 ? bytes : bytes.subarray(offset)), bytes.length) }
  return { done: true, read: (_bytes, offset) => offset }
}

function lengthReader(length: number, onData: (content: Buffer) => boolean): BodyReader {
  let left = length
  return {
    get done() { return left === 0 },
    read(bytes, offset) {
      const end = Math.min(bytes.length, offset + left)
      left -= end - offset
      if (end > offset) onData(offset === 0 && end === bytes.length ? bytes : bytes.subarray(offset, end))
      return end
    },
  }
}

const CR = 13
const LF = 10
/** Longest line of a chunk's size with its extensions, and of all trailers. */
const MAX_LINE = 256
const MAX_TRAILERS = 8192

function chunkedReader(onData: (content: Buffer) => boolean, status: 400 | 502): BodyReader {
  let state: 'size' | 'data' | 'end' | 'trailers' | 'done' = 'size'
  let left = 0
  let line = ''
  let trailers = 0
  const fail = (): never => { throw new RefusedMessage(status, 'the chunked body is malformed') }
  /** Reads to the next CRLF; undefined when the bytes end before. */
  const readLine = (bytes: Buffer, offset: number): number | undefined => {
    const end = bytes.indexOf(LF, offset)
    line += bytes.toString('latin1', offset, end < 0 ? bytes.length : end + 1)
    if (line.length > (state === 'trailers' ? MAX_TRAILERS : MAX_LINE)) fail()
    return end < 0 ? undefined : end + 1
  }
  return {
    get done() { return state === 'done' },
    read(bytes, from) {
      let offset = from
      while (offset < bytes.length && state !== 'done') {
        if (state === 'data') {
          const end = Math.min(bytes.length, offset + left)
          left -= end - offset
          const more = onData(bytes.subarray(offset, end))
          offset = end
          if (left === 0) state = 'end'
          if (!more) return offset
        } else if (state === 'end') {
          // CRLF after the data, possibly in two pieces.
          line += String.fromCharCode(bytes[offset++] ?? 0)
          if (line === '\r') continue
          if (line !== '\r\n') fail()
          line = ''
          state = 'size'
        } else {
          const next = readLine(bytes, offset)
          if (next === undefined) return bytes.length
          offset = next
          if (line.charCodeAt(line.length - 2) !== CR) fail()
          const text = line.slice(0, -2)
          line = ''
          if (state === 'size') {
            const match = /^([0-9a-fA-F]{1,12})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?$/.exec(text)
            left = match === null ? fail() : parseInt(match[1] ?? '', 16)
            state = left === 0 ? 'trailers' : 'data'
          } else if (text === '') state = 'done'
          else if ((trailers += text.length) > MAX_TRAILERS) fail()
        }
      }
      return offset
    },
  }
}

const CRLF = Buffer.from('\r\n')
export const lastChunk = Buffer.from('0\r\n\r\n')

/** A piece of content as a chunk. */
export function encodeChunk(content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`, 'latin1'), content, CRLF])
}
