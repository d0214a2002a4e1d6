import type { Client } from '@idp/client'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { CiliumEndpoint, CiliumIdentity } from '../kinds/cilium.ts'

const everyMs = 900_000

/** Deletes CiliumIdentities that no CiliumEndpoint has had for a whole round of 15 minutes, as upstream's operator does. */
export function collectIdentities({ client, clock, log, signal }: { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }): void {
  let unused = new Set<string>()
  let timer: Disposable | undefined
  const round = async () => {
    const [identities, endpoints] = await Promise.all([client.list(CiliumIdentity, {}), client.list(CiliumEndpoint, {})])
    const used = new Set(endpoints.items.map(({ status }) => String(status?.identity.id)))
    const now = identities.items.map(({ metadata }) => metadata.name ?? '').filter((name) => !used.has(name))
    for (const name of now) if (unused.has(name)) await client.delete(CiliumIdentity, name)
    unused = new Set(now.filter((name) => !unused.has(name)))
  }
  const schedule = () => {
    timer = clock.timer(everyMs, () => {
      round().catch((error: unknown) => { if (!signal.aborted) log.warn('unused identities could not be collected', { error: messageOf(error) }) }).finally(() => { if (!signal.aborted) schedule() })
    })
  }
  signal.addEventListener('abort', () => timer?.[Symbol.dispose](), { once: true })
  schedule()
}
