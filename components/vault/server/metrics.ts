import type { Vault } from '../engine/core/vault.ts'

/** Counts what the server does; text in Prometheus' format under upstream's names. */
export interface Metrics {
  observe(path: string, status: number, ms: number): void
  text(): string
}

export function createMetrics(vault: Vault): Metrics {
  const statuses = new Map<number, number>()
  const request = { count: 0, sum: 0 }
  const login = { count: 0, sum: 0 }
  return {
    observe(path, status, ms) {
      if (!path.startsWith('/v1/')) return
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      const kind = /^\/v1\/auth\/.*\/?login(\/|$)/.test(path) ? login : request
      kind.count++
      kind.sum += ms
    },
    text() {
      const { active } = vault
      const cluster = vault.keys.config()?.clusterName ?? ''
      const memory = process.memoryUsage()
      const lines: string[] = []
      const gauge = (name: string, value: number, labels = '') => lines.push(`# TYPE ${name} gauge`, `${name}{${labels}} ${value}`)
      const summary = (name: string, { count, sum }: { count: number; sum: number }) => lines.push(`# TYPE ${name} summary`, `${name}_sum ${sum}`, `${name}_count ${count}`)
      gauge('vault_core_unsealed', active === undefined ? 0 : 1, `cluster="${cluster}"`)
      gauge('vault_core_active', active === undefined ? 0 : 1, `cluster="${cluster}"`)
      summary('vault_core_handle_request', request)
      summary('vault_core_handle_login_request', login)
      lines.push('# TYPE vault_core_response_status_code counter')
      for (const [code, count] of [...statuses].sort(([a], [b]) => a - b)) lines.push(`vault_core_response_status_code{code="${code}",type="${Math.floor(code / 100)}xx"} ${count}`)
      if (active !== undefined) {
        gauge('vault_expire_num_leases', active.leases.count)
        gauge('vault_token_count', active.tokens.accessors().length, `cluster="${cluster}",namespace="root"`)
        gauge('vault_identity_num_entities', active.identity.entities.all().length)
        gauge('vault_core_mount_table_num_entries', active.mounts.list('mounts').length, 'local="false",type="logical"')
      }
      gauge('vault_runtime_alloc_bytes', memory.heapUsed)
      gauge('vault_runtime_sys_bytes', memory.rss)
      return `${lines.map((line) => line.replace('{}', '')).join('\n')}\n`
    },
  }
}
