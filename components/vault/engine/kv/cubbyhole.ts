import type { ActiveFactory } from '../core/active.ts'
import { badRequest } from '../vault-error.ts'
import { storageView, type Storage } from '../storage/storage.ts'

export const cubbyholePrefix = 'cubbyhole/'

/** Secrets that belong to one token and vanish with it. */
export const cubbyhole: ActiveFactory = (_context, active) => {
  const own = (id: string | undefined): Storage => storageView(active.barrier, `${cubbyholePrefix}${active.tokens.hash(id ?? '')}/`)
  return {
    routes: [{
      path: '*path',
      exists: ({ params, token }) => own(token?.id).get(params['path'] ?? '') !== undefined,
      read: ({ params, token }) => {
        const data = own(token?.id).get<object>(params['path'] ?? '')
        return data === undefined ? undefined : { data }
      },
      list: ({ params, token }) => {
        const path = params['path'] ?? ''
        return { data: { keys: own(token?.id).list(path === '' || path.endsWith('/') ? path : `${path}/`) } }
      },
      write: ({ params, token, data }) => {
        if (token?.type === 'batch') throw badRequest('cubbyhole operations are only supported by "service" type tokens')
        if (Object.keys(data).length === 0) throw badRequest('missing data fields')
        own(token?.id).put(params['path'] ?? '', data)
        return undefined
      },
      delete: ({ params, token }) => void own(token?.id).delete(params['path'] ?? ''),
    }],
  }
}
