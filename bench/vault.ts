/** KV reads and writes a second through the HTTP API on a real port, storage on disk, one process. */
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type AddressInfo } from 'node:net'
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
  const lines: Line[] = []
  try {
    const first = await started(port)
    lines.push(first)
    const { call } = first
    const init = await call('PUT', '/v1/sys/init', '', { secret_shares: 1, secret_threshold: 1 })
    const { root_token: token } = JSON.parse(init.body) as { root_token: string }
    await call('POST', '/v1/sys/mounts/secret', token, { type: 'kv', options: { version: '2' } })
    for (let i = 0; i < secrets; i++) await call('POST', `/v1/secret/data/app/${i}`, token, { data: { username: 'app', password: 'x'.repeat(64) } })
    while (lines.length < connections) lines.push(await connect(port))
    const cpu = (): number => processorMs(child.pid ?? 0)
    const reads = await load(lines, cpu, (call, i) => call('GET', `/v1/secret/data/app/${i % secrets}`, token))
    const writes = await load(lines, cpu, (call, i) => call('POST', `/v1/secret/data/app/${i % secrets}`, token, { data: { username: 'app', password: 'y'.repeat(64) } }))
    const note = `${connections} connections, the client in the same machine's cores`
    const rows = (name: string, { rate, cpuUs }: Load) => [{ name, value: rate, unit: '1/s', note }, ...(cpuUs === 0 ? [] : [{ name: `${name}: processor time of the server each`, value: cpuUs, unit: 'µs', note: 'depends less on what else the machine does' }])]
    return { bench: 'vault', results: [...rows('KV v2 reads', reads), ...rows('KV v2 writes, durable', writes)] }
  } finally {
    for (const line of lines) line.close()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
}

type Call = (method: string, path: string, token: string, body?: object) => Promise<{ readonly status: number; readonly body: string }>
interface Line { readonly call: Call; close(): void }

/** A connection that knows just enough HTTP for answers with a length: a full client would take as much of the machine as the server it measures. */
async function connect(port: number): Promise<Line> {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  let waiting: PromiseWithResolvers<{ readonly status: number; readonly body: string }> | undefined
  let held = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    held += chunk
    const end = held.indexOf('\r\n\r\n')
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(held)?.[1] ?? 0)
    if (end < 0 || held.length < end + 4 + length) return
    const answer = { status: Number(held.slice(9, 12)), body: held.slice(end + 4, end + 4 + length) }
    held = ''
    waiting?.resolve(answer)
  })
  socket.on('error', (error) => waiting?.reject(error)).on('close', () => waiting?.reject(new Error('the server closed the connection')))
  return {
    call(method, path, token, body) {
      const payload = body === undefined ? '' : JSON.stringify(body)
      waiting = Promise.withResolvers()
      socket.write(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-vault-token: ${token}\r\n${payload === '' ? '' : `content-length: ${Buffer.byteLength(payload)}\r\n`}\r\n${payload}`)
      return waiting.promise
    },
    close: () => socket.destroy(),
  }
}

interface Load { readonly rate: number; readonly cpuUs: number }

/** Requests a second over all connections. */
async function load(lines: readonly Line[], cpu: () => number, send: (call: Call, i: number) => ReturnType<Call>): Promise<Load> {
  const before = cpu()
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(lines.map(async ({ call }, first) => {
    for (let i = first; performance.now() < end; i += connections) {
      const { status } = await send(call, i)
      if (status !== 200) throw new Error(`the server answered ${status}`)
      done++
    }
  }))
  return { rate: done / seconds, cpuUs: Math.round((cpu() - before) * 1000 / done) }
}

/** Processor time of a process so far; 0 where the system does not tell. */
function processorMs(pid: number): number {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return 0
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function started(port: number): Promise<Line> {
  for (let left = 200; left > 0; left--) {
    const line = await connect(port).catch(() => undefined) // not listening yet
    if (line !== undefined) return line
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
