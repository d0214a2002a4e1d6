import { constants, createDeflate, createInflate } from 'node:zlib'
import { spdyDictionary } from './spdy-dictionary.ts'

/** Header blocks of one connection. Both directions compress all their blocks as one stream, so calls must come in wire order. */
export interface SpdyHeaders {
  read(block: Buffer): Promise<Map<string, string>>
  write(headers: ReadonlyMap<string, string>): Promise<Buffer>
  close(): void
}

const largest = 64 * 1024

export function spdyHeaders(): SpdyHeaders {
  const inflate = createInflate({ dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH })
  const deflate = createDeflate({ dictionary: spdyDictionary })
  let inflated: Buffer[] = []
  let deflated: Buffer[] = []
  inflate.on('data', (chunk: Buffer) => inflated.push(chunk))
  deflate.on('data', (chunk: Buffer) => deflated.push(chunk))
  return {
    read: (block) => new Promise((resolve, reject) => {
      inflate.once('error', reject)
      inflate.write(block)
      inflate.flush(constants.Z_SYNC_FLUSH, () => {
        inflate.off('error', reject)
        const plain = Buffer.concat(inflated)
        inflated = []
        if (plain.length > largest) reject(new RangeError('a header block is too large'))
        else resolve(parse(plain))
      })
    }),
    write: (headers) => new Promise((resolve) => {
      deflate.write(encode(headers))
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        const block = Buffer.concat(deflated)
        deflated = []
        resolve(block)
      })
    }),
    close() {
      inflate.close()
      deflate.close()
    },
  }
}

function parse(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>()
  let at = 4
  const next = () => {
    const length = block.readUInt32BE(at)
    at += 4 + length
    return block.toString('utf8', at - length, at)
  }
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = next().toLowerCase()
    headers.set(name, next())
  }
  return headers
}

function encode(headers: ReadonlyMap<string, string>): Buffer {
  const count = Buffer.alloc(4)
  count.writeUInt32BE(headers.size)
  return Buffer.concat([count, ...[...headers].flatMap((pair) => pair.flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  }))])
}
