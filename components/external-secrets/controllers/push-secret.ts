import { isApiError, Secret } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { applyTemplates } from '../engine/apply-template.ts'
import { withCondition } from '../engine/conditions.ts'
import { parseGoDuration } from '../engine/go-duration.ts'
import { resourceVersionOf } from '../engine/object-hash.ts'
import { redact } from '../engine/redact.ts'
import { bytes, jsonText, secretMapOf, text, type SecretMap } from '../engine/secret-map.ts'
import { unsupportedInTemplate } from '../engine/unsupported.ts'
import { ClusterSecretStore, names, PushSecret, SecretStore, type PushData, type StoreRef, type SyncedPushSecrets } from '../kinds/external-secrets.ts'
import type { PushSource } from '../providers/provider.ts'
import type { Operator } from './operator.ts'
import { clientFor, type Generate } from './provider-data.ts'
import { watchStores } from './store.ts'
import { templateTexts } from './template-texts.ts'

const RETRY_MS = 5000

/** Writes Secrets (or generated values) of a namespace to stores, and takes them out again where the deletion policy says so. */
export function pushSecretController(operator: Operator, generate: Generate): Controller<PushSecret> {
  const all = (namespace: string | undefined, scope: Scope) => scope.cache(PushSecret).list(namespace === undefined ? {} : { namespace }).map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  return {
    name: 'pushsecret',
    for: PushSecret,
    concerns: (before, after) => before === undefined || resourceVersionOf(before.metadata) !== resourceVersionOf(after.metadata) || after.metadata.deletionTimestamp !== undefined,
    watches: [watch(Secret, ({ metadata }, scope) => all(metadata.namespace, scope)), ...watchStores(({ metadata }, _kind, scope) => all(metadata.namespace, scope), [SecretStore, ClusterSecretStore])],
    finalizer: names.pushFinalizer,
    async finalize(push, scope) {
      if (push.spec.deletionPolicy === 'Delete') await remove(push, {}, operator, scope)
      return { done: true }
    },
    async reconcile(push, scope) {
      const now = scope.clock.now()
      const outcome = await sync(push, scope, operator, generate)
      const { condition, synced } = outcome
      if (push.status?.conditions?.find(({ type }) => type === 'Ready')?.message !== condition.message) scope.event(push, condition.status === 'True' ? 'Normal' : 'Warning', condition.reason, condition.message)
      for (const value of ['True', 'False']) operator.metrics.set('pushsecret_status_condition', { name: push.metadata.name ?? '', namespace: push.metadata.namespace ?? '', condition: 'Ready', status: value }, value === condition.status ? 1 : 0)
      const status = { ...push.status, ...(condition.status === 'True' ? { refreshTime: rfc3339(now) } : {}), syncedResourceVersion: resourceVersionOf(push.metadata), syncedPushSecrets: synced, conditions: withCondition(push.status?.conditions, { type: 'Ready', ...condition }, rfc3339(now)) }
      const interval = parseGoDuration(push.spec.refreshInterval ?? '1h') ?? 3_600_000
      return { status, ...(condition.status === 'False' ? { requeueAfter: RETRY_MS } : interval > 0 ? { requeueAfter: interval } : {}) }
    },
  }
}

interface Result { readonly condition: { readonly status: string; readonly reason: string; readonly message: string }; readonly synced: SyncedPushSecrets }

async function sync(push: PushSecret, scope: Scope, operator: Operator, generate: Generate): Promise<Result> {
  const before = push.status?.syncedPushSecrets ?? {}
  const errored = (message: string): Result => ({ condition: { status: 'False', reason: 'Errored', message }, synced: before })
  const unsupported = push.spec.dataTo !== undefined ? 'spec.dataTo' : unsupportedInTemplate(push.spec.template, 'spec.template')
  if (unsupported !== undefined) return errored(`${unsupported} is not supported by this stand-in`)
  let sources: Source[]
  try {
    sources = await sourcesOf(push, scope, generate)
  } catch (error) {
    return errored(error instanceof Error && isApiError(error.cause, 'NotFound') ? 'could not get source secret' : messageOf(error))
  }
  const synced: SyncedPushSecrets = {}
  let values: SecretMap = new Map()
  try {
    for (const source of sources) {
      values = source.values
      const made = await templated(push, source, operator, scope)
      values = made.values
      for (const ref of storesOf(push, scope)) await pushTo(push, ref, made, synced, { operator, scope })
    }
    if (push.spec.deletionPolicy === 'Delete') await remove(push, synced, operator, scope)
  } catch (error) {
    return { ...errored(`set secret failed: ${redact(messageOf(error), values)}`), synced: { ...before, ...synced } }
  }
  return { condition: { status: 'True', reason: 'Synced', message: push.spec.updatePolicy === 'IfNotExists' ? 'PushSecret synced successfully. Existing secrets in providers unchanged.' : 'PushSecret synced successfully' }, synced }
}

