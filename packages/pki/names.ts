import { isIPv4, isIPv6 } from 'node:net'
import { CodedError } from '@idp/kit'
import { children, implicit, seq, type DerValue } from './der.ts'

/** Subject alternative names. */
export interface AlternativeNames {
  readonly dnsNames?: readonly string[]
  /** e.g. `127.0.0.1`, `::1`. */
  readonly ipAddresses?: readonly string[]
  readonly uris?: readonly string[]
  readonly emails?: readonly string[]
}

/** GeneralNames, or undefined without any. @throws CodedError `InvalidName` */
export function encodeNames(names: AlternativeNames): Buffer | undefined {
  const items = [
    ...(names.dnsNames ?? []).map((name) => implicit(2, ascii(name))),
    ...(names.emails ?? []).map((name) => implicit(1, ascii(name))),
    ...(names.ipAddresses ?? []).map((name) => implicit(7, addressBytes(name))),
    ...(names.uris ?? []).map((name) => implicit(6, ascii(name))),
  ]
  return items.length === 0 ? undefined : seq(...items)
}

export function decodeNames(value: DerValue): Required<AlternativeNames> {
  const names = { dnsNames: [] as string[], ipAddresses: [] as string[], uris: [] as string[], emails: [] as string[] }
  for (const { tag, content } of children(value)) {
    if (tag === 0x82) names.dnsNames.push(content.toString('latin1'))
    else if (tag === 0x81) names.emails.push(content.toString('latin1'))
    else if (tag === 0x86) names.uris.push(content.toString('latin1'))
    else if (tag === 0x87) names.ipAddresses.push(formatAddress(content))
  }
  return names
}

function ascii(name: string): Buffer {
  if (!/^[\x21-\x7e]+$/.test(name)) throw new CodedError({ code: 'InvalidName', message: `${JSON.stringify(name)} holds characters that a certificate cannot carry`, remedy: 'write international names in their ASCII form (xn--…)' })
  return Buffer.from(name, 'latin1')
}

/** 4 or 16 bytes. @throws CodedError `InvalidName` */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (!isIPv6(address)) throw new CodedError({ code: 'InvalidName', message: `${JSON.stringify(address)} is not an IP address` })
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  const hex = tail === null ? address : `${tail[1]}${addressBytes(tail[2] ?? '').toString('hex').replace(/^(.{4})/, '$1:')}`
  const [before = '', after] = hex.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const missing = after === undefined ? 0 : 8 - groups(before).length - groups(after).length
  const all = [...groups(before), ...Array.from({ length: missing }, () => '0'), ...groups(after ?? '')]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':')
  return isIPv6(groups) ? new URL(`http://[${groups}]`).hostname.slice(1, -1) : groups
}
