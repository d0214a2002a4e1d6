import { isApiError, Namespace } from '@idp/api'
import type { Scope } from '@idp/controller'
import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { render } from '../engine/apply-template.ts'
import { isTrue } from '../engine/conditions.ts'
import { convertKeys, decode, rewriteKeys, validateKeys } from '../engine/keys.ts'
import { bytes, type SecretMap } from '../engine/secret-map.ts'
import { ClusterSecretStore, SecretStore, type DataFrom, type DecodingStrategy, type ExternalSecret, type Find, type GeneratorRef, type NullBytePolicy, type RemoteRef, type Store, type StoreRef } from '../kinds/external-secrets.ts'
import { NoSecretError, type SecretsClient } from '../providers/provider.ts'
import type { Operator } from './operator.ts'
import { contextOf, providerOf } from './store.ts'

/** Makes values for a `generatorRef`. */
export type Generate = (ref: GeneratorRef, namespace: string, scope: Scope) => Promise<SecretMap>

export interface Sources { readonly operator: Operator; readonly scope: Scope; readonly generate: Generate }

/** A store as it stands in the cache. Throws when there is none. */
export function storeOf(ref: StoreRef | undefined, namespace: string, scope: Scope): Store {
  if (ref?.name === undefined) throw new Error('no secretStoreRef is given')
  const kind = ref.kind === 'ClusterSecretStore' ? ClusterSecretStore : SecretStore
  const store = kind === ClusterSecretStore ? scope.cache(kind).get(ref.name) : scope.cache(kind).get(ref.name, namespace)
  if (store === undefined) throw new Error(`could not get ${kind.kind} "${ref.name}", ${kind.kind}.external-secrets.io "${ref.name}" not found`)
  return { ...store, kind: kind.kind }
}

/** A client of a store for use from a namespace. Throws when the store is not ready, or not for this namespace. */
export async function clientFor(ref: StoreRef | undefined, namespace: string, { operator, scope }: Pick<Sources, 'operator' | 'scope'>): Promise<SecretsClient> {
  const store = storeOf(ref, namespace, scope)
  if (store.kind === ClusterSecretStore.kind && !await isAllowed(store, namespace, scope)) throw new Error(`using cluster store "${store.metadata.name}" is not allowed from namespace "${namespace}": denied by spec.condition`)
  if (!isTrue(store.status?.conditions, 'Ready')) throw new Error(`${store.kind} "${store.metadata.name}" is not ready`)
  const found = providerOf(store, operator)
  if ('fault' in found) throw new Error(found.fault)
  operator.metrics.add('externalsecret_provider_api_calls_count', { provider: found.provider.name, call: 'connect', status: 'success' })
  return found.provider.connect(contextOf(store, namespace, operator, scope))
}

async function isAllowed(store: Store, namespace: string, scope: Scope): Promise<boolean> {
  const conditions = store.spec.conditions ?? []
  if (conditions.length === 0) return true
  let labels: Record<string, string> = {}
  if (conditions.some(({ namespaceSelector }) => namespaceSelector !== undefined)) {
    try {
      labels = (await scope.client.get(Namespace, namespace)).metadata.labels ?? {}
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error
    }
  }
  return conditions.some(({ namespaces, namespaceRegexes, namespaceSelector }) => namespaces?.includes(namespace) === true
    || namespaceRegexes?.some((pattern) => new RegExp(pattern).test(namespace)) === true
    || (namespaceSelector !== undefined && matchesLabelSelector(namespaceSelector as LabelSelector, labels)))
}

/** All values an ExternalSecret asks for, in its order. Errors name the entry, not the value. */
export async function providerData(externalSecret: ExternalSecret, sources: Sources): Promise<SecretMap> {
  const { spec, metadata } = externalSecret
  const namespace = metadata.namespace ?? ''
  const retains = (spec.target?.deletionPolicy ?? 'Retain') === 'Retain'
  const values: SecretMap = new Map()
  const missing = (error: unknown, message: string): void => {
    if (!(error instanceof NoSecretError) || retains) throw error
    sources.scope.event(externalSecret, 'Normal', 'MissingProviderSecret', message)
  }
  for (const [index, entry] of (spec.dataFrom ?? []).entries()) {
    try {
      for (const [key, value] of await fromEntry(entry, spec.secretStoreRef, namespace, sources)) values.set(key, value)
    } catch (error) {
      missing(wrapped(error, `error processing spec.dataFrom[${index}].${entry.find !== undefined ? 'find' : entry.extract !== undefined ? 'extract' : 'sourceRef.generatorRef'}`), `secret does not exist at provider using spec.dataFrom[${index}]`)
    }
  }
  for (const [index, { secretKey, remoteRef, sourceRef }] of (spec.data ?? []).entries()) {
    try {
      const client = await clientFor(sourceRef?.storeRef ?? spec.secretStoreRef, namespace, sources)
      values.set(secretKey, decoded(remoteRef.decodingStrategy, withoutNullBytes(remoteRef.nullBytePolicy, secretKey, await client.getSecret(remoteRef))))
    } catch (error) {
      missing(wrapped(error, `error processing spec.data[${index}] (key: ${remoteRef.key})`), `secret does not exist at provider using spec.dataFrom[${index}] (key=${remoteRef.key})`)
    }
  }
  return values
}

