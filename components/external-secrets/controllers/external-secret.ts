import { isApiError, Secret } from '@idp/api'
import { watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { withCondition } from '../engine/conditions.ts'
import { fieldOwner, ownerHash, resourceVersionOf } from '../engine/object-hash.ts'
import { redact } from '../engine/redact.ts'
import { followsSource, isRefreshDue, isSecretValid, msUntilRefresh } from '../engine/refresh.ts'
import type { SecretMap } from '../engine/secret-map.ts'
import { targetName, targetSecret, TargetError } from '../engine/target-secret.ts'
import { unsupportedField } from '../engine/unsupported.ts'
import { ClusterSecretStore, ExternalSecret, names, SecretStore, type ExternalSecretStatus } from '../kinds/external-secrets.ts'
import type { Operator } from './operator.ts'
import { providerData, sourceFingerprint, type Generate, type Sources } from './provider-data.ts'
import { watchStores } from './store.ts'
import { templateTexts } from './template-texts.ts'

/** Between refreshes the source is looked at this often, so that a change reaches the Secret in less than two seconds. */
const LOOK_MS = 1000
const HEAL_MS = 5000

interface Pass { readonly externalSecret: ExternalSecret; readonly scope: Scope; readonly operator: Operator; readonly sources: Sources; readonly now: number }

/** Keeps the Secret of every ExternalSecret equal to its source. */
export function externalSecretController(operator: Operator, generate: Generate): Controller<ExternalSecret> {
  /** What the source looked like when it was last read, by uid; lost with the process, which then reads once more when it changes. */
  const looks = new Map<string, string>()
  const refreshed = new Map<string, number>()
  const usersOf = (test: (each: ExternalSecret) => boolean, namespace: string | undefined, scope: Scope) => scope.cache(ExternalSecret).list(namespace === undefined ? {} : { namespace }).filter(test).map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))
  return {
    name: 'external-secrets',
    for: ExternalSecret,
    concurrency: 5,
    concerns: (before, after) => before === undefined || resourceVersionOf(before.metadata) !== resourceVersionOf(after.metadata) || after.metadata.deletionTimestamp !== undefined,
    watches: [
      watch(Secret, (secret, scope) => usersOf((each) => targetName(each) === secret.metadata.name, secret.metadata.namespace ?? '', scope)),
      ...watchStores((store, kind, scope) => usersOf((each) => storesOf(each).some((ref) => ref.name === store.metadata.name && (ref.kind ?? 'SecretStore') === kind), store.metadata.namespace, scope), [SecretStore, ClusterSecretStore]),
    ],
    finalizer: names.finalizer,
    async finalize(externalSecret, scope) {
      looks.delete(externalSecret.metadata.uid ?? '')
      refreshed.delete(externalSecret.metadata.uid ?? '')
      const secret = scope.cache(Secret).get(targetName(externalSecret), externalSecret.metadata.namespace)
      const owned = secret?.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === externalSecret.metadata.uid) === true
      if (externalSecret.spec.target?.deletionPolicy === 'Delete' && owned) await removeSecret(secret, scope)
      return { done: true }
    },
    async gone({ name, namespace }) {
      operator.metrics.forget({ name, namespace: namespace ?? '' })
    },
    async reconcile(externalSecret, scope): Promise<Outcome | void> {
      const { metadata, spec } = externalSecret
      const labels = { name: metadata.name ?? '', namespace: metadata.namespace ?? '' }
      const now = scope.clock.now()
      const pass: Pass = { externalSecret, scope, operator, now, sources: { operator, scope, generate } }
      if (storesOf(externalSecret).some((ref) => isForeign(ref, metadata.namespace, scope))) return
      const secret = scope.cache(Secret).get(targetName(externalSecret), metadata.namespace)
      const follows = followsSource(externalSecret)
      const seen = follows ? await look(pass) : undefined
      const uid = metadata.uid ?? ''
      const settled = !isRefreshDue(externalSecret, now, refreshed.get(uid)) && isSecretValid(secret, externalSecret) && externalSecret.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
      if (settled && (!follows || seen === undefined || seen === looks.get(uid))) return next(externalSecret, Date.parse(externalSecret.status?.refreshTime ?? '') || (refreshed.get(uid) ?? now), scope, seen !== undefined)
      operator.metrics.add('externalsecret_sync_calls_total', labels)
      const outcome = await sync(pass)
      if (outcome.failed === undefined) refreshed.set(uid, now)
      if (outcome.failed === undefined && seen !== undefined && seen !== 'failed') looks.set(uid, seen)
      else looks.delete(uid)
      operator.metrics.set('externalsecret_reconcile_duration', labels, (scope.clock.now() - now) * 1e6)
      const status = outcome.failed === undefined ? 'True' : 'False'
      for (const value of ['True', 'False']) operator.metrics.set('externalsecret_status_condition', { ...labels, condition: 'Ready', status: value }, value === status ? 1 : 0)
      if (outcome.failed !== undefined) {
        operator.metrics.add('externalsecret_sync_calls_error', labels)
        return { ...outcome, requeueAfter: HEAL_MS }
      }
      return { ...outcome, ...next({ ...externalSecret, spec }, now, scope, follows && (seen !== undefined)) }
    },
  }
}

