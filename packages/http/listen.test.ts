import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as http2Connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { isCoded } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import type { Handler, WebServer } from './handler.ts'
import { fetchOver } from './fetch-over.ts'
import { listen, type ListenOptions } from './listen.ts'
import { respond } from './respond.ts'
import { serveConnection } from './serve-connection.ts'
import { clientIdentity, serverIdentity } from './testing/certificates.ts'

const tls = { identity: () => serverIdentity }

async function serving(handler: Handler, options: Partial<ListenOptions> = {}): Promise<AsyncDisposable & { port: number; url: string }> {
  const open = await listen({ port: 0, server: { handler }, ...options })
  return { port: open.port, url: `http://127.0.0.1:${open.port}`, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() }
}

const echo: Handler = async (request, peer) => Response.json({ method: request.method, url: request.url, a: request.headers.get('x-a'), body: await request.text(), peer })

test('serves plain HTTP: method, target, headers, body, peer', async () => {
  await using server = await serving(echo)
  const answer = await fetch(`${server.url}/p/a?q=1`, { method: 'POST', body: 'hello', headers: { 'x-a': 'b' } })
  assert.deepEqual(await answer.json(), { method: 'POST', url: `http://127.0.0.1:${server.port}/p/a?q=1`, a: 'b', body: 'hello', peer: { address: '127.0.0.1' } })
})

test('a ready answer reads like any Response and goes out with its length', async () => {
  const answer = respond('{"a":1}', { status: 201, headers: { 'content-type': 'application/json' } })
  assert.equal(answer.clone().status, 201)
  assert.deepEqual(await answer.clone().json(), { a: 1 })
  assert.equal(await new Response(answer.clone().body).text(), '{"a":1}')
  assert.equal(Buffer.from(await respond(new Uint8Array([104, 105])).arrayBuffer()).toString(), 'hi')
  await using server = await serving(() => answer)
  const got = await fetch(server.url)
  assert.deepEqual([got.status, got.headers.get('content-length'), await got.text()], [201, '7', '{"a":1}'])
  const twice = respond('x')
  await twice.text()
  await assert.rejects(twice.text())
})

test('streams answers as they come and cancels them when the caller goes away', async () => {
  const gone = Promise.withResolvers<string>()
  await using server = await serving((request) => {
    request.signal.addEventListener('abort', () => gone.resolve('aborted'))
    return new Response(new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode('first\n')) }, cancel() { cancelled.resolve(true) } }))
  })
  const cancelled = Promise.withResolvers<boolean>()
  const stop = new AbortController()
  const answer = await fetch(server.url, { signal: stop.signal })
  const reader = answer.body?.getReader()
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first\n')
  stop.abort()
  assert.equal(await gone.promise, 'aborted')
  assert.equal(await cancelled.promise, true)
})

test('a failing handler is a 500; a failing body cuts the connection', async () => {
  await using server = await serving((request) => {
    if (request.url.endsWith('/throw')) throw new Error('secret detail')
    return new Response(new ReadableStream({ pull(controller) { controller.error(new Error('broken')) } }))
  })
  const answer = await fetch(`${server.url}/throw`)
  assert.deepEqual([answer.status, await answer.text()], [500, 'internal error\n'])
  await assert.rejects(async () => (await fetch(`${server.url}/body`)).text())
})

test('serves TLS over HTTP/2 and HTTP/1.1 on one port, with the certificate asked for by name at each handshake', async () => {
  const names: (string | undefined)[] = []
  await using server = await serving(echo, { tls: { identity: (name) => { names.push(name); return serverIdentity } } })
  const session = http2Connect(`https://localhost:${server.port}`, { ca: serverIdentity.cert })
  const stream = session.request({ ':path': '/two', ':method': 'POST' })
  stream.end('body')
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  session.close()
  assert.deepEqual([JSON.parse(text).url, JSON.parse(text).body], [`https://localhost:${server.port}/two`, 'body'])
  const one = await overTls(server.port, {})
  assert.equal(JSON.parse(one).url, `https://localhost:${server.port}/one`)
  assert.ok(names.includes('localhost'))
})

test('a verified client certificate names the peer; another one does not', async () => {
  await using server = await serving(echo, { tls: { ...tls, clientCa: clientIdentity.cert } })
  const { peer } = JSON.parse(await overTls(server.port, clientIdentity))
  assert.deepEqual(peer.certificate, { commonName: 'alice', organizations: ['system:masters'] })
  assert.equal(JSON.parse(await overTls(server.port, serverIdentity)).peer.certificate, undefined)
  assert.equal(JSON.parse(await overTls(server.port, {})).peer.certificate, undefined)
})

