import { createHash } from 'node:crypto'
import { compareStrings } from '@idp/lang-gotemplate'
import type { SecretMap } from './secret-map.ts'

function sha3(text: string): string {
  return createHash('sha3-224').update(text).digest('hex')
}

/** The hash upstream writes into `reconcile.external-secrets.io/data-hash`: SHA3-224 of the data as Go prints a map of byte slices. */
export function dataHash(data: SecretMap): string {
  const entries = [...data].sort(([a], [b]) => compareStrings(a, b)).map(([key, value]) => `${key}:[${value.join(' ')}]`)
  return sha3(`map[${entries.join(' ')}]`)
}

/** The value of label `reconcile.external-secrets.io/created-by`. */
export function ownerHash(namespace: string, name: string): string {
  return sha3(`${namespace}/${name}`)
}

/** The field manager that an ExternalSecret's keys of a Secret belong to. */
export function fieldOwner(name: string): string {
  return `externalsecrets.external-secrets.io/${name.length > 63 ? `sha3/${sha3(name)}` : name}`
}

interface Versioned { readonly generation?: number; readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> }

/** By object: what a cache holds is never changed in place, and is asked about every second. */
const versions = new WeakMap<Versioned, string>()

/** What `status.syncedResourceVersion` says: generation, and a hash of labels and annotations. */
export function resourceVersionOf(metadata: Versioned): string {
  let version = versions.get(metadata)
  if (version === undefined) versions.set(metadata, (version = versionOf(metadata)))
  return version
}

function versionOf(metadata: Versioned): string {
  const print = (map: Record<string, string> | undefined): string => `map[${Object.entries(map ?? {}).sort(([a], [b]) => compareStrings(a, b)).map(([key, value]) => `${key}:${value}`).join(' ')}]`
  return `${metadata.generation ?? 0}-${sha3(`{annotations:${print(metadata.annotations)} labels:${print(metadata.labels)}}`)}`
}
