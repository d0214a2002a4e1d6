import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, type Duplex } from 'node:stream'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { Pod } from '@idp/api'
import { listen } from '@idp/http'
import { silentLog } from '@idp/kit'
import { WebSocket } from 'ws'
import { startTestApi } from '../testing.ts'
import type { NodeProxy } from './node-proxy.ts'
import { serveSpdy } from './spdy-connection.ts'
import { spdyHeaders } from './spdy-headers.ts'

const nodes: NodeProxy = {
  logs: (pod, { container, tailLines }) => new Response(`${pod.metadata.name}/${container}/${tailLines}\n`),
  async exec(_pod, { command }, { stdin, stdout, stderr }) {
    for await (const chunk of stdin) stdout(chunk)
    stderr(command.join(' '))
    return command[0] === 'fail' ? 3 : 0
  },
  async attach() {},
  async portForward() {
    return new PassThrough()
  },
}

async function start() {
  const api = await startTestApi({ nodes })
  await api.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { nodeName: 'n', containers: [{ name: 'a', image: 'i' }, { name: 'b', image: 'i' }] } })
  const port = await listen({ port: 0, server: api.server, log: silentLog })
  return { api, url: `127.0.0.1:${port.port}`, async [Symbol.asyncDispose]() {
    await port[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
  } }
}

test('logs go to the node with container and options', async () => {
  await using world = await start()
  const log = async (query: string) => (await world.api.client.request(`/api/v1/namespaces/default/pods/p/log?${query}`)).text()
  assert.equal(await log('container=b&tailLines=3'), 'p/b/3\n')
  assert.match(await log(''), /a container name must be specified for pod p, choose one of: \[a b\]/)
  assert.match(await log('container=c'), /container c is not valid for pod p/)
  assert.match(await log('container=a&tailLines=-1'), /must be greater than or equal to 0/)
})

for (const [command, status] of [['echo', { metadata: {}, status: 'Success' }], ['fail', { metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: 'command terminated with non-zero exit code: exit status 3', details: { causes: [{ reason: 'ExitCode', message: '3' }] } }]] as const) {
  test(`exec over a WebSocket: ${command}`, async () => {
    await using world = await start()
    const socket = new WebSocket(`ws://${world.url}/api/v1/namespaces/default/pods/p/exec?container=a&command=${command}&command=me&stdin=true&stdout=true&stderr=true`, ['v5.channel.k8s.io'])
    const got: Record<number, string> = {}
    socket.on('message', (data: Buffer) => (got[data[0] ?? 0] = (got[data[0] ?? 0] ?? '') + data.subarray(1).toString()))
    await once(socket, 'open')
    socket.send(Buffer.concat([Buffer.of(0), Buffer.from('hi')]))
    socket.send(Buffer.of(255, 0))
    await once(socket, 'close')
    assert.deepEqual([got[1], got[2], JSON.parse(got[3] ?? 'null')], ['hi', `${command} me`, status])
  })
}

test('SPDY headers survive compression, block after block', async () => {
  const writer = spdyHeaders()
  const reader = spdyHeaders()
  for (const headers of [new Map([['streamtype', 'error'], ['port', '80']]), new Map([['streamtype', 'data']])]) {
    assert.deepEqual(await reader.read(await writer.write(headers)), headers)
  }
  writer.close()
  reader.close()
})

test('SPDY streams carry data both ways; a frame may come in pieces', async () => {
  const [server, client] = duplexPair()
  const served = serveSpdy(server as Duplex, (stream) => {
    void (async () => {
      for await (const chunk of stream.input) stream.write(chunk)
      stream.end()
    })()
  })
  const block = await spdyHeaders().write(new Map([['streamtype', 'data']]))
  const syn = Buffer.concat([Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 10 + block.length, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), block])
  const data = Buffer.concat([Buffer.from([0, 0, 0, 1, 1, 0, 0, 5]), Buffer.from('hello')])
  client.write(syn.subarray(0, 5))
  client.write(syn.subarray(5))
  client.write(data)
  let got = Buffer.alloc(0)
  while (!got.includes('hello')) got = Buffer.concat([got, ((await once(client, 'data')) as [Buffer])[0]])
  assert.deepEqual([...got.subarray(0, 4)], [0x80, 3, 0, 2])
  client.end()
  await served
})
