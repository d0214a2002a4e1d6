/**
 * `npm run conformance -- kill [--times N]`: kills the engine with SIGKILL at random moments of bootstrap and sync, then `idp up`: the platform
 * must become Healthy every time, and no write that was acknowledged before the kill may be missing.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigMap, isApiError } from '@idp/api'
import { createClient, networkTransport, readKubeconfig, type Client } from '@idp/client'
import type { SuiteResult } from '../main.ts'

const launcher = fileURLToPath(new URL('../../idp', import.meta.url))
const name = 'kill'

interface Place { readonly root: string; readonly flags: readonly string[] }

const freePort = (): Promise<number> => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resolve(port))
  })
})

const idp = (args: readonly string[]): Promise<{ code: number; out: string }> => new Promise((resolve) => {
  execFile(launcher, args, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: stdout + stderr }))
})

const enginePid = ({ root }: Place): number | undefined => {
  const file = join(root, name, 'cluster.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { pid?: number }).pid : undefined
}

function clientOf({ root }: Place): Client | undefined {
  const file = join(root, name, 'engine', 'kubeconfig')
  if (!existsSync(file)) return undefined
  return createClient({ transport: networkTransport(readKubeconfig(readFileSync(file, 'utf8'), file).network) })
}

/** Writes ConfigMaps one after another until the server is gone; gives the names that were acknowledged. */
async function writeUntilGone(place: Place, round: number, stop: AbortSignal): Promise<string[]> {
  const acknowledged: string[] = []
  for (let i = 0; !stop.aborted; i++) {
    const client = clientOf(place)
    try {
      if (client === undefined) throw new Error('no API yet')
      const object = `kill-${round}-${i}`
      await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: object, namespace: 'default' }, data: { round: String(round) } })
      acknowledged.push(object)
    } catch {
      // The API is not up yet, or was just killed: neither write was acknowledged.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return acknowledged
}

/** One round: start, kill after `delayMs`, start again, look. Gives what is wrong, or undefined. */
async function round(place: Place, index: number, delayMs: number): Promise<string | undefined> {
  const stop = new AbortController()
  const starting = spawn(launcher, ['up', ...place.flags], { stdio: 'ignore' })
  const ended = new Promise((resolve) => starting.once('close', resolve))
  const writing = writeUntilGone(place, index, stop.signal)
  await new Promise((resolve) => setTimeout(resolve, delayMs))
  const pid = enginePid(place)
  if (pid !== undefined) try { process.kill(pid, 'SIGKILL') } catch { /* it was not running yet */ }
  starting.kill('SIGKILL')
  stop.abort()
  await ended
  const acknowledged = await writing
  const again = await idp(['up', ...place.flags, '--timeout', '120'])
  if (again.code !== 0) return `killed after ${delayMs} ms: idp up ended with ${again.code}: ${again.out.slice(-600)}`
  const client = clientOf(place)
  for (const object of acknowledged) {
    try {
      await client?.get(ConfigMap, object, { namespace: 'default' })
    } catch (error) {
      return `killed after ${delayMs} ms: ConfigMap ${object} was acknowledged and is gone: ${isApiError(error) ? error.message : String(error)}`
    }
  }
  return undefined
}

export async function run(args: readonly string[]): Promise<SuiteResult> {
  const times = Number(args[args.indexOf('--times') + 1] ?? 20) || 20
  const root = mkdtempSync(join(tmpdir(), 'idp-kill-'))
  const place: Place = { root, flags: ['--name', name, '--data-dir', root, '--https-port', String(await freePort()), '--http-port', String(await freePort())] }
  const failures: { name: string; reason: string }[] = []
  try {
    for (let index = 0; index < times; index++) {
      // Every third round begins from nothing, so that the bootstrap itself is hit at every stage.
      if (index % 3 === 0) await idp(['destroy', '--yes', ...place.flags.slice(0, 4)])
      const delayMs = Math.round(200 + Math.random() * 7_000)
      const wrong = await round(place, index, delayMs)
      console.error(`${index + 1}/${times}: killed after ${delayMs} ms: ${wrong === undefined ? 'healed' : wrong}`)
      if (wrong !== undefined) failures.push({ name: `round ${index + 1}`, reason: wrong })
    }
  } finally {
    await idp(['destroy', '--yes', ...place.flags.slice(0, 4)])
    rmSync(root, { recursive: true, force: true })
  }
  return { suite: 'kill', passed: times - failures.length, total: times, failures }
}