test('client certificates that are expired, not yet valid, for servers only or of a stranger name nobody', async () => {
  const now = Date.now()
  const day = 86_400_000
  const [ca, stranger] = await Promise.all([1, 2].map((days) => createCa({ subject: { commonName: 'clients' }, now: now - 10 * day, days: 20 + days })))
  await using server = await serving(echo, { tls: { ...tls, clientCa: ca?.cert ?? '' } })
  const nameOf = async (signer: typeof ca, at: number, use: 'client' | 'server' = 'client'): Promise<unknown> => {
    const { cert, key } = await issueCertificate({ ca: signer ?? await createCa({ subject: {}, now, days: 1 }), for: use, now: at, days: 1, subject: { commonName: 'bob' } })
    return JSON.parse(await overTls(server.port, { cert, key })).peer.certificate?.commonName
  }
  assert.equal(await nameOf(ca, now), 'bob')
  assert.equal(await nameOf(ca, now - 3 * day), undefined)
  assert.equal(await nameOf(ca, now + 2 * day), undefined)
  assert.equal(await nameOf(ca, now, 'server'), undefined)
  assert.equal(await nameOf(stranger, now), undefined)
})

test('a certificate that is asked for without a CA is handed on whoever signed it, with what proves it', async () => {
  const now = Date.now()
  const day = 86_400_000
  const root = await createCa({ subject: { commonName: 'root' }, now, days: 2 })
  const middle = await createCa({ subject: { commonName: 'middle' }, now, days: 2, parent: root })
  const chained = await issueCertificate({ ca: middle, for: 'client', now, days: 1, subject: { commonName: 'bob' } })
  const old = await issueCertificate({ ca: root, for: 'client', now: now - 3 * day, days: 1, subject: { commonName: 'old' } })
  await using server = await serving(echo, { tls: { ...tls, requestClientCertificate: true } })
  const peerOf = async (identity: object): Promise<unknown> => JSON.parse(await overTls(server.port, identity)).peer
  const plain = (pem: string): string => pem.replaceAll(/\s/g, '')
  for (const identity of [chained, old, clientIdentity]) {
    const peer = await peerOf(identity) as { certificate?: unknown; certificatePem: string }
    assert.equal(peer.certificate, undefined)
    assert.equal(plain(peer.certificatePem), plain(identity.cert))
  }
  assert.deepEqual(await peerOf({}), { address: '127.0.0.1' })
})

test('a body can be read whole, as a stream, from a copy, and once; its limit holds without a length', async () => {
  const ways: Record<string, (request: Request) => Promise<unknown>> = {
    text: (request) => request.text(), json: async (request) => (await request.json() as { a: string }).a, bytes: async (request) => Buffer.from(await request.arrayBuffer()).toString(),
    blob: async (request) => (await request.blob()).text(), stream: (request) => new Response(request.body).text(), copy: async (request) => [await request.clone().text(), await request.text()].join(), made: (request) => new Request(request).text(),
    twice: async (request) => [request.bodyUsed, await request.text(), request.bodyUsed, await request.text().catch((error: Error) => error.name), await new Response(await request.arrayBuffer().catch(() => 'refused')).text()].join(), unread: async () => 'nothing',
  }
  await using server = await serving(async (request) => Response.json(await ways[new URL(request.url).pathname.slice(1)]?.(request)), { maxBodyBytes: 100 })
  const body = '{"a":"ä"}'
  for (const [way, want] of [['text', body], ['json', 'ä'], ['bytes', body], ['blob', body], ['stream', body], ['copy', `${body},${body}`], ['made', body], ['twice', `false,${body},true,TypeError,refused`], ['unread', 'nothing']] as const) {
    const answer = await fetch(`${server.url}/${way}`, { method: 'POST', body })
    assert.deepEqual([way, await answer.json()], [way, want])
  }
  assert.equal(await (await fetch(`${server.url}/text`, { method: 'POST' })).json(), '')
  for (const way of ['text', 'stream', 'bytes']) {
    const body = new ReadableStream({ start(controller) { for (let i = 0; i < 20; i++) controller.enqueue(Buffer.from('0123456789')); controller.close() } })
    const answer = await fetch(`${server.url}/${way}`, { method: 'POST', body, duplex: 'half' } as RequestInit).then(({ status }) => status, () => 413) // fetch may see the connection end first
    assert.equal(answer, 413)
  }
})

test('a caller that goes away in the middle of a body ends the reading of it', async () => {
  const read = Promise.withResolvers<unknown>()
  await using server = await serving((request) => {
    const text = request.text()
    text.then(() => read.resolve('read'), (error: Error) => read.resolve(error.name))
    return text.then(() => new Response())
  })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nabc', () => setImmediate(() => socket.destroy()))
  assert.match(String(await read.promise), /Error/)
})

