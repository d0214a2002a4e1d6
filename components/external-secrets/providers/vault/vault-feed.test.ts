import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fakeClock } from '@idp/kit'
import { WebSocketServer, type WebSocket } from 'ws'
import type { ProviderContext } from '../provider.ts'
import { vaultProvider } from './vault.ts'

/** A Vault that counts what it is asked, and tells of changes where `tells`. */
async function vault(tells: boolean) {
  const asked: string[] = []
  const sockets = new Set<WebSocket>()
  const sockets101 = new WebSocketServer({ noServer: true })
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('upgrade', (request, socket, head) => {
    asked.push(`subscribe ${request.headers['x-vault-token']}`)
    if (!tells) return void socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    sockets101.handleUpgrade(request, socket, head, (client) => void sockets.add(client))
  })
  const { port } = server.address() as AddressInfo
  const clock = fakeClock()
  let version = 1
  const context = {
    clock, namespace: 'app', dial: async ({ host, port: to }: { host: string; port: number }) => connect(to, host),
    client: { get: async () => ({ data: { token: Buffer.from('t').toString('base64') } }) },
    store: { kind: 'SecretStore', metadata: { name: 's', namespace: 'app', uid: 'u' }, spec: { provider: { vault: { server: `http://127.0.0.1:${port}`, path: 'secret', version: 'v2', auth: { tokenSecretRef: { name: 'token', key: 'token' } } } } } },
    fetch: async (url: string) => { asked.push(new URL(url).pathname); return Response.json({ data: { current_version: version, updated_time: '', versions: {} } }) },
  } as unknown as ProviderContext
  const provider = vaultProvider()
  return {
    asked, sockets, clock, change: () => { version++ },
    look: () => provider.connect(context).fingerprint?.({ ref: { key: 'shop/db' } }),
    until: async (holds: () => boolean) => { while (!holds()) await new Promise((resolve) => setImmediate(resolve)) },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.terminate()
      sockets101.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
const path = '/v1/secret/metadata/shop/db'

test('while Vault tells of changes a source is looked at when it does, and when the session is over', { timeout: 20_000 }, async () => {
  await using it = await vault(true)
  const first = await it.look()
  await it.until(() => it.sockets.size === 1)
  // What happened before the feed lived is unknown: one more look.
  await it.until(() => { void it.look(); return it.asked.filter((one) => one === path).length >= 2 })
  await it.look()
  it.asked.length = 0
  for (let second = 0; second < 10; second++) {
    await it.clock.advance(1000)
    assert.equal(await it.look(), first)
  }
  assert.deepEqual(it.asked, [])
  it.change()
  for (const socket of it.sockets) socket.send('{}')
  await it.until(() => { void it.look(); return it.asked.length > 0 })
  assert.notEqual(await it.look(), first)
  it.asked.length = 0
  await it.clock.advance(15_000)
  await it.look()
  assert.deepEqual(it.asked, [path])
  for (const socket of it.sockets) socket.close()
  await it.until(() => { void it.look(); return it.sockets.size === 2 })
})

test('a Vault that does not tell is looked at again and again, and asked once a minute whether it does', { timeout: 20_000 }, async () => {
  await using it = await vault(false)
  await it.look()
  await it.until(() => it.asked.some((one) => one === 'subscribe t'))
  it.asked.length = 0
  for (let second = 0; second < 5; second++) {
    await it.clock.advance(1000)
    await it.look()
  }
  assert.deepEqual(it.asked, Array.from({ length: 5 }, () => path))
})
