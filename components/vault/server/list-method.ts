import { Duplex } from 'node:stream'

/** Marks a request that came with the method LIST. */
export const listHeader = 'x-idp-method-list'
const longestHead = 64 << 10

/**
 * Node's HTTP parser knows no method LIST, which Vault's older clients send. This rewrites the request line of such
 * requests to GET with a header, following the framing so that nothing but a head is ever touched.
 */
export function acceptListMethod(connection: Duplex): Duplex {
  const rewrite = createRewriter()
  const outer = new Duplex({
    read: () => void connection.resume(),
    write: (chunk: Buffer, encoding, done) => void connection.write(chunk, encoding, (error) => done(error ?? null)),
    final: (done) => void connection.end(() => done()),
    destroy(error, done) {
      connection.destroy(error ?? undefined)
      done(error)
    },
  })
  connection.on('data', (chunk: Buffer) => {
    for (const piece of rewrite(chunk)) if (!outer.push(piece)) connection.pause()
  })
  connection.once('end', () => outer.push(null))
  connection.once('close', () => outer.destroy())
  connection.on('error', (error) => outer.destroy(error))
  return outer
}

type State = { at: 'head'; held: Buffer } | { at: 'body'; left: number } | { at: 'size'; held: string } | { at: 'chunk'; left: number } | { at: 'trailer'; line: string } | { at: 'pass' }

/** Takes the bytes of a connection as they come and gives those to hand on. */
export function createRewriter(): (chunk: Buffer) => Buffer[] {
  let state: State = { at: 'head', held: Buffer.alloc(0) }
  return (chunk) => {
    const out: Buffer[] = []
    let rest = chunk
    while (rest.length > 0) {
      if (state.at === 'pass') {
        out.push(rest)
        return out
      }
      if (state.at === 'head') {
        const all: Buffer = state.held.length === 0 ? rest : Buffer.concat([state.held, rest])
        const end = all.indexOf('\r\n\r\n')
        if (end < 0 && all.length <= longestHead) {
          state = { at: 'head', held: all }
          return out
        }
        if (end < 0) {
          state = { at: 'pass' } // too long: the server refuses it
          rest = all
          continue
        }
        const head = all.toString('latin1', 0, end + 4)
        // `L` of LIST, or blank lines in front of it; every other head is handed on as it came.
        out.push(all[0] === 0x4c || all[0] === 0x0d ? Buffer.from(rewritten(head), 'latin1') : all.subarray(0, end + 4))
        rest = all.subarray(end + 4)
        state = afterHead(head)
      } else if (state.at === 'body' || state.at === 'chunk') {
        const piece = rest.subarray(0, state.left)
        out.push(piece)
        rest = rest.subarray(piece.length)
        state.left -= piece.length
        if (state.left === 0) state = state.at === 'body' ? { at: 'head', held: Buffer.alloc(0) } : { at: 'size', held: '' }
      } else {
        const byte = rest.subarray(0, 1)
        out.push(byte)
        rest = rest.subarray(1)
        state = framed(state, byte.toString('latin1'))
      }
    }
    return out
  }
}

function rewritten(head: string): string {
  const [, blank = '', rest] = /^((?:\r\n)*)LIST( [^\r\n]*\r\n[\s\S]*)$/.exec(head) ?? []
  return rest === undefined ? head : `${blank}GET${rest.slice(0, rest.indexOf('\r\n'))}\r\n${listHeader}: 1${rest.slice(rest.indexOf('\r\n'))}`
}

/** Headers that decide where a request ends. */
const framing = /\r\n(?:content-length|transfer-encoding|upgrade):/i

/** Anything unusual is handed on untouched from there: the server's parser decides. */
function afterHead(head: string): State {
  if (!framing.test(head)) return { at: 'head', held: Buffer.alloc(0) }
  const lengths = [...head.matchAll(/\r\ncontent-length:[ \t]*([^\r\n]*)/gi)].map(([, value]) => value?.trim() ?? '')
  const encoded = /\r\ntransfer-encoding:/i.test(head)
  if (/\r\nupgrade:/i.test(head) || lengths.length > 1 || (encoded && lengths.length > 0)) return { at: 'pass' }
  if (encoded) return /\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/i.test(head) ? { at: 'size', held: '' } : { at: 'pass' }
  const [length = '0'] = lengths
  if (!/^\d{1,12}$/.test(length)) return { at: 'pass' }
  return Number(length) === 0 ? { at: 'head', held: Buffer.alloc(0) } : { at: 'body', left: Number(length) }
}

/** Size lines of chunks, and trailers. */
function framed(state: { at: 'size'; held: string } | { at: 'trailer'; line: string }, byte: string): State {
  if (state.at === 'trailer') {
    if (byte !== '\n') return { at: 'trailer', line: state.line + byte }
    return state.line.trim() === '' ? { at: 'head', held: Buffer.alloc(0) } : { at: 'trailer', line: '' }
  }
  if (byte !== '\n') return state.held.length > 100 ? { at: 'pass' } : { at: 'size', held: state.held + byte }
  const size = Number.parseInt(state.held, 16)
  if (Number.isNaN(size)) return { at: 'pass' }
  return size === 0 ? { at: 'trailer', line: '' } : { at: 'chunk', left: size + 2 }
}
