import { BlockList, isIP } from 'node:net'

/** Whether an address is within a block. */
export type Contains = (ip: string) => boolean

const shape = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/

/** A block `10.0.0.0/8`; with `orAddress` also a single address. @throws Error when it is neither */
export function compileCidr(text: string, { orAddress = false }: { readonly orAddress?: boolean } = {}): Contains {
  if (orAddress && isIP(text) !== 0) return (ip) => ip === text
  const [, network = '', prefix = ''] = shape.exec(text) ?? []
  const family = isIP(network)
  if (family === 0) throw new Error(`netip.ParsePrefix(${JSON.stringify(text)}): ${text.includes('/') ? 'unable to parse IP' : "no '/'"}`)
  if (Number(prefix) > (family === 4 ? 32 : 128)) throw new Error(`netip.ParsePrefix(${JSON.stringify(text)}): prefix length out of range`)
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), type)
  return (ip) => isIP(ip) === family && list.check(ip, type)
}

/** The block's own address. */
export function networkOf(cidr: string): string {
  return cidr.slice(0, cidr.indexOf('/'))
}
