import { isIPv4 } from 'node:net'
import { compileSelector, type Matches } from '../policy/label-selector.ts'
import type { CiliumLoadBalancerIPPool } from '../kinds/cilium.ts'

/** Addresses of a CiliumLoadBalancerIPPool, as ranges of 32-bit numbers. */
export interface AddressPool {
  readonly name: string
  readonly ranges: readonly { readonly first: number; readonly last: number }[]
  readonly selects: Matches
  /** The pool that has some of its addresses already; such a pool gives none. */
  readonly conflict?: string
}

/** Pools by age and name; of two that overlap the younger is in conflict. @throws Error for a block that is none, or IPv6 */
export function addressPools(pools: readonly CiliumLoadBalancerIPPool[]): AddressPool[] {
  const made: AddressPool[] = []
  const ordered = [...pools].sort((a, b) => (`${a.metadata.creationTimestamp} ${a.metadata.name}` < `${b.metadata.creationTimestamp} ${b.metadata.name}` ? -1 : 1))
  for (const { metadata, spec } of ordered) {
    if (spec.disabled === true) continue
    const ranges = (spec.blocks ?? []).map((block) => rangeOf(block, spec.allowFirstLastIPs !== 'No'))
    const other = made.find((pool) => pool.ranges.some((a) => ranges.some((b) => a.first <= b.last && b.first <= a.last)))
    made.push({ name: metadata.name ?? '', ranges, selects: compileSelector(spec.serviceSelector ?? {}), ...(other === undefined ? {} : { conflict: other.name }) })
  }
  return made
}

function rangeOf({ cidr, start, stop }: { readonly cidr?: string; readonly start?: string; readonly stop?: string }, withEnds: boolean): { readonly first: number; readonly last: number } {
  if (cidr === undefined) {
    const first = numberOf(start ?? '')
    return { first, last: stop === undefined || stop === '' ? first : numberOf(stop) }
  }
  const [network = '', prefix = ''] = cidr.split('/')
  const size = 2 ** (32 - Number(prefix))
  const first = Math.floor(numberOf(network) / size) * size
  return withEnds || size < 4 ? { first, last: first + size - 1 } : { first: first + 1, last: first + size - 2 }
}

function numberOf(ip: string): number {
  if (!isIPv4(ip)) throw new Error(`${JSON.stringify(ip)} is not an IPv4 address`)
  return ip.split('.').reduce((value, part) => value * 256 + Number(part), 0)
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

export function contains({ ranges }: AddressPool, ip: string): boolean {
  const value = numberOf(ip)
  return ranges.some(({ first, last }) => value >= first && value <= last)
}

/** How many addresses a pool has. */
export function sizeOf({ ranges }: AddressPool): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/** The lowest address of the pool that is not taken. */
export function freeAddress({ ranges }: AddressPool, taken: (ip: string) => boolean): string | undefined {
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value++) if (!taken(textOf(value))) return textOf(value)
  }
  return undefined
}
