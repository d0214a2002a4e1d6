/**
 * `npm run conformance -- heal [--times N]`: kills a Vault process with SIGKILL under load, again and again. Each time it must start again, unseal itself by
 * its key file, and have every write that it acknowledged.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SuiteResult } from '../main.ts'

const server = fileURLToPath(new URL('../vault/serve.ts', import.meta.url))
const writers = 8
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Vault { readonly config: string; readonly address: string; token: string }

const freePort = (): Promise<number> => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as AddressInfo
    probe.close(() => resolve(port))
  })
})

async function call({ address, token }: Vault, method: string, path: string, body?: object): Promise<{ status: number; body: any }> { // oxlint-disable-line no-explicit-any -- answers of every shape
  const response = await fetch(`${address}/v1/${path}`, { method, headers: token === '' ? {} : { 'x-vault-token': token }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}

async function start(vault: Vault, wanted: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [server, 'server', `-config=${vault.config}`], { stdio: ['ignore', 'ignore', 'inherit'] })
  for (let left = 600; left > 0; left--) {
    if ((await call(vault, 'GET', 'sys/health').catch(() => undefined))?.status === wanted) return child
    await pause(25)
  }
  throw new Error(`Vault did not answer ${wanted} to sys/health within 15 s`)
}

/** Counts up in a secret of each writer until the server is gone; gives what was acknowledged last. */
async function write(vault: Vault, round: number): Promise<readonly number[]> {
  return Promise.all(Array.from({ length: writers }, async (_none, writer) => {
    for (let i = 1; ; i++) {
      const done = await call(vault, 'POST', `secret/data/${round}/${writer}`, { data: { i } }).catch(() => undefined)
      if (done?.status !== 200) return i - 1
    }
  }))
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

export async function run(args: readonly string[]): Promise<SuiteResult> {
  const at = args.indexOf('--times')
  const times = at < 0 ? 10 : Number(args[at + 1]) || 10
  const folder = mkdtempSync(join(tmpdir(), 'idp-heal-'))
  const port = await freePort()
  const vault: Vault = { config: join(folder, 'vault.hcl'), address: `http://127.0.0.1:${port}`, token: '' }
  writeFileSync(vault.config, `listener "tcp" {\n  tls_disable = 1\n  address = "127.0.0.1:${port}"\n}\nstorage "raft" {\n  path = "${folder}/data"\n}\nseal "idp-keyfile" {}\n`)
  const failures: { name: string; reason: string }[] = []
  let acknowledged = 0
  let child = await start(vault, 501)
  try {
    vault.token = (await call(vault, 'PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })).body.root_token
    await call(vault, 'POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    for (let round = 1; round <= times; round++) {
      const writing = write(vault, round)
      await pause(50 + Math.random() * 400)
      await kill(child)
      const last = await writing
      acknowledged += last.reduce((sum, each) => sum + each, 0)
      child = await start(vault, 200)
      for (const [writer, i] of last.entries()) {
        const found = i === 0 ? 0 : Number((await call(vault, 'GET', `secret/data/${round}/${writer}`)).body?.data?.data?.i)
        if (!(found >= i)) failures.push({ name: `round ${round}`, reason: `writer ${writer}: ${found} is there, ${i} was acknowledged` })
      }
    }
  } finally {
    await kill(child)
    rmSync(folder, { recursive: true, force: true })
  }
  return { suite: 'heal', passed: times - new Set(failures.map(({ name }) => name)).size, total: times, failures, acknowledgedWrites: acknowledged }
}
