import { isApiError, Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Controller } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { setCondition } from '../engine/conditions.ts'
import { discoverKinds } from '../engine/deletable-kinds.ts'

type Status = NonNullable<Namespace['status']>
type Condition = NonNullable<Status['conditions']>[number]

interface Sweep {
  /** Objects left, by `plural.group`. */
  readonly remaining: Map<string, number>
  /** How many objects wait on each finalizer. */
  readonly finalizers: Map<string, number>
  readonly failures: string[]
  /** Longest grace period of what is left, in seconds. */
  grace: number
}

/** Empties namespaces that are being deleted, then lets them go. */
export const namespaceController: Controller<Namespace> = {
  name: 'namespace-controller',
  for: Namespace, concurrency: 5,
  concerns: (_before, after) => after.metadata.deletionTimestamp !== undefined,
  async reconcile(namespace, { client, clock }) {
    const name = namespace.metadata.name ?? ''
    if (namespace.metadata.deletionTimestamp === undefined) return
    if (!(namespace.spec?.finalizers ?? []).includes('kubernetes')) return
    const now = rfc3339(clock.now())
    let sweep: Sweep = { remaining: new Map(), finalizers: new Map(), failures: [], grace: 0 }
    let discovery: string | undefined
    try {
      const { kinds, stale } = await discoverKinds(client, ['list', 'delete'])
      if (stale.length > 0) discovery = `Discovery failed for some groups, ${stale.length} failing: unable to retrieve the complete list of server APIs: ${stale.map((gv) => `${gv}: stale GroupVersion discovery: ${gv}`).join(', ')}`
      sweep = await emptyNamespace(client, name, kinds.filter((kind) => kind.scope === 'Namespaced'))
    } catch (error) {
      discovery = messageOf(error)
    }
    if (discovery === undefined && sweep.remaining.size === 0 && sweep.failures.length === 0) {
      await finalize(client, namespace)
      return
    }
    const status: Status = { ...namespace.status, phase: 'Terminating', conditions: conditionsOf(namespace, sweep, discovery, now) }
    // Nothing tells us when the last object goes: look again soon while only ordinary deletion is waited for.
    return { status, requeueAfter: sweep.grace > 0 ? Math.min(1_000, (sweep.grace / 2 + 1) * 1_000) : 500 }
  },
}

async function finalize(client: Client, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes')
  const name = namespace.metadata.name ?? ''
  try {
    await client.update(Namespace, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return
    if (!isApiError(error, 'Conflict')) throw error
    const live = await client.get(Namespace, name)
    await client.update(Namespace, { ...live, spec: { ...live.spec, finalizers } }, { subresource: 'finalize' })
  }
}

async function emptyNamespace(client: Client, namespace: string, kinds: readonly Kind<AnyObject>[]): Promise<Sweep> {
  const sweep: Sweep = { remaining: new Map(), finalizers: new Map(), failures: [], grace: 0 }
  // Pods last: what makes pods goes first, so that nothing makes new ones.
  const order = [...kinds].sort((a, b) => Number(a.plural === 'pods') - Number(b.plural === 'pods'))
  for (const kind of order) {
    try {
      await emptyKind(client, namespace, kind, sweep)
    } catch (error) {
      if (!isApiError(error, 'MethodNotAllowed', 'NotFound')) sweep.failures.push(messageOf(error))
    }
  }
  return sweep
}

async function emptyKind(client: Client, namespace: string, kind: Kind<AnyObject>, sweep: Sweep): Promise<void> {
  const before = await client.list(kind, { namespace, limit: 500 })
  if (before.items.length === 0) return
  const fresh = before.items.filter((object) => object.metadata.deletionTimestamp === undefined)
  if (fresh.length > 0 || before.metadata.continue) await deleteAll(client, namespace, kind, fresh)
  const { items } = await client.list(kind, { namespace })
  if (items.length === 0) return
  sweep.remaining.set(kind.group === '' ? `${kind.plural}.` : `${kind.plural}.${kind.group}`, items.length)
  for (const { metadata } of items) {
    sweep.grace = Math.max(sweep.grace, metadata.deletionGracePeriodSeconds ?? 0)
    for (const finalizer of metadata.finalizers ?? []) sweep.finalizers.set(finalizer, (sweep.finalizers.get(finalizer) ?? 0) + 1)
  }
}

async function deleteAll(client: Client, namespace: string, kind: Kind<AnyObject>, objects: readonly AnyObject[]): Promise<void> {
  try {
    await client.deleteCollection(kind, { namespace, propagationPolicy: 'Background' })
  } catch (error) {
    if (!isApiError(error, 'MethodNotAllowed')) throw error
    for (const { metadata: { name = '' } } of objects) await client.delete(kind, name, { namespace, propagationPolicy: 'Background' })
  }
}

function conditionsOf(namespace: Namespace, sweep: Sweep, discovery: string | undefined, now: string): Condition[] {
  const listed = [...sweep.remaining].sort().map(([resource, count]) => `${resource} has ${count} resource instances`).join(', ')
  const finalizers = [...sweep.finalizers].sort().map(([finalizer, count]) => `${finalizer} in ${count} resource instances`).join(', ')
  const rows: [string, boolean, string, string, string, string][] = [
    ['NamespaceDeletionDiscoveryFailure', discovery !== undefined, 'DiscoveryFailed', discovery ?? '', 'ResourcesDiscovered', 'All resources successfully discovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', false, 'GroupVersionParsingFailed', '', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    ['NamespaceDeletionContentFailure', sweep.failures.length > 0, 'ContentDeletionFailed', `Failed to delete all resource types, ${sweep.failures.length} remaining: ${sweep.failures.join(', ')}`, 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    ['NamespaceContentRemaining', sweep.remaining.size > 0, 'SomeResourcesRemain', `Some resources are remaining: ${listed}`, 'ContentRemoved', 'All content successfully removed'],
    ['NamespaceFinalizersRemaining', sweep.finalizers.size > 0, 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${finalizers}`, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
  ]
  let conditions: Condition[] = namespace.status?.conditions ?? []
  for (const [type, failing, reason, message, okReason, okMessage] of rows) {
    conditions = setCondition(conditions, { type, status: failing ? 'True' : 'False', reason: failing ? reason : okReason, message: failing ? message : okMessage }, now) as Condition[]
  }
  return conditions
}
