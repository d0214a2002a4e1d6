import type { BackendRequest, Route } from '../backend.ts'
import type { ActiveFactory } from '../core/active.ts'
import { isRecord, list, text, type Data } from '../fields.ts'
import { badRequest, VaultError } from '../vault-error.ts'
import { loginOf, noTokenFields, tokenFields, type TokenFields } from './token-fields.ts'

interface Config extends TokenFields { readonly organization: string; readonly organization_id: number; readonly base_url: string }
interface Member { readonly user: string; readonly teams: readonly string[] }

const publicApi = 'https://api.github.com/'

/** `auth/github`: a personal access token of a member of one organization, checked with GitHub's REST API (or another server that speaks it, at `base_url`). */
export const githubAuth: ActiveFactory = ({ storage }, active) => {
  const configOf = (): Config | undefined => storage.get<Config>('config')
  const mapped = (kind: string, names: readonly string[]): string[] => names.flatMap((name) => storage.get<readonly string[]>(`map/${kind}/${name.toLowerCase()}`) ?? [])

  async function ask(config: Config, path: string, token: string): Promise<unknown> {
    const { fetch } = active.surroundings
    if (fetch === undefined) throw new VaultError(500, 'the server cannot reach other servers')
    const base = (config.base_url === '' ? publicApi : config.base_url).replace(/\/+$/, '')
    let response: Response
    try {
      response = await fetch(`${base}/${path}`, { headers: { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json' } })
    } catch {
      // The cause names the request, which carries the token.
      throw badRequest(`${base} cannot be reached`)
    }
    if (response.status === 401 || response.status === 403) throw badRequest('the token is not accepted by GitHub')
    if (!response.ok) throw badRequest(`${base} answers ${response.status}`)
    return await response.json().catch(() => undefined)
  }
  async function member(config: Config, token: string): Promise<Member> {
    const user = await ask(config, 'user', token)
    const orgs = records(await ask(config, 'user/orgs?per_page=100', token))
    const isIn = (org: unknown): boolean => isRecord(org) && (org['id'] === config.organization_id || String(org['login']).toLowerCase() === config.organization.toLowerCase())
    if (!isRecord(user) || !orgs.some(isIn)) throw badRequest('user is not part of required org')
    const teams = records(await ask(config, 'user/teams?per_page=100', token)).filter((team) => isIn(team['organization']))
    return { user: String(user['login']), teams: teams.flatMap((team) => [...new Set([String(team['name']), String(team['slug'] ?? '')])]).filter((name) => name !== '') }
  }
  async function login({ data }: BackendRequest) {
    const config = configOf()
    if (config === undefined) throw badRequest('configuration has not been set')
    if (text(data, 'token') === '') throw badRequest('missing token')
    const { user, teams } = await member(config, text(data, 'token'))
    const policies = [...new Set([...config.token_policies, ...mapped('teams', ['default', ...teams]), ...mapped('users', [user])])]
    return { login: { ...loginOf(config), policies, displayName: user, metadata: { username: user, org: config.organization }, alias: { name: user }, groupAliases: teams } }
  }
  return {
    routes: [
      { path: 'login', open: true, write: login },
      {
        path: 'config',
        read: () => {
          const config = configOf()
          return config === undefined ? undefined : { data: config }
        },
        write: ({ data }) => {
          storage.put('config', readConfig(data, configOf()))
          return undefined
        },
      },
      ...['teams', 'users'].flatMap((kind): Route[] => [
        { path: `map/${kind}`, list: () => ({ data: { keys: storage.list(`map/${kind}/`) } }), read: () => ({ data: { keys: storage.list(`map/${kind}/`) } }) },
        {
          path: `map/${kind}/:name`,
          read: ({ params }) => {
            const value = storage.get<readonly string[]>(`map/${kind}/${(params['name'] ?? '').toLowerCase()}`)
            return value === undefined ? undefined : { data: { key: params['name'], value: value.join(',') } }
          },
          write: ({ params, data }) => void storage.put(`map/${kind}/${(params['name'] ?? '').toLowerCase()}`, list(data, 'value')),
          delete: ({ params }) => void storage.delete(`map/${kind}/${(params['name'] ?? '').toLowerCase()}`),
        },
      ]),
    ],
    renewLogin() {
      const config = configOf()
      if (config === undefined) throw badRequest('configuration has not been set')
      return { ttl: config.token_ttl, maxTtl: config.token_max_ttl, period: config.token_period }
    },
  }
}

const records = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : [])

function readConfig(data: Data, known: Config | undefined): Config {
  const config: Config = { ...tokenFields(data, known ?? noTokenFields), organization: text(data, 'organization', known?.organization), organization_id: Number(text(data, 'organization_id', String(known?.organization_id ?? 0))) || 0, base_url: text(data, 'base_url', known?.base_url) }
  if (config.organization === '') throw badRequest('organization is a required parameter')
  if (config.base_url !== '' && !URL.canParse(config.base_url)) throw badRequest('error parsing given base_url')
  return config
}
