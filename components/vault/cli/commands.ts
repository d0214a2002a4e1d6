import { CliError } from './cli-error.ts'
import type { Answer } from './api.ts'
import { kv } from './kv-commands.ts'
import { columns, keyValues, lines, print } from './output.ts'
import { pairsOf, readStdin, type Task } from './task.ts'
import { vaultVersion } from '../engine/core/vault.ts'

type Command = (task: Task) => Promise<string>

/** By the first words of the command line; the longest that fits runs. */
export const commands: Readonly<Record<string, Command>> = {
  version: async () => `Vault v${vaultVersion} (stand-in)\n`,
  status, kv, read, write, list,
  async delete({ api, words }) {
    const path = argument(words.positional, 1)
    await api.call('DELETE', path)
    return `Success! Data deleted (if it existed) at: ${path}\n`
  },
  'policy list': async ({ api, words }) => {
    const names = ((await api.call('GET', 'sys/policy'))?.['policies'] ?? []) as string[]
    return print(words, names, () => `${names.join('\n')}\n`)
  },
  'policy read': async ({ api, words }) => {
    const name = argument(words.positional, 2)
    const found = (await api.call('GET', `sys/policies/acl/${name}`))?.['data'] as { policy: string } | undefined
    if (found === undefined) throw new CliError(`No policy named: ${name}`, 2)
    return print(words, found, () => `${found.policy.trim()}\n`)
  },
  'policy write': async (task) => {
    const name = argument(task.words.positional, 2)
    if (task.words.positional[3] !== '-') throw new CliError('give the policy on standard input: vault policy write NAME -')
    await task.api.call('PUT', `sys/policies/acl/${name}`, { policy: await readStdin(task) })
    return `Success! Uploaded policy: ${name}\n`
  },
  'policy delete': async ({ api, words }) => {
    const name = argument(words.positional, 2)
    await api.call('DELETE', `sys/policies/acl/${name}`)
    return `Success! Deleted policy: ${name}\n`
  },
  'secrets list': (task) => mounts(task, 'sys/mounts'),
  'auth list': (task) => mounts(task, 'sys/auth'),
  'audit list': (task) => mounts(task, 'sys/audit'),
  'secrets enable': (task) => enable(task, 'sys/mounts', 'secrets engine'),
  'auth enable': (task) => enable(task, 'sys/auth', 'auth method'),
  'secrets disable': (task) => disable(task, 'sys/mounts', 'secrets engine'),
  'auth disable': (task) => disable(task, 'sys/auth', 'auth method'),
  'token lookup': async ({ api, words }) => {
    const token = words.positional[2]
    const accessor = words.flags.has('accessor')
    const answer = await (token === undefined ? api.call('GET', 'auth/token/lookup-self') : api.call('POST', accessor ? 'auth/token/lookup-accessor' : 'auth/token/lookup', accessor ? { accessor: token } : { token }))
    return secret(words, answer)
  },
  'token create': async ({ api, words }) => {
    const body: Record<string, unknown> = {}
    for (const [name, value] of words.flags) {
      if (name === 'policy') body['policies'] = value.split(',')
      else if (['ttl', 'period', 'explicit-max-ttl', 'display-name', 'id'].includes(name)) body[name.replaceAll('-', '_')] = value
    }
    return secret(words, await api.call('POST', words.flags.has('orphan') ? 'auth/token/create-orphan' : 'auth/token/create', body))
  },
  'token revoke': async ({ api, words }) => {
    const self = words.flags.has('self')
    await api.call('POST', self ? 'auth/token/revoke-self' : words.flags.has('accessor') ? 'auth/token/revoke-accessor' : 'auth/token/revoke', self ? {} : { [words.flags.has('accessor') ? 'accessor' : 'token']: argument(words.positional, 2) })
    return 'Success! Revoked token (if it existed)\n'
  },
  'operator init': async ({ api, words }) => {
    const answer = await api.call('PUT', 'sys/init', { secret_shares: Number(words.flags.get('key-shares') ?? 5), secret_threshold: Number(words.flags.get('key-threshold') ?? 3) }) as { keys_base64: string[]; root_token: string } & Answer
    return print(words, answer, () => `${answer.keys_base64.map((key, index) => `Unseal Key ${index + 1}: ${key}`).join('\n')}\n\nInitial Root Token: ${answer.root_token}\n`)
  },
  'operator unseal': async (task) => {
    const given = task.words.positional[2]
    const key = given === undefined || given === '-' ? (await readStdin(task)).trim() : given
    return sealStatus(task, await task.api.call('PUT', 'sys/unseal', task.words.flags.has('reset') ? { reset: true } : { key }) as Answer)
  },
  'operator seal': async ({ api }) => {
    await api.call('PUT', 'sys/seal')
    return 'Success! Vault is sealed.\n'
  },
  'operator key-status': async ({ api, words }) => secret(words, await api.call('GET', 'sys/key-status')),
  'operator rotate': async ({ api }) => {
    await api.call('PUT', 'sys/rotate')
    return 'Success! Rotated key\n'
  },
}