/** A look at the source that fails is a change: reading it says what is wrong. */
async function look({ externalSecret, sources }: Pass): Promise<string | undefined> {
  try {
    return await sourceFingerprint(externalSecret, sources)
  } catch {
    return 'failed'
  }
}

function next(externalSecret: ExternalSecret, refreshedAt: number, scope: Scope, follows: boolean): Outcome {
  const due = msUntilRefresh(externalSecret, refreshedAt, scope.clock.now())
  const after = follows ? Math.min(LOOK_MS, due ?? LOOK_MS) : due
  // A refresh interval may be longer than a timer can be.
  return after === undefined ? {} : { requeueAfter: Math.min(after, 86_400_000) }
}

function storesOf({ spec }: ExternalSecret): { name: string; kind?: string }[] {
  return [spec.secretStoreRef, ...(spec.data ?? []).map(({ sourceRef }) => sourceRef?.storeRef), ...(spec.dataFrom ?? []).map(({ sourceRef }) => sourceRef?.storeRef)].filter((ref) => ref !== undefined)
}

/** Stores of another controller class are another operator's. */
function isForeign(ref: { name: string; kind?: string }, namespace: string | undefined, scope: Scope): boolean {
  const store = ref.kind === 'ClusterSecretStore' ? scope.cache(ClusterSecretStore).get(ref.name) : scope.cache(SecretStore).get(ref.name, namespace)
  return !['', 'default'].includes(store?.spec.controller ?? '')
}

async function sync(pass: Pass): Promise<Outcome & { readonly failed?: unknown }> {
  const { externalSecret, scope, sources } = pass
  const unsupported = unsupportedField(externalSecret.spec)
  if (unsupported !== undefined) return failed(pass, `${unsupported} is not supported by this stand-in`, new Error(`${unsupported} is not supported by this stand-in`))
  let values: SecretMap
  try {
    values = await providerData(externalSecret, sources)
  } catch (error) {
    return failed(pass, 'could not get secret data from provider', error)
  }
  try {
    return await store(pass, values)
  } catch (error) {
    if (isApiError(error, 'Conflict', 'AlreadyExists') || scope.signal.aborted) throw error
    return failed(pass, error instanceof TargetError ? error.condition : 'could not update secret', error, values)
  }
}

