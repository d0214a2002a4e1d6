import { STATUS_CODES } from 'node:http'

export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown'
}

const lines = new Map<number, string>()

/** `HTTP/1.1 200 OK` with its line end. */
export function statusLine(status: number): string {
  let line = lines.get(status)
  if (line === undefined) lines.set(status, (line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`))
  return line
}