test('the order of ciphers is the server\'s, except for clients that prefer ChaCha20', async () => {
  await using server = await serving(echo, { tls: { ...tls, ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256' } })
  for (const [offered, chosen] of [['TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256'], ['TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256']] as const) {
    const socket = tlsConnect({ host: '127.0.0.1', servername: 'localhost', port: server.port, ca: serverIdentity.cert, ciphers: offered })
    await once(socket, 'secureConnect')
    assert.equal(socket.getCipher().name, chosen)
    socket.destroy()
  }
})

test('handshakes that fail are told of, with the reason', async () => {
  const told: string[] = []
  const failed = Promise.withResolvers<void>()
  await using server = await serving(echo, { tls: { ...tls, failed: (peer, reason) => {
    told.push(`${peer.address} ${reason}`)
    failed.resolve()
  } } })
  const socket = connect(server.port, '127.0.0.1')
  socket.on('error', () => {}).end('GET / HTTP/1.1\r\n\r\n')
  await failed.promise
  assert.match(told.join(), /^127\.0\.0\.1 ERR_SSL_HTTP_REQUEST$/)
  assert.match(await overTls(server.port, {}), /"method"/)
  assert.equal(told.length, 1)
})

async function overTls(port: number, identity: { cert?: string; key?: string }): Promise<string> {
  const request = httpsRequest({ host: 'localhost', port, path: '/one', ca: serverIdentity.cert, agent: false, ...identity }).end()
  const [answer] = await once(request, 'response')
  let text = ''
  for await (const chunk of answer) text += chunk
  return text
}

test('hands upgrades over, and serves them as ordinary requests when nobody takes them', async () => {
  const upgrade: WebServer['upgrade'] = (request, socket, _head, peer) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.get('upgrade')}\r\n\r\n`)
    socket.write(`hello ${peer.address}`)
    socket.on('data', (data) => socket.end(data))
  }
  await using server = await serving(echo, { server: { handler: echo, upgrade } })
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
  let text = ''
  socket.on('data', (data) => {
    text += data
    if (text.endsWith('hello 127.0.0.1')) socket.write('bye')
  })
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1.1 101 .*Upgrade: raw\r\n\r\nhello 127.0.0.1bye$/s)
  await using plain = await serving(echo)
  const ordinary = connect(plain.port, '127.0.0.1')
  ordinary.write('GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n')
  const [first] = await once(ordinary, 'data')
  assert.match(String(first), /^HTTP\/1.1 200 /)
  ordinary.destroy()
})

for (const [name, wire, status] of [
  ['a head that is too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, 431],
  ['a body that is too large by its length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n', 413],
  ['length and chunked together', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef', 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['a folded header', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400],
  ['no HTTP at all', '\x16\x03\x01 nonsense\r\n\r\n', 400],
  ['a method that the platform forbids', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 405],
  ['a head that never ends', 'GET / HTTP/1.1\r\nHost: a\r\n', 408],
] as const) {
  test(`refuses ${name}`, async () => {
    await using server = await serving(() => new Response('served'), { maxHeaderBytes: 4096, maxBodyBytes: 1000, headersTimeoutMs: 200 })
    const socket = connect(server.port, '127.0.0.1')
    socket.write(wire)
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) {
      text += chunk
      if (text.includes('\r\n\r\n')) break
    }
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `))
  })
}

test('a taken port names its holder', async () => {
  await using server = await serving(echo)
  await assert.rejects(listen({ port: server.port, server: { handler: echo }, setting: '--https-port' }), (error) => {
    assert.ok(isCoded(error, 'PortTaken'))
    assert.match(error.message, new RegExp(`port ${server.port} on 127.0.0.1 is taken by .*${process.platform === 'linux' ? process.pid : ''}`))
    assert.match(error.remedy ?? '', /--https-port/)
    return true
  })
})

test('client and server over a pair of streams, plain and with TLS', async () => {
  const [one, other] = duplexPair()
  serveConnection(other, { handler: echo }, { address: '10.42.0.9' })
  const answer = await fetchOver(one, new Request('http://svc.ns/x?y', { method: 'PUT', body: 'b', headers: { 'x-a': '1' } }))
  assert.deepEqual(await answer.json(), { method: 'PUT', url: 'http://svc.ns/x?y', a: '1', body: 'b', peer: { address: '10.42.0.9' } })
  const [dead, end] = duplexPair()
  end.resume().on('end', () => end.end())
  setImmediate(() => end.destroy())
  await assert.rejects(fetchOver(dead, new Request('http://svc/')), (error) => isCoded(error, 'ConnectionFailed'))
  const [a, b] = duplexPair()
  serveConnection(b, { handler: () => new Response(null, { status: 204 }) }, { address: '' })
  assert.equal((await fetchOver(() => a, new Request('http://svc/'))).status, 204)
})
