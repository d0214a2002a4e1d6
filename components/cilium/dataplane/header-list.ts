import type { HeaderEdit } from '../engine/route-action.ts'

/** Header fields in the order of the wire: name, value, name, value, … Names keep their case. */
export type HeaderList = string[]

/** Value of a field by lower-case name; several are joined with a comma (RFC 9110 §5.3). */
export function getHeader(headers: HeaderList, name: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const field = headers[i] as string // even index
    if (field.length === name.length && field.toLowerCase() === name) found = found === undefined ? headers[i + 1] : `${found}, ${headers[i + 1]}`
  }
  return found
}

export function removeHeader(headers: HeaderList, name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i]?.toLowerCase() === name) headers.splice(i, 2)
}

export function setHeader(headers: HeaderList, name: string, value: string): void {
  removeHeader(headers, name)
  headers.push(name, value)
}

/** Gateway API, HTTPHeaderFilter: set replaces, add appends to the value, remove drops. */
export function editHeaders(headers: HeaderList, edits: readonly HeaderEdit[]): void {
  for (const { set, add, remove } of edits) {
    for (const [name, value] of set) setHeader(headers, name, value)
    for (const [name, value] of add) {
      const old = getHeader(headers, name)
      if (old !== undefined && name !== 'set-cookie') setHeader(headers, name, `${old},${value}`)
      else headers.push(name, value)
    }
    for (const name of remove) removeHeader(headers, name)
  }
}

const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/** A copy without the fields that concern one connection only, among them those that `Connection` names. */
export function endToEnd(headers: HeaderList): HeaderList {
  const kept: HeaderList = []
  let named: Set<string> | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string // even index
    const value = headers[i + 1] as string // a value follows each name
    const lower = name.toLowerCase()
    if (!hopByHop.has(lower)) kept.push(name, value)
    else if (lower === 'connection') for (const token of value.split(',')) {
      const field = token.trim().toLowerCase()
      if (field !== '' && field !== 'close' && field !== 'keep-alive' && field !== 'upgrade') (named ??= new Set()).add(field)
    }
  }
  if (named !== undefined) for (const name of named) removeHeader(kept, name)
  return kept
}

/** `Name: value` lines with their line ends. */
export function formatHeaders(headers: HeaderList): string {
  let text = ''
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return text
}
