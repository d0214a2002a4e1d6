import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, defineKind, isApiError, Pod, resourcePath } from '@idp/api'
import { startTestApi } from '@idp/apiserver'
import { listen, type Handler } from '@idp/http'
import { isCoded, silentLog } from '@idp/kit'
import { createClient, handlerTransport, networkTransport, readKubeconfig, writeKubeconfig, type Client } from './index.ts'

const at = { namespace: 'default' }
const configMap = (name: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { a: '1' } })

/** The same body for both ways to reach a server. */
const ways: readonly [string, () => Promise<{ client: Client } & AsyncDisposable>][] = [
  ['in process', async () => {
    const api = await startTestApi()
    return { client: createClient({ transport: handlerTransport(api.server.handler), fieldManager: 'me' }), [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
  }],
  ['over the network', async () => {
    const api = await startTestApi()
    const port = await listen({ port: 0, server: api.server, log: silentLog })
    const transport = networkTransport({ server: `http://127.0.0.1:${port.port}` })
    return {
      client: createClient({ transport, fieldManager: 'me' }),
      async [Symbol.asyncDispose]() {
        transport[Symbol.dispose]()
        await port[Symbol.asyncDispose]()
        await api[Symbol.asyncDispose]()
      },
    }
  }],
]
for (const [way, start] of ways) {
  test(`${way}: reads, writes, watches, errors`, async () => {
    await using world = await start()
    const { client } = world
    const created = await client.create(ConfigMap, configMap('a'))
    assert.equal(created.metadata.managedFields?.[0]?.manager, 'me')
    assert.deepEqual((await client.list(ConfigMap, at)).items.map(({ kind, metadata }) => [kind, metadata.name]), [['ConfigMap', 'a']])
    await assert.rejects(client.get(Pod, 'none', at), (error) => isApiError(error, 'NotFound') && error.code === 404 && error.details?.name === 'none')
    const stop = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      for await (const { type, object } of client.watch(ConfigMap, { ...at, signal: stop.signal, resourceVersion: created.metadata.resourceVersion ?? '' })) {
        seen.push(`${type} ${object.metadata.name}`)
        if (seen.length === 2) stop.abort()
      }
    })()
    await client.create(ConfigMap, configMap('b'))
    await client.delete(ConfigMap, 'a', at)
    await watching
    assert.deepEqual(seen, ['ADDED b', 'DELETED a'])
  })

  test(`${way}: kinds come from discovery`, async () => {
    await using world = await start()
    const { client } = world
    const kind = await client.kindOf('apps/v1', 'Deployment')
    assert.equal(resourcePath(kind, { namespace: 'x', name: 'y' }), '/apis/apps/v1/namespaces/x/deployments/y')
    await assert.rejects(client.kindOf('apps/v1', 'Gadget'), (error) => isApiError(error, 'NotFound') && error.message === 'no matches for kind "Gadget" in version "apps/v1"')
    const kinds = await client.kinds()
    assert.deepEqual(kinds.filter(({ plural }) => plural === 'horizontalpodautoscalers').map(({ version }) => version), ['v2'])
  })
}

test('a server that cannot be reached is told with what to do', async () => {
  using transport = networkTransport({ server: 'http://127.0.0.1:1' })
  await assert.rejects(createClient({ transport }).list(ConfigMap), (error) => isCoded(error, 'ApiUnreachable'))
})

test('an answer that is not the API\'s is still an ApiError', async () => {
  const handler: Handler = () => new Response('<html>busy', { status: 503 })
  const client = createClient({ transport: handlerTransport(handler) })
  await assert.rejects(client.list(ConfigMap), (error) => isApiError(error, 'Unknown') && error.code === 503 && error.message === '<html>busy')
})

test('a watch survives events cut anywhere, and throws an ERROR event', async () => {
  const text = `${JSON.stringify({ type: 'ADDED', object: configMap('ä') })}\n${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'too old' } })}\n`
  for (const size of [1, 7, 1000]) {
    const bytes = new TextEncoder().encode(text)
    const handler: Handler = () => new Response(new ReadableStream({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size))
        controller.close()
      },
    }))
    const seen: string[] = []
    await assert.rejects(async () => {
      for await (const { object } of createClient({ transport: handlerTransport(handler) }).watch(ConfigMap, { signal: new AbortController().signal })) seen.push(object.metadata.name ?? '')
    }, (error) => isApiError(error, 'Expired'))
    assert.deepEqual(seen, ['ä'])
  }
})

test('names with odd characters stay in their path segment', () => {
  const kind = defineKind({ group: 'a.b', version: 'v1', kind: 'X', plural: 'xs', scope: 'Cluster' })
  assert.equal(resourcePath(kind, { name: '../secrets' }), '/apis/a.b/v1/xs/..%2Fsecrets')
})

test('a kubeconfig is read back as it was written, and what cannot be read is named', () => {
  const text = writeKubeconfig({ name: 'demo', server: 'https://127.0.0.1:6443', ca: 'CA', identity: { cert: 'CERT', key: 'KEY' }, token: 't' })
  assert.deepEqual(readKubeconfig(text, 'file'), { name: 'demo', network: { server: 'https://127.0.0.1:6443', ca: 'CA', identity: { cert: 'CERT', key: 'KEY' } }, token: 't' })
  assert.throws(() => readKubeconfig(text, 'file', 'other'), (error) => isCoded(error, 'KubeconfigInvalid') && error.message === 'the kubeconfig has no context "other"')
  const exec = text.replace('token: t', 'exec: {}')
  assert.throws(() => readKubeconfig(exec, 'file'), (error) => isCoded(error, 'KubeconfigInvalid') && error.message.includes('`exec`'))
})