function wrapped(error: unknown, where: string): unknown {
  if (!(error instanceof NoSecretError)) return new Error(`${where}, err: ${messageOf(error)}`, { cause: error })
  error.message = `${where}, err: ${error.message}`
  return error
}

async function fromEntry({ find, extract, rewrite = [], sourceRef }: DataFrom, ref: StoreRef | undefined, namespace: string, sources: Sources): Promise<SecretMap> {
  let map: SecretMap
  if (find !== undefined || extract !== undefined) {
    const client = await clientFor(sourceRef?.storeRef ?? ref, namespace, sources)
    map = find !== undefined ? await client.getAllSecrets(find) : await client.getSecretMap(extract ?? { key: '' })
    for (const [key, value] of map) withoutNullBytes((find ?? extract)?.nullBytePolicy, key, value)
  } else {
    if (sourceRef?.generatorRef === undefined) return new Map()
    map = await sources.generate(sourceRef.generatorRef, namespace, sources.scope)
  }
  const transform = (template: string, key: string): string => render(sources.operator.engine, 'transform', template, new Map([['value', bytes(key)]]))
  if (rewrite.length > 0) map = within('error applying rewrite to keys', () => rewriteKeys(rewrite, map, transform))
  const what = find ?? extract
  if (what !== undefined && rewrite.length === 0) map = within(`error applying conversion strategy ${what.conversionStrategy ?? 'Default'} to keys`, () => convertKeys(what.conversionStrategy ?? 'Default', map))
  within('invalid secret keys (TIP: use rewrite or conversionStrategy to change keys)', () => validateKeys(map))
  return what?.decodingStrategy === undefined ? map : new Map([...map].map(([key, value]) => [key, within(`failure decoding key ${key}`, () => decoded(what.decodingStrategy, value))]))
}

/** @throws Error that names the key, where bytes of value zero are not wanted */
function withoutNullBytes(policy: NullBytePolicy | undefined, key: string, value: Uint8Array): Uint8Array {
  if (policy === 'Fail' && value.includes(0)) throw new Error(`fetched secret value for key ${JSON.stringify(key)} contains null bytes`)
  return value
}

function decoded(strategy: DecodingStrategy | undefined, value: Uint8Array): Uint8Array {
  return within(`error applying decoding strategy ${strategy ?? 'None'} to data`, () => decode(strategy ?? 'None', value))
}

function within<T>(where: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new Error(`${where}: ${messageOf(error)}`, { cause: error })
  }
}

/** A text that changes when one of the sources does; undefined when no source can be looked at cheaply. */
export async function sourceFingerprint({ spec, metadata }: ExternalSecret, sources: Sources): Promise<string | undefined> {
  const namespace = metadata.namespace ?? ''
  const looks: { ref: StoreRef | undefined; what: { ref: RemoteRef } | { find: Find } }[] = []
  for (const { remoteRef, sourceRef } of spec.data ?? []) if (remoteRef.version === undefined || remoteRef.version === '') looks.push({ ref: sourceRef?.storeRef ?? spec.secretStoreRef, what: { ref: remoteRef } })
  for (const { extract, find, sourceRef } of spec.dataFrom ?? []) {
    const what = extract !== undefined ? { ref: extract } : find !== undefined ? { find } : undefined
    if (what !== undefined) looks.push({ ref: sourceRef?.storeRef ?? spec.secretStoreRef, what })
  }
  const seen: string[] = []
  for (const { ref, what } of looks) {
    const client = await clientFor(ref, namespace, sources)
    if (client.fingerprint !== undefined) seen.push(await client.fingerprint(what))
  }
  return seen.length === 0 ? undefined : seen.join(' ')
}
