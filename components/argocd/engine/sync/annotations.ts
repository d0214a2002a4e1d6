import type { KubeObject } from '@idp/formats'

/** Options of one object: `argocd.argoproj.io/sync-options: A=true,B=false`. */
export function syncOptionsOf(object: KubeObject | undefined): ReadonlySet<string> {
  return optionSet(object?.metadata.annotations?.['argocd.argoproj.io/sync-options']?.split(',') ?? [])
}

export function optionSet(options: readonly string[]): ReadonlySet<string> {
  return new Set(options.map((one) => one.trim()).filter((one) => one !== ''))
}

export type HookType = 'PreSync' | 'Sync' | 'PostSync' | 'SyncFail' | 'PreDelete' | 'PostDelete' | 'Skip'
export type HookDeletePolicy = 'HookSucceeded' | 'HookFailed' | 'BeforeHookCreation'

const hookTypes: readonly string[] = ['PreSync', 'Sync', 'PostSync', 'SyncFail', 'PreDelete', 'PostDelete', 'Skip']
const helmHooks: Readonly<Record<string, HookType>> = {
  'crd-install': 'PreSync', 'pre-install': 'PreSync', 'pre-upgrade': 'PreSync', 'post-install': 'PostSync', 'post-upgrade': 'PostSync', 'post-delete': 'PostDelete',
}
const unsupportedHelmHooks = new Set(['pre-delete', 'pre-rollback', 'post-rollback', 'test', 'test-success', 'test-failure'])

const list = (text: string | undefined): string[] => (text ?? '').split(',').map((one) => one.trim()).filter((one) => one !== '')

/** When an object is a hook: its phases. Helm's hook annotations count where there is no native one. */
export function hookTypesOf(object: KubeObject): readonly HookType[] {
  const annotations = object.metadata.annotations ?? {}
  const native = list(annotations['argocd.argoproj.io/hook']).filter((one): one is HookType => hookTypes.includes(one))
  if (native.length > 0) return native
  const helm = list(annotations['helm.sh/hook'])
  if (helm.length === 0) return []
  const mapped = helm.map((one) => helmHooks[one]).filter((one) => one !== undefined)
  if (mapped.length > 0) return [...new Set(mapped)]
  return helm.every((one) => unsupportedHelmHooks.has(one)) ? ['Skip'] : []
}

export function isHook(object: KubeObject): boolean {
  return hookTypesOf(object).length > 0
}

const helmPolicies: Readonly<Record<string, HookDeletePolicy>> = { 'before-hook-creation': 'BeforeHookCreation', 'hook-succeeded': 'HookSucceeded', 'hook-failed': 'HookFailed' }

/** `BeforeHookCreation` unless the object says otherwise. */
export function hookDeletePolicies(object: KubeObject): ReadonlySet<HookDeletePolicy> {
  const annotations = object.metadata.annotations ?? {}
  const native = list(annotations['argocd.argoproj.io/hook-delete-policy']).filter((one): one is HookDeletePolicy => ['HookSucceeded', 'HookFailed', 'BeforeHookCreation'].includes(one))
  const helm = list(annotations['helm.sh/hook-delete-policy']).map((one) => helmPolicies[one]).filter((one) => one !== undefined)
  const all = [...native, ...helm]
  return new Set(all.length === 0 ? ['BeforeHookCreation'] : all)
}

/** `argocd.argoproj.io/sync-wave`, else Helm's hook weight, else 0. */
export function waveOf(object: KubeObject): number {
  const annotations = object.metadata.annotations ?? {}
  const text = annotations['argocd.argoproj.io/sync-wave'] ?? annotations['helm.sh/hook-weight']
  const value = Number.parseInt(text ?? '0', 10)
  return Number.isFinite(value) ? value : 0
}
