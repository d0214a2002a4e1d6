import { isIPv4, isIPv6 } from 'node:net'
import { CodedError } from '@idp/kit'
import { explicit, implicit, seq } from './der.ts'
import { addressBytes } from './names.ts'

/** Names a CA may or may not vouch for, by kind. */
export interface NameSet {
  readonly dnsDomains?: readonly string[]
  /** CIDR, e.g. `10.0.0.0/8`. */
  readonly ipRanges?: readonly string[]
  readonly emailAddresses?: readonly string[]
  readonly uriDomains?: readonly string[]
}

/** Name constraints (RFC 5280 §4.2.1.10). */
export interface NameConstraints { readonly permitted?: NameSet; readonly excluded?: NameSet }

/** The value of the extension. @throws CodedError `InvalidName` */
export function encodeNameConstraints({ permitted, excluded }: NameConstraints): Buffer {
  const [allow, deny] = [subtrees(permitted), subtrees(excluded)]
  return seq(...(allow.length === 0 ? [] : [explicit(0, ...allow)]), ...(deny.length === 0 ? [] : [explicit(1, ...deny)]))
}

function subtrees({ dnsDomains = [], ipRanges = [], emailAddresses = [], uriDomains = [] }: NameSet = {}): Buffer[] {
  const names = [
    ...dnsDomains.map((name) => implicit(2, ascii(name))), ...ipRanges.map((range) => implicit(7, rangeBytes(range))),
    ...emailAddresses.map((name) => implicit(1, ascii(name))), ...uriDomains.map((name) => implicit(6, ascii(name))),
  ]
  return names.map((name) => seq(name))
}

function ascii(name: string): Buffer {
  if (!/^[\x21-\x7e]*$/.test(name)) throw new CodedError({ code: 'InvalidName', message: `${JSON.stringify(name)} holds characters that a certificate cannot carry` })
  return Buffer.from(name, 'latin1')
}

/** Address and mask of a range. */
function rangeBytes(range: string): Buffer {
  const [address = '', size = ''] = range.split('/')
  const width = isIPv4(address) ? 4 : isIPv6(address) ? 16 : 0
  const bits = Number(size)
  if (width === 0 || !/^\d+$/.test(size) || bits > width * 8) throw new CodedError({ code: 'InvalidName', message: `${JSON.stringify(range)} is not an IP range`, remedy: 'write it as CIDR, e.g. 10.0.0.0/8' })
  const mask = Buffer.from(Array.from({ length: width }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff))
  return Buffer.concat([addressBytes(address).map((byte, i) => byte & (mask[i] ?? 0)), mask])
}