async function store(pass: Pass, values: SecretMap): Promise<Outcome> {
  const { externalSecret, scope } = pass
  const { creationPolicy = 'Owner', deletionPolicy = 'Retain' } = externalSecret.spec.target ?? {}
  const name = targetName(externalSecret)
  const existing = await live(name, externalSecret.metadata.namespace, scope)
  if (values.size === 0 && deletionPolicy === 'Delete') {
    if (creationPolicy !== 'Owner') throw new TargetError('could not delete secret', `unable to delete secret ${name}: creationPolicy=${creationPolicy} is not Owner`)
    if (existing !== undefined) {
      await removeSecret(existing, scope)
      scope.event(externalSecret, 'Normal', 'Deleted', 'secret deleted due to DeletionPolicy=Delete')
    }
    return done(pass, 'SecretDeleted', 'secret deleted due to DeletionPolicy=Delete')
  }
  if (values.size === 0 && deletionPolicy === 'Retain') return done(pass, 'SecretSynced', 'secret retained due to DeletionPolicy=Retain')
  if (creationPolicy === 'None') return done(pass, 'SecretSynced', 'secret synced')
  if (creationPolicy === 'Merge' && existing === undefined) return done(pass, 'SecretMissing', 'secret will not be created due to CreationPolicy=Merge')
  if (creationPolicy === 'Owner') await removeOrphans(pass, name)
  const templates = await templateTexts(externalSecret.spec.target?.template, externalSecret.metadata.namespace ?? '', scope)
  const wanted = targetSecret({ externalSecret, existing, values, templates, engine: pass.operator.engine })
  await write(pass, existing, wanted)
  return done(pass, 'SecretSynced', 'secret synced', { name })
}

async function write({ externalSecret, scope }: Pass, existing: Secret | undefined, wanted: Secret): Promise<void> {
  const options = { fieldManager: fieldOwner(externalSecret.metadata.name ?? '') }
  if (existing === undefined) {
    await scope.client.create(Secret, wanted, options)
    scope.event(externalSecret, 'Normal', 'Created', 'secret created')
    return
  }
  if (deepEqual(existing, wanted)) return
  if (existing.immutable === true && !deepEqual([existing.data, existing.type], [wanted.data, wanted.type])) {
    throw new TargetError('could not update secret, target is immutable', `unable to update secret ${existing.metadata.name}: secret is immutable`)
  }
  await scope.client.update(Secret, wanted, options)
  scope.event(externalSecret, 'Normal', 'Updated', 'secret updated')
}

/** The Secret as the API server has it, with managed fields, which the cache leaves out. */
async function live(name: string, namespace: string | undefined, scope: Scope): Promise<Secret | undefined> {
  try {
    const secret = await scope.client.get(Secret, name, { namespace })
    return { ...secret, apiVersion: 'v1', kind: 'Secret' }
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}

async function removeSecret(secret: Pick<KubeObject, 'metadata'>, scope: Scope): Promise<void> {
  try {
    await scope.client.delete(Secret, secret.metadata.name ?? '', { namespace: secret.metadata.namespace })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}

/** Secrets that this ExternalSecret made under another name before. */
async function removeOrphans({ externalSecret, scope }: Pass, name: string): Promise<void> {
  const { namespace = '', name: own = '' } = externalSecret.metadata
  for (const secret of scope.cache(Secret).list({ namespace, labels: { [names.createdBy]: ownerHash(namespace, own) } })) {
    if (secret.metadata.name === name) continue
    await removeSecret(secret, scope)
    scope.event(externalSecret, 'Normal', 'Deleted', 'secret deleted because it was orphaned')
  }
}

function done({ externalSecret, now }: Pass, reason: string, message: string, binding?: { name: string }): Outcome {
  const { status, metadata } = externalSecret
  const next: ExternalSecretStatus = {
    ...status, refreshTime: rfc3339(now), syncedResourceVersion: resourceVersionOf(metadata), ...(binding === undefined ? {} : { binding }),
    conditions: withCondition(status?.conditions, { type: 'Ready', status: 'True', reason, message }, rfc3339(now)),
  }
  return { status: next }
}

function failed({ externalSecret, scope, now }: Pass, message: string, error: unknown, values: SecretMap = new Map()): Outcome {
  const cause = redact(messageOf(error), values)
  scope.event(externalSecret, 'Warning', 'UpdateFailed', cause)
  scope.log.warn('secret not synced', { externalSecret: `${externalSecret.metadata.namespace}/${externalSecret.metadata.name}`, error: cause })
  const { status } = externalSecret
  return {
    failed: new Error(cause),
    status: { ...status, conditions: withCondition(status?.conditions, { type: 'Ready', status: 'False', reason: 'SecretSyncedError', message }, rfc3339(now)) },
  }
}
