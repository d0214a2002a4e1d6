import type { Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { messageOf, rfc3339 } from '@idp/kit'
import { withCondition } from '../engine/conditions.ts'
import { ClusterSecretStore, type SecretStore, type Store } from '../kinds/external-secrets.ts'
import type { Provider, ProviderContext } from '../providers/provider.ts'
import type { Operator } from './operator.ts'

/** A store is tried again this often unless it says otherwise. */
const STORE_MS = 60_000
const RETRY_MS = 2000

/** The provider that a store names. @returns what is wrong, when it names none or one that is not supported */
export function providerOf(store: Store, operator: Operator): { readonly provider: Provider } | { readonly fault: string } {
  const named = Object.keys(store.spec.provider ?? {})
  const [name] = named
  if (name === undefined || named.length > 1) return { fault: `store error: secret stores must only have exactly one backend specified, found ${named.length}` }
  const provider = operator.providers.get(name)
  return provider === undefined ? { fault: `provider ${name} is not supported by this stand-in (${[...operator.providers.keys()].join(', ')} are)` } : { provider }
}

export function contextOf(store: Store, namespace: string, operator: Operator, scope: Pick<Scope, 'client' | 'clock'>): ProviderContext {
  return { client: scope.client, clock: scope.clock, fetch: operator.fetch, dial: operator.dial, ownToken: operator.ownToken, store, namespace }
}

interface Verdict { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string; readonly detail?: string }

/** Validates SecretStores or ClusterSecretStores: their Ready condition and capabilities. */
export function storeController(kind: typeof SecretStore, operator: Operator): Controller<Store> {
  return {
    name: kind.plural,
    for: kind as Kind<Store>,
    concurrency: 4,
    concerns: (before, after) => before === undefined || before.metadata.generation !== after.metadata.generation || before.metadata.annotations !== after.metadata.annotations,
    async reconcile(store, scope) {
      if (store.spec.controller !== undefined && store.spec.controller !== '' && store.spec.controller !== 'default') return
      const started = scope.clock.now()
      const found = providerOf(store, operator)
      const verdict = await judge({ ...store, apiVersion: 'external-secrets.io/v1', kind: kind.kind }, found, operator, scope)
      const old = store.status?.conditions?.find(({ type }) => type === 'Ready')
      if (old?.status !== verdict.status || old.reason !== verdict.reason || old.message !== verdict.message) scope.event(store, verdict.reason === 'Valid' ? 'Normal' : 'Warning', verdict.reason, verdict.detail ?? verdict.message)
      const family = kind.plural.slice(0, -1)
      const labels = { name: store.metadata.name ?? '', namespace: store.metadata.namespace ?? '' }
      operator.metrics.set(`${family}_status_condition`, { ...labels, condition: 'Ready', status: verdict.status }, 1)
      operator.metrics.set(`${family}_status_condition`, { ...labels, condition: 'Ready', status: verdict.status === 'True' ? 'False' : 'True' }, 0)
      operator.metrics.set(`${family}_reconcile_duration`, labels, (scope.clock.now() - started) * 1e6)
      const interval = store.spec.refreshInterval === undefined || store.spec.refreshInterval === 0 ? STORE_MS : store.spec.refreshInterval * 1000
      return {
        status: {
          ...store.status, ...('provider' in found && verdict.status === 'True' ? { capabilities: found.provider.capabilities } : {}),
          conditions: withCondition(store.status?.conditions, { type: 'Ready', status: verdict.status, reason: verdict.reason, message: verdict.message }, rfc3339(scope.clock.now())),
        },
        requeueAfter: verdict.status === 'True' ? interval : Math.min(interval, RETRY_MS),
      }
    },
    async gone({ name, namespace }) {
      operator.metrics.forget({ name, namespace: namespace ?? '' })
    },
  }
}

async function judge(store: Store, found: ReturnType<typeof providerOf>, operator: Operator, scope: Scope): Promise<Verdict> {
  // Upstream's condition names no cause, only its event does; ours has it after upstream's words, since an event is soon gone.
  if ('fault' in found) return { status: 'False', reason: 'InvalidProviderConfig', message: `unable to create client: ${found.fault}`, detail: found.fault }
  const fault = found.provider.fault(store)
  if (fault !== undefined) return { status: 'False', reason: 'InvalidProviderConfig', message: `unable to create client: ${fault}`, detail: fault }
  try {
    const result = await found.provider.connect(contextOf(store, store.kind === ClusterSecretStore.kind ? '' : store.metadata.namespace ?? '', operator, scope)).validate()
    return result === 'ready' ? { status: 'True', reason: 'Valid', message: 'store validated' } : { status: 'True', reason: 'ValidationUnknown', message: 'could not determine validation status' }
  } catch (error) {
    return { status: 'False', reason: 'InvalidProviderConfig', message: `unable to validate store: ${messageOf(error)}`, detail: messageOf(error) }
  }
}

/** Wakes what uses a store when the store becomes usable, or is no longer so. */
export function watchStores(map: (store: Store, kind: string, scope: Scope) => Iterable<{ name: string; namespace?: string | undefined }>, kinds: readonly Kind<Store>[]) {
  return kinds.map((kind) => watch(kind, (store, scope, { before, after }) => {
    const ready = (each: Store | undefined): string => `${each?.metadata.generation} ${each?.status?.conditions?.find(({ type }) => type === 'Ready')?.status}`
    return ready(before) === ready(after) ? [] : map(store, kind.kind, scope)
  }))
}
