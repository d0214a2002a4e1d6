import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { listenRaw } from '@idp/http'
import { systemClock } from '@idp/kit'
import { temporaryDirectory, testCertificates } from '@idp/testkit'
import { listenWithList } from '../server/listen.ts'
import { vaultHandler } from '../server/vault-handler.ts'
import { startVault } from './start-vault.ts'

const here = spawnSync('curl', ['--version']).status === 0

test('curl over verified TLS: read, write, LIST, a wrapped answer, a refusal', { skip: here ? false : 'this machine has no curl' }, async () => {
  await using folder = await temporaryDirectory()
  const { vault, root } = await startVault()
  const certificates = await testCertificates(systemClock.now())
  const identity = await certificates.server('localhost')
  await using listener = await listenWithList({ listenRaw: (_port: number, accept: Parameters<typeof listenRaw>[1]) => listenRaw({ port: 0 }, accept) } as never, 0, { handler: vaultHandler(vault) }, { identity: () => identity })
  const trusted = join(folder.path, 'ca.crt')
  await writeFile(trusted, certificates.ca.cert)
  const address = `https://localhost:${(listener as unknown as { port: number }).port}/v1`
  const curl = (...args: readonly string[]): Promise<string> => new Promise((resolve, reject) => {
    execFile('curl', ['--silent', '--show-error', '--cacert', trusted, '--resolve', `localhost:${new URL(address).port}:127.0.0.1`, '--write-out', ' %{http_code}', ...args], (error, out) => (error === null ? resolve(out) : reject(error)))
  })
  const token = ['--header', `X-Vault-Token: ${root}`]
  assert.match(await curl(`${address}/sys/seal-status`), /"sealed":false.* 200$/s)
  assert.match(await curl(...token, '--data', '{"data":{"k":"v"}}', `${address}/secret/data/a`), /"version":1.* 200$/s)
  assert.match(await curl(...token, `${address}/secret/data/a`), /"data":\{"k":"v"\}.* 200$/s)
  assert.match(await curl(...token, '--request', 'LIST', `${address}/secret/metadata`), /"keys":\["a"\].* 200$/s)
  assert.match(await curl(...token, '--header', 'X-Vault-Wrap-TTL: 60', `${address}/secret/data/a`), /"wrap_info":\{"token":"hvs\..* 200$/s)
  assert.match(await curl(`${address}/secret/data/a`), /permission denied.* 403$/s)
  assert.match(await curl(...token, '--request', 'DELETE', `${address}/secret/metadata/a`), / 204$/)
  assert.match(await curl('--path-as-is', ...token, `${address}/secret/data/x/..%2f..%2fsys`), /parent references.* 400$/s)
})