/** What is pushed, and the type and marks it has. */
interface Source extends PushSource { readonly values: SecretMap }
const sourceOf = (secret: Secret): Source => ({ values: secretMapOf(secret), type: secret.type, labels: secret.metadata.labels ?? {}, annotations: secret.metadata.annotations ?? {} })

async function sourcesOf({ spec, metadata }: PushSecret, scope: Scope, generate: Generate): Promise<Source[]> {
  const namespace = metadata.namespace ?? ''
  const { secret, generatorRef } = spec.selector
  if (generatorRef !== undefined) return [{ values: await generate(generatorRef, namespace, scope) }]
  if (secret?.name !== undefined && secret.name !== '') {
    try {
      return [sourceOf(await scope.client.get(Secret, secret.name, { namespace }))]
    } catch (error) {
      throw new Error(messageOf(error), { cause: error })
    }
  }
  const { items } = await scope.client.list(Secret, { namespace })
  return items.filter((each) => matchesLabelSelector((secret?.selector ?? {}) as LabelSelector, each.metadata.labels ?? {})).map(sourceOf)
}

async function templated({ spec, metadata }: PushSecret, source: Source, operator: Operator, scope: Scope): Promise<Source> {
  const { template } = spec
  if (template === undefined) return source
  const merge = template.mergePolicy === 'Merge'
  const data: SecretMap = merge ? new Map(source.values) : new Map()
  const [labels, annotations] = [merge ? { ...source.labels } : {}, merge ? { ...source.annotations } : {}]
  applyTemplates(operator.engine, template, await templateTexts(template, metadata.namespace ?? '', scope), source.values, { data, labels, annotations })
  return { values: data, labels, annotations, type: template.type ?? source.type }
}

function storesOf({ spec, metadata }: PushSecret, scope: Scope): StoreRef[] {
  return spec.secretStoreRefs.flatMap(({ name, kind = 'SecretStore', labelSelector }) => {
    if (name !== undefined && name !== '') return [{ name, kind }]
    const stores = kind === 'ClusterSecretStore' ? scope.cache(ClusterSecretStore).list() : scope.cache(SecretStore).list({ namespace: metadata.namespace ?? '' })
    return stores.filter((store) => matchesLabelSelector((labelSelector ?? {}) as LabelSelector, store.metadata.labels ?? {})).map((store) => ({ name: store.metadata.name ?? '', kind }))
  })
}

async function pushTo({ spec, metadata }: PushSecret, ref: StoreRef, { values: given, ...source }: Source, synced: SyncedPushSecrets, use: { readonly operator: Operator; readonly scope: Scope }): Promise<void> {
  const client = await clientFor(ref, metadata.namespace ?? '', use)
  const store = `${ref.kind ?? 'SecretStore'}/${ref.name}`
  const done = synced[store] ??= {}
  for (const entry of spec.data ?? []) {
    const { secretKey, remoteRef: { remoteKey, property } } = entry.match
    if (client.push === undefined) throw new Error(`could not write remote ref ${secretKey ?? ''} to target secretstore ${ref.name}: the provider can only read`)
    const values = entry.conversionStrategy === 'ReverseUnicode' ? new Map([...given].map(([key, value]) => [key.replaceAll(/_U([0-9a-fA-F]{4,5})_/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16))), value])) : given
    const value = secretKey === undefined || secretKey === '' ? bytes(jsonText(Object.fromEntries([...values].map(([key, each]) => [key, text(each)])))) : values.get(secretKey)
    if (value === undefined) throw new Error(`secret key ${secretKey} does not exist`)
    const target = { key: remoteKey, property, metadata: entry.metadata, source }
    try {
      if (spec.updatePolicy !== 'IfNotExists' || await client.exists?.(target) !== true) await client.push(value, target)
    } catch (error) {
      throw new Error(`could not write remote ref ${secretKey ?? remoteKey} to target secretstore ${ref.name}: ${messageOf(error)}`, { cause: error })
    }
    done[remoteId(entry)] = { match: entry.match, ...(entry.conversionStrategy === undefined ? {} : { conversionStrategy: entry.conversionStrategy }) }
  }
}

const remoteId = ({ match: { remoteRef } }: PushData): string => (remoteRef.property === undefined || remoteRef.property === '' ? remoteRef.remoteKey : `${remoteRef.remoteKey}/${remoteRef.property}`)

/** Takes out of the stores what was pushed and is no longer wanted. */
async function remove(push: PushSecret, wanted: SyncedPushSecrets, operator: Operator, scope: Scope): Promise<void> {
  for (const [store, entries] of Object.entries(push.status?.syncedPushSecrets ?? {})) {
    const [kind, name = ''] = store.split('/')
    const gone = Object.entries(entries).filter(([id]) => wanted[store]?.[id] === undefined)
    if (gone.length === 0) continue
    const client = await clientFor({ name, kind: kind === 'ClusterSecretStore' ? 'ClusterSecretStore' : 'SecretStore' }, push.metadata.namespace ?? '', { operator, scope })
    for (const [, { match: { remoteRef }, metadata }] of gone) await client.remove?.({ key: remoteRef.remoteKey, property: remoteRef.property, metadata })
  }
}
