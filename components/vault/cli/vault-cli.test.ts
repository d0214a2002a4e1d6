import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@idp/sandbox'
import { vaultHandler } from '../server/vault-handler.ts'
import { startVault } from '../test/start-vault.ts'
import { vaultCli } from './vault-cli.ts'

interface Shell { run(command: string | readonly string[], stdin?: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }>; readonly root: string; readonly keys: readonly string[] }

async function shell(): Promise<Shell> {
  const { vault, root, keys } = await startVault({ shares: 2, threshold: 2 })
  const handler = vaultHandler(vault)
  const container = {
    env: { VAULT_ADDR: 'http://127.0.0.1:8200' }, pod: { uid: crypto.randomUUID(), container: 'vault' },
    net: { fetch: async (url: string, init: RequestInit) => handler(new Request(url, init), { address: '127.0.0.1' }) },
  } as unknown as Container
  return {
    root, keys,
    async run(command, stdin = '') {
      const [out, err]: [string[], string[]] = [[], []]
      const code = await vaultCli(container, typeof command === 'string' ? command.split(' ') : command, { stdin: (async function* () { yield Buffer.from(stdin) })(), stdout: (chunk) => void out.push(String(chunk)), stderr: (chunk) => void err.push(String(chunk)), tty: false })
      return { code, out: out.join(''), err: err.join('') }
    },
  }
}

test('kv in both directions, as tables, JSON and single fields', async () => {
  const { run, root } = await shell()
  assert.deepEqual(await run('vault login -', `${root}\n`), { code: 0, out: 'Success! You are now authenticated. The token is kept until this pod ends.\n', err: '' })
  assert.match((await run('vault kv put secret/app user=me')).out, /^=+ Secret Path =+\nsecret\/data\/app\n\n=+ Metadata =+\nKey +Value\n--- +-----\n/)
  assert.equal((await run('vault kv patch secret/app password=-', 'from standard input\n')).code, 0)
  assert.equal((await run('vault kv get -field=password secret/app')).out, 'from standard input')
  assert.deepEqual(JSON.parse((await run('vault kv get -format=json secret/app')).out).data.data, { password: 'from standard input', user: 'me' })
  assert.match((await run('vault kv get -mount=secret -version=1 app')).out, /=== Data ===+\nKey +Value\n--- +-----\nuser +me\n$/)
  assert.equal((await run('vault kv rollback -version=1 secret/app')).code, 0)
  assert.equal((await run('vault kv list secret')).out, 'Keys\n----\napp\n')
  assert.match((await run('vault kv metadata get secret/app')).out, /current_version +3[\s\S]*== Version 3 ==/)
  for (const command of ['vault kv delete -versions=3 secret/app', 'vault kv undelete -versions=3 secret/app', 'vault kv destroy -versions=1 secret/app', 'vault kv metadata delete secret/app']) assert.equal((await run(command)).code, 0, command)
  const gone = await run('vault kv get secret/app')
  assert.deepEqual([gone.code, gone.err], [2, 'No value found at secret/data/app\n'])
})

test('the rest of a day with Vault', async () => {
  const { run, root, keys } = await shell()
  await run(['vault', 'login', root])
  const rows: [string, RegExp, string?][] = [
    ['vault version', /^Vault v1\.20/], ['vault status', /Sealed +false/], ['vault secrets enable -path=old kv', /Enabled the kv secrets engine at: old\//], ['vault secrets enable kv-v2', /at: kv-v2\//], ['vault secrets list', /kv-v2\/ +kv/], ['vault secrets disable old', /Disabled/],
    ['vault auth enable userpass', /Enabled the userpass auth method/], ['vault auth list', /userpass\/ +userpass/], ['vault write auth/userpass/users/me password=pw', /Data written to/], ['vault write auth/userpass/login/me password=-', /token_policies +\[default\]/, 'pw'],
    ['vault policy write reader -', /Uploaded policy: reader/, 'path "secret/*" { capabilities = ["read"] }'], ['vault policy read reader', /^path "secret/], ['vault policy list', /reader/], ['vault token create -policy=reader -ttl=1h', /token +hvs\./], ['vault token lookup', /policies +\[root\]/],
    ['vault list auth/userpass/users', /^Keys\n----\nme\n/], ['vault read -format=yaml auth/userpass/users/me', /token_policies:/], ['vault operator key-status', /term +1/], ['vault operator seal', /sealed/],
  ]
  for (const [command, want, stdin] of rows) {
    const done = await run(command, stdin)
    assert.match(done.out, want, `${command}: ${done.err}`)
  }
  const sealed = await run('vault status')
  assert.deepEqual([sealed.code, /Sealed +true/.test(sealed.out)], [2, true])
  assert.match((await run(['vault', 'operator', 'unseal', keys[0] ?? ''])).out, /Unseal Progress +1\/2/)
  assert.match((await run('vault operator unseal -', keys[1])).out, /Sealed +false/)
})

test('what is no command of the program is refused by name; a plain sh -c is understood', async () => {
  const { run, root } = await shell()
  assert.equal((await run(['sh', '-c', `VAULT_TOKEN=${root} vault kv put secret/x 'k=a b'`])).code, 0)
  assert.equal((await run(['env', `VAULT_TOKEN=${root}`, 'vault', 'kv', 'get', '-field=k', 'secret/x'])).out, 'a b')
  const rows: [readonly string[], number, RegExp][] = [
    [['sh', '-c', 'vault status | head'], 126, /\| is not understood/], [['sh', '-c', 'vault kv get "$X"'], 126, /\$ is not understood/], [['ls', '/'], 127, /ls: not found/], [['sh'], 127, /not found/], [['vault', 'operator', 'raft', 'join'], 127, /this command line has/],
    [['vault', 'kv', 'get', 'secret/x'], 2, /permission denied/], [['vault', 'login', 'hvs.wrong'], 2, /permission denied/], [['env', `VAULT_TOKEN=${root}`, 'vault', 'kv', 'put', 'secret/x', 'novalue'], 1, /format must be key=value/], [['env', `VAULT_TOKEN=${root}`, 'vault', 'kv', 'put', 'secret/x', 'a=@/etc/passwd'], 1, /files of the container cannot be given/],
  ]
  for (const [command, code, message] of rows) {
    const done = await run(command)
    assert.equal(done.code, code, command.join(' '))
    assert.match(done.err, message)
  }
})
