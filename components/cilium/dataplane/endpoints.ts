import type { ServicePort } from '../engine/backends.ts'

/** Where the ready endpoints of Services are. */
export interface Endpoints {
  /** `ip:port` of the next ready endpoint of a Service's port, in turn; undefined when there is none. */
  next(service: ServicePort): string | undefined
}

interface Slice {
  readonly addressType: string
  readonly ports?: readonly { readonly name?: string | undefined; readonly port?: number | undefined }[] | undefined
  readonly endpoints?: readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean | undefined } | undefined }[] | undefined
}

/** @param slices the EndpointSlices of a Service; asked again when `version` has changed */
export function roundRobin(slices: (namespace: string, service: string) => readonly Slice[], version: () => number): Endpoints {
  interface Known { readonly version: number; readonly addresses: readonly string[]; next: number }
  const known = new Map<string, Known>()
  // The same object comes with each request of a route; the name is put together once.
  const byService = new WeakMap<ServicePort, Known>()
  const look = (service: ServicePort, now: number): Known => {
    const key = `${service.namespace}/${service.name}:${service.portName}`
    let list = known.get(key)
    if (list === undefined || list.version !== now) {
      list = { version: now, addresses: readyAddresses(slices(service.namespace, service.name), service.portName), next: list?.next ?? 0 }
      known.set(key, list)
    }
    byService.set(service, list)
    return list
  }
  return {
    next(service) {
      const now = version()
      let list = byService.get(service)
      if (list === undefined || list.version !== now) list = look(service, now)
      return list.addresses[list.next++ % (list.addresses.length || 1)]
    },
  }
}

function readyAddresses(slices: readonly Slice[], portName: string): string[] {
  const addresses = new Set<string>()
  for (const slice of slices) {
    const port = slice.ports?.find((candidate) => (candidate.name ?? '') === portName)?.port
    if (port === undefined || slice.addressType === 'FQDN') continue
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false) continue
      const [address] = endpoint.addresses
      if (address !== undefined) addresses.add(`${slice.addressType === 'IPv6' ? `[${address}]` : address}:${port}`)
    }
  }
  return [...addresses].sort()
}
