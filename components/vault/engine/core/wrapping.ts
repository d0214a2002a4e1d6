import type { Clock } from '@idp/kit'
import { goTime } from '../duration.ts'
import { storageView, type Storage } from '../storage/storage.ts'
import { remaining, type TokenEntry } from '../token/token-entry.ts'
import type { TokenStore } from '../token/token-store.ts'
import { badRequest } from '../vault-error.ts'

export interface WrapInfo {
  readonly token: string
  readonly accessor: string
  readonly ttl: number
  readonly creation_time: string
  readonly creation_path: string
  readonly wrapped_accessor?: string
}

interface Wrapped { readonly response: string; readonly created: number; readonly path: string; readonly ttl: number }

/** Answers put away behind a token that works once. */
export interface Wrapping {
  wrap(response: object, ttl: number, path: string, wrappedAccessor?: string): WrapInfo
  /** The answer as it would have been; the token is used up. @throws VaultError 400 for a token that is none, or was used */
  unwrap(token: string): Record<string, unknown>
  lookup(token: string): { readonly creation_path: string; readonly creation_time: string; readonly creation_ttl: number }
  rewrap(token: string): WrapInfo
}

export const isWrappingToken = (token: TokenEntry): boolean => token.policies.includes('response-wrapping')

export function createWrapping({ storage: whole, tokens, clock }: { readonly storage: Storage; readonly tokens: TokenStore; readonly clock: Clock }): Wrapping {
  const storage = storageView(whole, 'wrap/')
  const invalid = () => badRequest('wrapping token is not valid or does not exist')
  function find(id: string): { readonly token: TokenEntry; readonly wrapped: Wrapped } {
    const token = id === '' ? undefined : tokens.find(id)
    if (token === undefined || !isWrappingToken(token)) throw invalid()
    const wrapped = storage.get<Wrapped>(tokens.hash(id))
    if (wrapped === undefined) throw invalid()
    return { token, wrapped }
  }
  function store(response: string, ttl: number, path: string, wrappedAccessor?: string): WrapInfo {
    const token = tokens.create({ policies: ['response-wrapping'], path, ttl, explicitMaxTtl: ttl, numUses: 1, displayName: 'wrapping', renewable: false, noIdentityPolicies: true })
    storage.put(tokens.hash(token.id), { response, created: token.created, path, ttl } satisfies Wrapped)
    return { token: token.id, accessor: token.accessor, ttl: remaining(token, clock.now()), creation_time: goTime(token.created), creation_path: path, ...(wrappedAccessor === undefined ? {} : { wrapped_accessor: wrappedAccessor }) }
  }
  return {
    wrap: (response, ttl, path, accessor) => store(JSON.stringify(response), ttl, path, accessor),
    unwrap(id) {
      const { token, wrapped } = find(id)
      tokens.revoke(token)
      storage.delete(tokens.hash(id))
      return JSON.parse(wrapped.response) as Record<string, unknown>
    },
    lookup(id) {
      const { wrapped } = find(id)
      return { creation_path: wrapped.path, creation_time: goTime(wrapped.created), creation_ttl: wrapped.ttl }
    },
    rewrap(id) {
      const { token, wrapped } = find(id)
      tokens.revoke(token)
      storage.delete(tokens.hash(id))
      return store(wrapped.response, wrapped.ttl, wrapped.path)
    },
  }
}
