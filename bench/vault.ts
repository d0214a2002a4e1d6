/** KV reads and writes a second through the HTTP API on a real port, storage on disk, one process. */
import { Agent, request } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Bench } from './main.ts'

const server = fileURLToPath(new URL('../conformance/vault/serve.ts', import.meta.url))
const connections = 16
const seconds = 4
const secrets = 500

/** Measures a Vault of its own; there is no peer in the same run, since Vault itself is not carried by npm or Debian. */
export async function run(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'vault-bench-'))
  const port = await freePort()
  const config = join(folder, 'vault.hcl')
  writeFileSync(config, `listener "tcp" {\n  tls_disable = 1\n  address = "127.0.0.1:${port}"\n}\nstorage "raft" {\n  path = "${folder}/data"\n}\nseal "idp-keyfile" {}\n`)
  const child = spawn(process.execPath, [server, 'server', `-config=${config}`], { stdio: ['ignore', 'ignore', 'inherit'] })
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  try {
    const call = caller(agent, port)
    await started(call)
    const init = await call('PUT', '/v1/sys/init', '', { secret_shares: 1, secret_threshold: 1 })
    const { root_token: token } = JSON.parse(init.body) as { root_token: string }
    await call('POST', '/v1/sys/mounts/secret', token, { type: 'kv', options: { version: '2' } })
    for (let i = 0; i < secrets; i++) await call('POST', `/v1/secret/data/app/${i}`, token, { data: { username: 'app', password: 'x'.repeat(64) } })
    const reads = await load((i) => call('GET', `/v1/secret/data/app/${i % secrets}`, token))
    const writes = await load((i) => call('POST', `/v1/secret/data/app/${i % secrets}`, token, { data: { username: 'app', password: 'y'.repeat(64) } }))
    const note = `${connections} connections, the client in the same machine's cores`
    return { bench: 'vault', results: [{ name: 'KV v2 reads', value: reads, unit: '1/s', note }, { name: 'KV v2 writes, durable', value: writes, unit: '1/s', note }] }
  } finally {
    agent.destroy()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

type Call = (method: string, path: string, token: string, body?: object) => Promise<{ readonly status: number; readonly body: string }>

function caller(agent: Agent, port: number): Call {
  return (method, path, token, body) => new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers: { 'x-vault-token': token, ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }) } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    outgoing.on('error', reject)
    outgoing.end(payload)
  })
}

/** Requests a second over all connections. */
async function load(send: (i: number) => ReturnType<Call>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(Array.from({ length: connections }, async (_, first) => {
    for (let i = first; performance.now() < end; i += connections) {
      const { status } = await send(i)
      if (status !== 200) throw new Error(`the server answered ${status}`)
      done++
    }
  }))
  return done / seconds
}

async function started(call: Call): Promise<void> {
  for (let left = 200; left > 0; left--) {
    const answer = await call('GET', '/v1/sys/seal-status', '').catch(() => undefined)
    if (answer?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the server did not start')
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
