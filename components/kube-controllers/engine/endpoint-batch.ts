/** How long a change that opens or closes no way for traffic may wait for others. */
const batchMs = 1000

/**
 * Puts off writing the endpoints of a Service while nothing changes for traffic: a Service without ready pods yet, a pod that has an address
 * but is not ready. As upstream's `--endpoint-updates-batch-period`, but a pod that becomes ready, or ceases to be, is never waited for.
 */
export interface EndpointBatch {
  /** Milliseconds to wait before the change is written; 0: write it now. `before` and `after`: what traffic can reach. */
  wait(service: string, now: number, reachable: { readonly before: readonly string[]; readonly after: readonly string[] }): number
  /** The Service has what it should have, or is gone. */
  done(service: string): void
}

export function endpointBatch(): EndpointBatch {
  const since = new Map<string, number>()
  return {
    wait(service, now, { before, after }) {
      const begun = since.get(service) ?? now
      const left = begun + batchMs - now
      if (left <= 0 || [...before].sort().join() !== [...after].sort().join()) {
        since.delete(service)
        return 0
      }
      since.set(service, begun)
      return left
    },
    done: (service) => void since.delete(service),
  }
}