function argument(positional: readonly string[], index: number): string {
  const found = positional[index]
  if (found === undefined || found === '') throw new CliError(`Not enough arguments (expected ${index}, got ${positional.length - 1})`)
  return found
}

/** Ends with 2 while Vault is sealed, as scripts expect. */
async function status(task: Task): Promise<string> {
  const answer = await task.api.call('GET', 'sys/seal-status') as Answer
  const text = sealStatus(task, answer)
  if (answer['sealed'] !== true) return text
  task.io.stdout(text)
  throw new CliError('', 2)
}

function sealStatus({ words }: Task, answer: Answer): string {
  const rows: [string, unknown][] = [
    ['Seal Type', answer['type']], ['Initialized', answer['initialized']], ['Sealed', answer['sealed']], ['Total Shares', answer['n']], ['Threshold', answer['t']],
    ...(answer['sealed'] === true ? [['Unseal Progress', `${String(answer['progress'])}/${String(answer['t'])}`], ['Unseal Nonce', answer['nonce']]] as [string, unknown][] : []),
    ['Version', answer['version']], ['Build Date', answer['build_date']], ['Storage Type', answer['storage_type']], ...(answer['cluster_name'] === undefined ? [] : [['Cluster Name', answer['cluster_name']], ['Cluster ID', answer['cluster_id']]] as [string, unknown][]), ['HA Enabled', false],
  ]
  return print(words, answer, () => keyValues(Object.fromEntries(rows), false), answer)
}

async function read({ api, words }: Task): Promise<string> {
  const path = argument(words.positional, 1)
  const answer = await api.call('GET', path, undefined, Object.fromEntries(words.positional.slice(2).map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])))
  if (answer === undefined) throw new CliError(`No value found at ${path}`, 2)
  return secret(words, answer)
}

async function write(task: Task): Promise<string> {
  const path = argument(task.words.positional, 1)
  const answer = await task.api.call('PUT', path, await pairsOf(task, task.words.positional.slice(2)))
  return answer === undefined ? `Success! Data written to: ${path}\n` : secret(task.words, answer)
}

async function list({ api, words }: Task): Promise<string> {
  const path = argument(words.positional, 1)
  const keys = ((await api.call('GET', path.replace(/\/+$/, ''), undefined, { list: 'true' }))?.['data'] as { keys?: string[] } | undefined)?.keys
  if (keys === undefined) throw new CliError(`No value found at ${path}`, 2)
  return print(words, keys, () => lines(keys))
}

function secret(words: Task['words'], answer: Answer | undefined): string {
  const auth = answer?.['auth'] as Answer | null | undefined
  const shown: Answer = auth === undefined || auth === null ? (answer?.['data'] as Answer | null) ?? answer ?? {} : { token: auth['client_token'], token_accessor: auth['accessor'], token_duration: auth['lease_duration'], token_renewable: auth['renewable'], token_policies: auth['token_policies'], policies: auth['policies'] }
  return print(words, answer, () => keyValues(shown), shown)
}

async function mounts({ api, words }: Task, path: string): Promise<string> {
  const data = (await api.call('GET', path))?.['data'] as Record<string, { type: string; accessor?: string; description: string }>
  return print(words, data, () => columns(['Path', 'Type', 'Accessor', 'Description'], Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, each.type, each.accessor ?? 'n/a', each.description === '' ? 'n/a' : each.description])))
}

async function enable({ api, words }: Task, path: string, what: string): Promise<string> {
  const type = argument(words.positional, 2)
  const name = (words.flags.get('path') ?? type).replace(/\/+$/, '')
  const version = words.flags.get('version') ?? (type === 'kv-v2' ? '2' : undefined)
  await api.call('POST', `${path}/${name}`, { type: type === 'kv-v2' ? 'kv' : type, description: words.flags.get('description') ?? '', ...(version === undefined ? {} : { options: { version } }) })
  return `Success! Enabled the ${type} ${what} at: ${name}/\n`
}

async function disable({ api, words }: Task, path: string, what: string): Promise<string> {
  const name = argument(words.positional, 2).replace(/\/+$/, '')
  await api.call('DELETE', `${path}/${name}`)
  return `Success! Disabled the ${what} (if it existed) at: ${name}/\n`
}
