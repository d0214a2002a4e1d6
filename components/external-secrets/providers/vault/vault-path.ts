import type { VaultSpec } from './vault-spec.ts'

/**
 * Where a key lives in Vault. Keys are written with the mount or without it, and with `data/` or without: all mean the same.
 * `{path: secret, version: v2}`: `grafana/admin`, `secret/grafana/admin` and `secret/data/grafana/admin` are `secret/data/grafana/admin`.
 */
export function dataPath({ path, version }: Pick<VaultSpec, 'path' | 'version'>, key: string): string {
  const v2 = version !== 'v1'
  if (path === undefined) {
    if (!v2 || key.includes('/data/')) return key
    const [mount = '', ...rest] = key.split('/')
    return [mount, 'data', ...rest].join('/')
  }
  let rest = key
  if (rest.startsWith(`${path}/`)) {
    rest = rest.slice(path.length + 1)
    if (v2 && rest.startsWith('data/')) rest = rest.slice(5)
  }
  return [path, ...(v2 ? ['data'] : []), rest].join('/')
}

/** Where the metadata of a KV v2 key lives. */
export function metadataPath(spec: Pick<VaultSpec, 'path' | 'version'>, key: string): string {
  const data = dataPath(spec, key)
  return spec.path === undefined ? data.replace('/data/', '/metadata/') : `${spec.path}/metadata/${data.slice(spec.path.length + 6)}`
}
