import { CodedError } from '@idp/kit'
import type { AddressPool } from './node-context.ts'

/** Addresses `10.42.<node>.2` to `.254`; the one released longest ago is taken next. */
export function createAddressPool(prefix: string): AddressPool {
  const free = Array.from({ length: 253 }, (_, i) => `${prefix}.${i + 2}`)
  return {
    take(wanted) {
      const at = wanted === undefined ? 0 : Math.max(0, free.indexOf(wanted))
      const [ip] = free.splice(at, 1)
      if (ip === undefined) throw new CodedError({ code: 'AddressesExhausted', message: 'the node has no free pod address', where: `${prefix}.0/24`, remedy: 'delete pods or add a node' })
      return ip
    },
    release(ip) {
      if (!free.includes(ip)) free.push(ip)
    },
  }
}
