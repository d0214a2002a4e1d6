import { flag, integer, text, type Data } from '../engine/fields.ts'
import { buildDate, vaultVersion, type Vault } from '../engine/core/vault.ts'
import { badRequest, VaultError } from '../engine/vault-error.ts'
import { decodeKey } from './decode-key.ts'

export function sealStatus(vault: Vault): Record<string, unknown> {
  const config = vault.keys.config()
  const sealed = vault.active === undefined
  return {
    type: vault.options.sealType, initialized: config !== undefined, sealed, t: config?.threshold ?? 0, n: config?.shares ?? 0, progress: vault.progress.count, nonce: vault.progress.nonce,
    version: vaultVersion, build_date: buildDate, migration: false, ...(sealed || config === undefined ? {} : { cluster_name: config.clusterName, cluster_id: config.clusterId }), recovery_seal: false, storage_type: vault.options.storageType,
  }
}

/** `sys/init`. */
export async function initialize(vault: Vault, data: Data): Promise<object> {
  if (vault.keys.config() !== undefined) throw badRequest('Vault is already initialized')
  if (data['pgp_keys'] !== undefined && data['pgp_keys'] !== null) throw badRequest('pgp_keys are not served by this server')
  if (data['root_token_pgp_key'] !== undefined && data['root_token_pgp_key'] !== null) throw badRequest('root_token_pgp_key is not served by this server')
  const { keys, rootToken } = await vault.initialize(integer(data, 'secret_shares', integer(data, 'recovery_shares')), integer(data, 'secret_threshold', integer(data, 'recovery_threshold')))
  return { keys: keys.map((key) => Buffer.from(key).toString('hex')), keys_base64: keys.map((key) => Buffer.from(key).toString('base64')), root_token: rootToken }
}

/** `sys/unseal`. */
export async function unseal(vault: Vault, data: Data): Promise<object> {
  if (flag(data, 'reset')) vault.resetUnseal()
  else {
    if (text(data, 'key') === '') throw badRequest("'key' must be specified in request body as JSON, or 'reset' set to true")
    await vault.unseal(decodeKey(text(data, 'key')))
  }
  return sealStatus(vault)
}

/** `sys/health`: the status says the state, as the query's codes want it. */
export function health(vault: Vault, query: URLSearchParams): { readonly status: number; readonly body: object } {
  const code = (name: string, otherwise: number): number => {
    const given = query.get(name)
    if (given === null || given === '') return otherwise
    const status = Number(given)
    if (!Number.isInteger(status) || status < 200 || status > 599) throw new VaultError(400, `bad status code ${given}`)
    return status
  }
  const [activeCode, uninitCode, sealedCode] = [code('activecode', 200), code('uninitcode', 501), code('sealedcode', 503)]
  for (const name of ['standbycode', 'drsecondarycode', 'performancestandbycode', 'removedcode', 'haunhealthycode']) code(name, 200)
  const config = vault.keys.config()
  const sealed = vault.active === undefined
  return {
    status: config === undefined ? uninitCode : sealed ? sealedCode : activeCode,
    body: {
      initialized: config !== undefined, sealed, standby: sealed, performance_standby: false, replication_performance_mode: sealed ? 'unknown' : 'disabled', replication_dr_mode: sealed ? 'unknown' : 'disabled',
      server_time_utc: Math.floor(vault.options.clock.now() / 1000), version: vaultVersion, enterprise: false, ...(sealed || config === undefined ? {} : { cluster_name: config.clusterName, cluster_id: config.clusterId }), echo_duration_ms: 0, clock_skew_ms: 0, replication_primary_canary_age_ms: 0,
    },
  }
}

export function leader(vault: Vault): object {
  vault.opened()
  return { ha_enabled: false, is_self: false, active_time: '0001-01-01T00:00:00Z', leader_address: '', leader_cluster_address: '', performance_standby: false, performance_standby_last_remote_wal: 0 }
}
