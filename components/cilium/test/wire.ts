import type { Duplex } from 'node:stream'

export interface WireResponse { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly raw: string }

/** Writes bytes on a connection and reads answers until `count` have come or the connection ends. */
export async function speak(connection: Duplex, bytes: string, count = 1, method = 'GET'): Promise<WireResponse[]> {
  connection.write(bytes, 'latin1')
  let text = ''
  for await (const chunk of connection.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    text += chunk as string
    const found = parseResponses(text, method)
    if (found.complete && found.responses.length >= count) return found.responses
  }
  return parseResponses(text, method).responses
}

function parseResponses(text: string, method: string): { responses: WireResponse[]; complete: boolean } {
  const responses: WireResponse[] = []
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { responses, complete: false }
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon).toLowerCase()
      headers[name] = headers[name] === undefined ? line.slice(colon + 1).trim() : `${headers[name]}, ${line.slice(colon + 1).trim()}`
    }
    const status = Number(first.split(' ')[1])
    rest = rest.slice(end + 4)
    let body = ''
    if (status < 200) continue
    if (method !== 'HEAD' && status !== 204 && status !== 304) {
      if (headers['transfer-encoding'] === 'chunked') {
        const read = readChunks(rest)
        if (read === undefined) return { responses, complete: false }
        ;[body, rest] = read
      } else if (headers['content-length'] !== undefined) {
        const length = Number(headers['content-length'])
        if (rest.length < length) return { responses, complete: false }
        body = rest.slice(0, length)
        rest = rest.slice(length)
      } else {
        body = rest
        rest = ''
      }
    }
    responses.push({ status, headers, body, raw: text })
  }
  return { responses, complete: true }
}

function readChunks(text: string): [string, string] | undefined {
  let rest = text
  let body = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    if (line < 0) return undefined
    const size = parseInt(rest.slice(0, line), 16)
    if (rest.length < line + 4 + size) return undefined
    body += rest.slice(line + 2, line + 2 + size)
    rest = rest.slice(line + 4 + size)
    if (size === 0) return [body, rest]
  }
}
