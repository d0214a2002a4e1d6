import type { Login } from '../backend.ts'
import { flag, has, integer, list, seconds, text, type Data } from '../fields.ts'
import { badRequest } from '../vault-error.ts'

/** What every auth method's role says about the tokens it gives; seconds. */
export interface TokenFields {
  readonly token_bound_cidrs: readonly string[]
  readonly token_explicit_max_ttl: number
  readonly token_max_ttl: number
  readonly token_no_default_policy: boolean
  readonly token_num_uses: number
  readonly token_period: number
  readonly token_policies: readonly string[]
  readonly token_ttl: number
  readonly token_type: string
}

export const noTokenFields: TokenFields = { token_bound_cidrs: [], token_explicit_max_ttl: 0, token_max_ttl: 0, token_no_default_policy: false, token_num_uses: 0, token_period: 0, token_policies: [], token_ttl: 0, token_type: 'default' }

/** Reads the fields, also under their names of before (`policies`, `ttl`, …). @throws VaultError 400 */
export function tokenFields(data: Data, known: TokenFields): TokenFields {
  const name = (field: string): string => (has(data, `token_${field}`) ? `token_${field}` : field)
  const read: TokenFields = {
    token_bound_cidrs: list(data, name('bound_cidrs'), known.token_bound_cidrs), token_explicit_max_ttl: seconds(data, 'token_explicit_max_ttl', known.token_explicit_max_ttl),
    token_max_ttl: seconds(data, name('max_ttl'), known.token_max_ttl), token_no_default_policy: flag(data, 'token_no_default_policy', known.token_no_default_policy),
    token_num_uses: integer(data, name('num_uses'), known.token_num_uses), token_period: seconds(data, name('period'), known.token_period),
    token_policies: list(data, name('policies'), known.token_policies).map((policy) => policy.toLowerCase()), token_ttl: seconds(data, name('ttl'), known.token_ttl), token_type: text(data, 'token_type', known.token_type) || 'default',
  }
  if (read.token_ttl < 0 || read.token_max_ttl < 0) throw badRequest("'token_ttl' and 'token_max_ttl' cannot be negative")
  if (read.token_max_ttl > 0 && read.token_ttl > read.token_max_ttl) throw badRequest("'token_ttl' cannot be greater than 'token_max_ttl'")
  if (!['default', 'service', 'batch', 'default-service', 'default-batch'].includes(read.token_type)) throw badRequest(`invalid 'token_type' value ${JSON.stringify(read.token_type)}`)
  if (read.token_type === 'batch' && (read.token_period > 0 || read.token_num_uses > 0)) throw badRequest("'token_type' cannot be 'batch' when 'token_period' or 'token_num_uses' is set")
  return read
}

/** The part of a login that a role decides. */
export function loginOf(fields: TokenFields): Pick<Login, 'policies' | 'noDefaultPolicy' | 'ttl' | 'maxTtl' | 'explicitMaxTtl' | 'period' | 'numUses' | 'type' | 'boundCidrs'> {
  return {
    policies: fields.token_policies, noDefaultPolicy: fields.token_no_default_policy, ttl: fields.token_ttl, maxTtl: fields.token_max_ttl, explicitMaxTtl: fields.token_explicit_max_ttl,
    period: fields.token_period, numUses: fields.token_num_uses, type: fields.token_type === 'batch' || fields.token_type === 'default-batch' ? 'batch' : 'service', boundCidrs: fields.token_bound_cidrs,
  }
}
