import { BlockList, isIPv6 } from 'node:net'

/** Whether an address lies in one of the blocks (`10.0.0.0/8`, `::1`); no blocks allow any. */
export function addressAllowed(blocks: readonly string[], address: string): boolean {
  if (blocks.length === 0) return true
  const allowed = new BlockList()
  for (const block of blocks) {
    const [net = '', prefix] = block.split('/')
    const family = isIPv6(net) ? 'ipv6' : 'ipv4'
    allowed.addSubnet(net, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  return allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
