import { compare, hash } from 'bcryptjs'
import type { BackendRequest } from '../backend.ts'
import type { ActiveFactory } from '../core/active.ts'
import { has, text } from '../fields.ts'
import { badRequest } from '../vault-error.ts'
import { loginOf, noTokenFields, tokenFields, type TokenFields } from './token-fields.ts'

interface User extends TokenFields { readonly hash: string }

/** Compared with when there is no such user, so that the answer takes as long. */
const nobody = '$2b$10$C6UzMDM.H6dfI/f/IKcEeO7bcC4mQ1e9o7hQ1Ww6cWqfVQ3P0f1eK'

/** `auth/userpass`. */
export const userpassAuth: ActiveFactory = ({ storage }) => {
  const userOf = (name: string): User | undefined => storage.get<User>(`user/${name}`)
  const name = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()
  const found = (request: BackendRequest): User => {
    const user = userOf(name(request))
    if (user === undefined) throw badRequest('username does not exist')
    return user
  }
  const hashed = async ({ data }: BackendRequest): Promise<string> => {
    if (has(data, 'password_hash')) {
      if (!/^\$2[aby]\$\d\d\$.{53}$/.test(text(data, 'password_hash'))) throw badRequest("'password_hash' has an invalid format")
      return text(data, 'password_hash')
    }
    if (text(data, 'password') === '') throw badRequest('missing password')
    return await hash(text(data, 'password'), 10)
  }
  return {
    routes: [
      {
        path: 'login/:name',
        open: true,
        write: async (request) => {
          const user = userOf(name(request))
          const password = text(request.data, 'password')
          if (password === '') throw badRequest('missing password')
          const matches = await compare(password, user?.hash ?? nobody)
          if (user === undefined || !matches) throw badRequest('invalid username or password')
          return { login: { ...loginOf(user), displayName: name(request), metadata: { username: name(request) }, alias: { name: name(request) }, internal: { user: name(request) } } }
        },
      },
      { path: 'users', list: () => ({ data: { keys: storage.list('user/') } }) },
      { path: 'users/:name/password', write: async (request) => { const user = found(request); storage.put(`user/${name(request)}`, { ...user, hash: await hashed(request) }); return undefined } },
      { path: 'users/:name/policies', write: (request) => void storage.put(`user/${name(request)}`, { ...found(request), ...tokenFields(request.data, found(request)) }) },
      {
        path: 'users/:name',
        exists: (request) => userOf(name(request)) !== undefined,
        read: (request) => {
          const user = userOf(name(request))
          if (user === undefined) return undefined
          const { hash: _hash, ...data } = user
          return { data }
        },
        write: async (request) => {
          const known = userOf(name(request))
          const fresh = known === undefined || has(request.data, 'password') || has(request.data, 'password_hash') ? await hashed(request) : known.hash
          storage.put(`user/${name(request)}`, { ...tokenFields(request.data, known ?? noTokenFields), hash: fresh } satisfies User)
          return undefined
        },
        delete: (request) => void storage.delete(`user/${name(request)}`),
      },
    ],
    renewLogin(token) {
      const user = userOf(token.internal['user'] ?? '')
      if (user === undefined) throw badRequest('user no longer exists')
      return { ttl: user.token_ttl, maxTtl: user.token_max_ttl, period: user.token_period }
    },
  }
}
