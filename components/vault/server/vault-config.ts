import { CodedError } from '@idp/kit'
import { parseDuration } from '../engine/duration.ts'
import { blocksOf, isHclObject, parseHcl, valueOf, type HclObject } from '../engine/hcl/parse-hcl.ts'

export interface ListenerConfig { readonly host: string; readonly port: number; readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string; readonly disableClientCerts: boolean }; readonly unauthenticatedMetrics: boolean }

/** Vault's configuration file, what this server reads of it. */
export interface VaultConfig {
  readonly listeners: readonly ListenerConfig[]
  readonly storage: { readonly type: string; readonly path: string }
  readonly seal: { readonly type: 'shamir' | 'idp-keyfile'; readonly path: string }
  readonly ui: boolean
  /** Seconds. */
  readonly defaultLeaseTtl: number
  readonly maxLeaseTtl: number
  readonly clusterName: string
  readonly apiAddress: string
  readonly unauthenticatedMetrics: boolean
  /** Stanzas and settings that are upstream's and mean nothing here; the server says so in its log. */
  readonly ignored: readonly string[]
}

const known: ReadonlySet<string> = new Set(['listener', 'storage', 'backend', 'ha_storage', 'seal', 'ui', 'default_lease_ttl', 'max_lease_ttl', 'cluster_name', 'api_addr', 'telemetry', 'disable_mlock', 'log_level', 'log_format', 'pid_file', 'cluster_addr', 'raw_storage_endpoint', 'disable_cache', 'service_registration', 'plugin_directory'])
const ignorable: ReadonlySet<string> = new Set(['ha_storage', 'service_registration', 'plugin_directory', 'raw_storage_endpoint'])

/** @throws CodedError `InvalidHcl`, `VaultConfigInvalid` naming the file */
export function readVaultConfig(source: string, where: string): VaultConfig {
  const root = parseHcl(source, where)
  const fail = (message: string, remedy?: string) => new CodedError({ code: 'VaultConfigInvalid', message, where, ...(remedy === undefined ? {} : { remedy }) })
  const stray = root.items.find(({ keys }) => !known.has(keys[0] ?? ''))
  const stores = [...blocksOf(root, 'storage', 1), ...blocksOf(root, 'backend', 1)]
  const [store] = stores
  if (store === undefined) throw fail('no storage is configured', 'add storage "raft" { path = "/vault/data" }')
  if (stores.length > 1) throw fail('more than one storage is configured')
  if (!['raft', 'file', 'inmem'].includes(store.label)) throw fail(`storage ${JSON.stringify(store.label)} is not served by this server`, 'use "raft", "file" or "inmem"')
  const seals = blocksOf(root, 'seal', 1)
  const seal = seals[0]
  if (seal !== undefined && seal.label !== 'shamir' && seal.label !== 'idp-keyfile') throw fail(`seal ${JSON.stringify(seal.label)} is not served by this server`, 'use "shamir" or "idp-keyfile"')
  const storagePath = textOf(store.body, 'path', '/vault/data')
  const [telemetry] = blocksOf(root, 'telemetry', 0)
  return {
    listeners: blocksOf(root, 'listener', 1).map(({ label, body }) => {
      if (label !== 'tcp') throw fail(`listener ${JSON.stringify(label)} is not served by this server`, 'use "tcp"')
      return listener(body, fail)
    }),
    storage: { type: store.label, path: storagePath },
    seal: { type: seal?.label === 'idp-keyfile' ? 'idp-keyfile' : 'shamir', path: seal === undefined ? '' : textOf(seal.body, 'path', `${storagePath}/idp-unseal-key`) },
    ui: truth(valueOf(root, 'ui')), defaultLeaseTtl: time(root, 'default_lease_ttl'), maxLeaseTtl: time(root, 'max_lease_ttl'), clusterName: textOf(root, 'cluster_name', ''), apiAddress: textOf(root, 'api_addr', ''),
    unauthenticatedMetrics: telemetry !== undefined && truth(valueOf(telemetry.body, 'unauthenticated_metrics_access')),
    ignored: [...(stray === undefined ? [] : [stray.keys.join(' ')]), ...root.items.filter(({ keys }) => ignorable.has(keys[0] ?? '')).map(({ keys }) => keys.join(' '))],
  }
}

function listener(body: HclObject, fail: (message: string) => CodedError): ListenerConfig {
  const address = textOf(body, 'address', '127.0.0.1:8200')
  const match = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(address)
  if (match === null || Number(match[3]) > 65_535) throw fail(`listener address ${JSON.stringify(address)} is not host:port`)
  const [certFile, keyFile, clientCaFile] = [textOf(body, 'tls_cert_file', ''), textOf(body, 'tls_key_file', ''), textOf(body, 'tls_client_ca_file', '')]
  const plain = truth(valueOf(body, 'tls_disable'))
  if (!plain && (certFile === '' || keyFile === '')) throw fail("'tls_cert_file' and 'tls_key_file' must be set, or tls_disable = true")
  const [telemetry] = blocksOf(body, 'telemetry', 0)
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]), unauthenticatedMetrics: telemetry !== undefined && truth(valueOf(telemetry.body, 'unauthenticated_metrics_access')), ...(plain ? {} : { tls: { certFile, keyFile, disableClientCerts: truth(valueOf(body, 'tls_disable_client_certs')), ...(clientCaFile === '' ? {} : { clientCaFile }) } }) }
}

const truth = (value: unknown): boolean => value === true || value === 1 || value === '1' || value === 'true'

function textOf(body: HclObject, key: string, otherwise: string): string {
  const value = valueOf(body, key)
  return typeof value === 'string' ? value : value === undefined || value === null || isHclObject(value) ? otherwise : String(value)
}

/** Upstream's default is 768 hours. */
function time(root: HclObject, key: string): number {
  return parseDuration(valueOf(root, key) ?? 0) || 2_764_800
}
