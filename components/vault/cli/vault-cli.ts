import { messageOf } from '@idp/kit'
import type { Container, ExecIo } from '@idp/sandbox'
import { createApi } from './api.ts'
import { CliError } from './cli-error.ts'
import { commands } from './commands.ts'
import { readStdin, type Task } from './task.ts'
import { parseCommand, type Words } from './words.ts'

/** Tokens of `vault login`, by container: kept in memory, where upstream writes a file. */
const tokens = new Map<string, string>()

/** The command line `vault` inside of the pod, for `kubectl exec`. Exit codes are upstream's: 1 for wrong usage, 2 for an error of the server or a sealed Vault. */
export async function vaultCli(container: Container, command: readonly string[], io: ExecIo): Promise<number> {
  try {
    const words = parseCommand(command)
    const own = `${container.pod.uid}/${container.pod.container}`
    const address = words.flags.get('address') ?? words.env['VAULT_ADDR'] ?? container.env['VAULT_ADDR'] ?? 'http://127.0.0.1:8200'
    const token = words.env['VAULT_TOKEN'] ?? container.env['VAULT_TOKEN'] ?? tokens.get(own)
    const wrap = words.flags.get('wrap-ttl')
    const task = (given: string | undefined): Task => ({ words, io, api: createApi(container, address, { ...(given === undefined ? {} : { 'x-vault-token': given }), ...(wrap === undefined ? {} : { 'x-vault-wrap-ttl': wrap }) }) })
    if (words.positional[0] === 'login') {
      tokens.set(own, await login(task))
      io.stdout('Success! You are now authenticated. The token is kept until this pod ends.\n')
      return 0
    }
    io.stdout(await commandOf(words)(task(token)))
    return 0
  } catch (error) {
    const message = messageOf(error)
    if (message !== '') io.stderr(`${message}\n`)
    return error instanceof CliError ? error.code : 1
  }
}

function commandOf({ positional }: Words): (task: Task) => Promise<string> {
  const [first = '', second = ''] = positional
  const name = [`${first} ${second}`, first].find((each) => Object.hasOwn(commands, each))
  const found = name === undefined ? undefined : commands[name]
  if (found === undefined) throw new CliError(`vault ${positional.slice(0, 2).join(' ')}: this command line has login, ${Object.keys(commands).join(', ')}`, 127)
  return found
}

/** `vault login`, `vault login -` (standard input) or `vault login TOKEN`; other methods are the API's. */
async function login(task: (token: string | undefined) => Task): Promise<string> {
  const { words } = task(undefined)
  const method = words.flags.get('method')
  if (method !== undefined && method !== 'token') throw new CliError(`vault login -method=${method} is not served by this command line; write to auth/${method}/login`)
  const given = words.positional[1]
  const token = given === undefined || given === '-' ? (await readStdin(task(undefined))).trim() : given
  await task(token).api.call('GET', 'auth/token/lookup-self')
  return token
}
