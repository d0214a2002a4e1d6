import type { Backend, BackendContext } from '../backend.ts'
import { parseDuration } from '../duration.ts'
import { badRequest } from '../vault-error.ts'

/** KV without versions. */
export function kvV1({ storage, emit, path: mount, lifetimes }: BackendContext): Backend {
  const told = (type: string, path: string): void => emit(`kv-v1/${type}`, { path: `${mount}${path}`, operation: type, modified: 'true' })
  return {
    routes: [{
      path: '*path',
      exists: ({ params }) => storage.get(params['path'] ?? '') !== undefined,
      read: ({ params }) => {
        const data = storage.get<Record<string, unknown>>(params['path'] ?? '')
        if (data === undefined) return undefined
        const ttl = data['ttl'] ?? data['lease']
        return { data, leased: { id: '', ttl: ttl === undefined ? lifetimes().default : wholeSeconds(ttl, lifetimes().default), renewable: false } }
      },
      list: ({ params }) => {
        const path = params['path'] ?? ''
        return { data: { keys: storage.list(path === '' || path.endsWith('/') ? path : `${path}/`) } }
      },
      write: ({ params, data }) => {
        const path = params['path'] ?? ''
        if (path === '' || path.endsWith('/')) throw badRequest('cannot write to a path ending in \'/\'')
        if (Object.keys(data).length === 0) throw badRequest('missing data fields')
        storage.put(path, data)
        told('write', path)
        return undefined
      },
      delete: ({ params }) => {
        storage.delete(params['path'] ?? '')
        told('delete', params['path'] ?? '')
        return undefined
      },
    }],
  }
}

/** A hint of the writer's, not checked when it was written. */
function wholeSeconds(value: unknown, otherwise: number): number {
  try {
    return parseDuration(value)
  } catch {
    return otherwise
  }
}
