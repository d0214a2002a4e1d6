import { isApiError, Lease } from '@idp/api'
import type { Client } from '@idp/client'
import { CodedError, messageOf, rfc3339Micro, sleep, type Clock, type Log } from '@idp/kit'

export interface LeaseOptions {
  readonly name: string
  readonly namespace: string
  /** Who asks. Stable over restarts: who held the lease before takes it again at once. */
  readonly identity: string
  /** How long others wait after the last renewal; 30 s by default. */
  readonly durationMs?: number
  /** Time between renewals and between attempts; 10 s by default. */
  readonly retryMs?: number
}

interface Holding extends LeaseOptions {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Called when another has taken the lease, or it could not be renewed in time. */
  lost(reason: Error): void
}

/** Resolves when the Lease is ours; keeps renewing it afterwards until the signal. */
export async function holdLease(client: Client, holding: Holding): Promise<void> {
  const { clock, signal, retryMs = 10_000 } = holding
  while (!(await tryAcquire(client, holding))) await sleep(clock, retryMs, signal)
  void renew(client, holding)
}

async function renew(client: Client, holding: Holding): Promise<void> {
  const { clock, log, signal, durationMs = 30_000, retryMs = 10_000 } = holding
  let renewed = clock.now()
  while (!signal.aborted) {
    await sleep(clock, retryMs, signal).catch(() => {})
    if (signal.aborted) return
    try {
      if (!(await tryAcquire(client, holding))) return holding.lost(lostError(holding, 'another holds it now'))
      renewed = clock.now()
    } catch (error) {
      log.warn('lease not renewed', { lease: holding.name, error: messageOf(error) })
      if (clock.now() - renewed > durationMs) return holding.lost(lostError(holding, `it was not renewed for ${durationMs / 1000} s`))
    }
  }
}

function lostError(holding: Holding, why: string): CodedError {
  return new CodedError({ code: 'LeaseLost', message: `${holding.identity} lost the lease: ${why}`, where: `Lease ${holding.namespace}/${holding.name}`, remedy: 'run one instance, or start again' })
}

async function tryAcquire(client: Client, holding: Holding): Promise<boolean> {
  const { name, namespace, identity, clock, durationMs = 30_000 } = holding
  const now = rfc3339Micro(clock.now())
  const leaseDurationSeconds = Math.ceil(durationMs / 1000)
  try {
    const found = await client.get(Lease, name, { namespace })
    const spec = found.spec ?? {}
    const expires = Date.parse(String(spec.renewTime ?? 0)) + (spec.leaseDurationSeconds ?? 0) * 1000
    const held = spec.holderIdentity !== undefined && spec.holderIdentity !== '' && spec.holderIdentity !== identity
    if (held && expires > clock.now()) return false
    const same = spec.holderIdentity === identity
    const next = {
      ...spec, holderIdentity: identity, leaseDurationSeconds, renewTime: now, acquireTime: same ? spec.acquireTime ?? now : now,
      leaseTransitions: (spec.leaseTransitions ?? 0) + (same ? 0 : 1),
    }
    await client.update(Lease, { ...found, spec: next }, { namespace })
    return true
  } catch (error) {
    if (isApiError(error, 'Conflict')) return false
    if (!isApiError(error, 'NotFound')) throw error
  }
  try {
    const spec = { holderIdentity: identity, leaseDurationSeconds, acquireTime: now, renewTime: now, leaseTransitions: 0 }
    await client.create(Lease, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec })
    return true
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return false
    throw error
  }
}
