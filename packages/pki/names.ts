import { isIPv4, isIPv6 } from 'node:net'
import { CodedError } from '@idp/kit'
import { children, explicit, implicit, oid, readAll, readOid, seq, tag, tlv, type DerValue } from './der.ts'

/** Subject alternative names. */
export interface AlternativeNames {
  readonly dnsNames?: readonly string[]
  /** e.g. `127.0.0.1`, `::1`. */
  readonly ipAddresses?: readonly string[]
  readonly uris?: readonly string[]
  readonly emails?: readonly string[]
  /** Names of other types: type identifier and text. */
  readonly otherNames?: readonly { readonly oid: string; readonly utf8: string }[]
}

/** GeneralNames, or undefined without any. @throws CodedError `InvalidName` */
export function encodeNames(names: AlternativeNames): Buffer | undefined {
  const items = [
    ...(names.dnsNames ?? []).map((name) => implicit(2, ascii(name))),
    ...(names.emails ?? []).map((name) => implicit(1, ascii(name))),
    ...(names.ipAddresses ?? []).map((name) => implicit(7, addressBytes(name))),
    ...(names.uris ?? []).map((name) => implicit(6, ascii(name))),
    ...(names.otherNames ?? []).map(({ oid: type, utf8 }) => explicit(0, oid(type), explicit(0, tlv(tag.utf8, Buffer.from(utf8))))),
  ]
  return items.length === 0 ? undefined : seq(...items)
}

export function decodeNames(value: DerValue): Required<AlternativeNames> {
  const names = { dnsNames: [] as string[], ipAddresses: [] as string[], uris: [] as string[], emails: [] as string[], otherNames: [] as { oid: string; utf8: string }[] }
  for (const { tag: type, content } of children(value)) {
    if (type === 0x82) names.dnsNames.push(content.toString('latin1'))
    else if (type === 0x81) names.emails.push(content.toString('latin1'))
    else if (type === 0x86) names.uris.push(content.toString('latin1'))
    else if (type === 0x87) names.ipAddresses.push(formatAddress(content))
    else if (type === 0xa0) {
      const [id, wrapped] = readAll(content)
      const text = wrapped === undefined ? undefined : readAll(wrapped.content)[0]
      if (id !== undefined && text?.tag === tag.utf8) names.otherNames.push({ oid: readOid(id), utf8: text.content.toString() })
    }
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
