import type { BackendRequest, Route } from '../engine/backend.ts'
import type { Active } from '../engine/core/active.ts'
import { buildDate, vaultVersion, type Vault } from '../engine/core/vault.ts'
import { goTime } from '../engine/duration.ts'
import { rotated } from '../engine/storage/keyring.ts'
import { badRequest } from '../engine/vault-error.ts'
import { restoreSnapshot, takeSnapshot } from './snapshot.ts'

/** `sys/` paths of the server's own life, for those who hold a token. */
export function lifeRoutes(vault: Vault, active: Active): Route[] {
  async function restore({ bytes }: BackendRequest): Promise<undefined> {
    const rootKey = Buffer.from(active.barrier.keyring.rootKey, 'base64')
    await active.barrier.flush()
    await restoreSnapshot(vault.options.store, bytes ?? new Uint8Array())
    await vault.reopen(rootKey)
  }
  return [
    { path: 'seal', sudo: true, write: () => { vault.seal('an operator asked for it'); return undefined } },
    { path: 'step-down', sudo: true, write: () => undefined },
    {
      path: 'rotate',
      sudo: true,
      write: async () => {
        const next = rotated(active.barrier.keyring, active.random, active.clock.now())
        await vault.keys.saveKeyring(next)
        active.barrier.setKeyring(next)
        return undefined
      },
    },
    {
      path: 'key-status',
      read: () => {
        const { term, keys } = active.barrier.keyring
        return { data: { term, install_time: goTime(Date.parse(keys[term]?.installed ?? '')), encryptions: 0 } }
      },
    },
    { path: 'metrics', read: () => ({ data: {} }) },
    { path: 'rekey/backup', sudo: true, read: () => { throw badRequest('no backed-up keys found') }, delete: () => undefined },
    {
      path: 'storage/raft/snapshot',
      sudo: true,
      read: async () => ({ raw: { type: 'application/gzip', body: await takeSnapshot(vault.options.store) } }),
      write: restore,
    },
    { path: 'storage/raft/snapshot-force', sudo: true, write: restore },
    { path: 'storage/raft/configuration', read: () => ({ data: { config: { index: 0, servers: [{ address: '', leader: true, node_id: 'vault-0', protocol_version: '3', voter: true }] } } }) },
    { path: 'version-history', list: () => ({ data: { keys: [vaultVersion], key_info: { [vaultVersion]: { previous_version: null, timestamp_installed: buildDate, build_date: buildDate } } } }) },
    {
      path: 'ha-status',
      read: () => ({ data: { nodes: [{ hostname: 'vault-0', api_address: '', cluster_address: '', active_node: true, last_echo: null, version: vaultVersion }] } }),
    },
    {
      path: 'host-info',
      sudo: true,
      read: () => ({ data: { timestamp: goTime(active.clock.now()), cpu: [], cpu_times: [], disk: [], host: { os: 'idp', platform: 'embedded', virtualizationSystem: 'idp' }, memory: {} } }),
    },
  ]
}
