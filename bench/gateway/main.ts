import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { CodedError, sleep, systemClock } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import type { Bench, BenchResult } from '../main.ts'
import { caddy, haproxy, type Peer, type ProxySetup } from './peers.ts'

/** Seconds of load for one figure. */
const SECONDS = 3
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

interface Load { readonly name: string; readonly routes: number; readonly bytes: number; readonly secure: boolean }
const loads: readonly Load[] = [
  { name: 'plain, 1.5 kB, 10 routes', routes: 10, bytes: 1500, secure: false }, { name: 'plain, 1.5 kB, 1,000 routes', routes: 1000, bytes: 1500, secure: false },
  { name: 'plain, 100 kB, 10 routes', routes: 10, bytes: 100_000, secure: false }, { name: 'TLS, 1.5 kB, 10 routes', routes: 10, bytes: 1500, secure: true },
]

interface Figures {
  readonly perSecond: number
  readonly p99: number
  /** Requests per second of processor time of the proxy: steadier than the clock on a machine that does other things. */
  readonly perCpuSecond: number
}

/**
 * Requests per second through the gateway, HAProxy and Caddy, each on one core, one after the other in the same run.
 * Needs `wrk`; peers that are not installed are left out. `args`: directories to look for programs in, before the PATH.
 */
export async function run(args: readonly string[]): Promise<Bench> {
  const find = (program: string): string | undefined => [...args, ...(process.env['PATH'] ?? '').split(delimiter)].map((directory) => join(directory, program)).find((file) => existsSync(file))
  const wrk = find('wrk')
  if (wrk === undefined) throw new CodedError({ code: 'ToolMissing', message: 'the load generator wrk is not installed', remedy: 'apt install wrk haproxy caddy' })
  const directory = await mkdtemp(join(tmpdir(), 'idp-bench-'))
  const results: BenchResult[] = []
  try {
    const files = await certificates(directory)
    for (const load of loads) {
      await using backend = await start(process.execPath, [here('backend.ts'), String(load.bytes)], 1)
      const measured: Record<string, Figures> = {}
      for (const [name, peer] of [['idp', undefined], ['HAProxy', haproxy], ['Caddy', caddy]] as const) {
        const program = peer === undefined ? process.execPath : find(name.toLowerCase())
        if (program === undefined) continue
        const setup: ProxySetup = { directory, routes: load.routes, backend: backend.ports[0] ?? 0, plain: 20_080, secure: 20_443, ...files }
        await using proxy = await startProxy(peer, program, setup)
        const port = proxy.ports[load.secure ? 1 : 0] ?? 0
        await reachable(port)
        await generate(wrk, port, load, 1, proxy.pid)
        measured[name] = await generate(wrk, port, load, SECONDS, proxy.pid)
      }
      results.push(...rows(load, measured))
    }
  } finally {
    await rm(directory, { recursive: true })
  }
  return { bench: 'gateway', results }
}

function rows(load: Load, { idp, HAProxy, Caddy }: Record<string, Figures>): BenchResult[] {
  if (idp === undefined) return []
  const against = (what: string, unit: string, value: number, peer: number | undefined): BenchResult[] => (peer === undefined || peer === 0 ? [] : [{ name: `${load.name}: ${what}`, value, unit, peer, ratio: value / peer }])
  return [
    ...against('requests against HAProxy', '/s', idp.perSecond, HAProxy?.perSecond), ...against('requests against Caddy', '/s', idp.perSecond, Caddy?.perSecond),
    ...against('requests per CPU second against HAProxy', '/s', idp.perCpuSecond, HAProxy?.perCpuSecond), ...against('requests per CPU second against Caddy', '/s', idp.perCpuSecond, Caddy?.perCpuSecond),
    ...against('p99 against Caddy', 'ms', idp.p99, Caddy?.p99), ...(HAProxy === undefined && Caddy === undefined ? [{ name: `${load.name}: requests`, value: idp.perSecond, unit: '/s' }] : []),
  ]
}

async function certificates(directory: string): Promise<Pick<ProxySetup, 'certFile' | 'keyFile' | 'bundleFile'>> {
  const now = systemClock.now()
  const ca = await createCa({ subject: { commonName: 'bench' }, now, days: 1 })
  const { cert, key } = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['*.bench.test'] })
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem'), bundleFile: join(directory, 'bundle.pem') }
  for (const [file, text] of [[files.certFile, cert], [files.keyFile, key], [files.bundleFile, cert + key]] as const) await writeFile(file, text, { mode: 0o600 })
  return files
}

interface Running extends AsyncDisposable { readonly ports: readonly number[]; readonly pid: number }

async function startProxy(peer: Peer | undefined, program: string, setup: ProxySetup): Promise<Running> {
  if (peer === undefined) return start(program, [here('proxy.ts'), String(setup.routes), String(setup.backend), setup.certFile, setup.keyFile], 0)
  const [, ...args] = await peer(setup)
  const child = onCore(0, program, args, { GOMAXPROCS: '1', XDG_CONFIG_HOME: setup.directory, XDG_DATA_HOME: setup.directory })
  return { ports: [setup.plain, setup.secure], pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) }
}

/** A program of ours, which prints its ports when it listens. */
async function start(program: string, args: readonly string[], core: number): Promise<Running> {
  const child = onCore(core, program, args, {})
  const { value } = await createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]().next() as { value: string | undefined }
  if (value === undefined) throw new CodedError({ code: 'BenchFailed', message: `${args[0]} did not start` })
  return { ports: value.split(' ').map(Number), pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) }
}

function onCore(core: number, program: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn('taskset', ['-c', String(core), program, ...args], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...environment } })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true, () => false), once(socket, 'error').then(() => false)])
    socket.destroy()
    if (open) return
    await sleep(systemClock, 50)
  }
  throw new CodedError({ code: 'BenchFailed', message: `nothing listens on port ${port}` })
}

/** Seconds of processor time a process has used (Linux; 0 elsewhere). */
async function processorTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/** 32 connections from the other core, to hosts in turn. */
async function generate(wrk: string, port: number, { secure, routes }: Load, seconds: number, pid: number): Promise<Figures> {
  const before = await processorTime(pid)
  const host = `host-${routes - 1}.bench.test`
  const target = secure ? `https://127.0.0.1:${port}/path` : `http://127.0.0.1:${port}/path`
  const { stdout } = await promisify(execFile)('taskset', ['-c', '1', wrk, '-t1', '-c32', `-d${seconds}s`, '--latency', '-H', `Host: ${secure ? 'host-0.bench.test' : host}`, target])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0)
  const [, amount = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  if (/Non-2xx/.test(stdout)) throw new CodedError({ code: 'BenchFailed', message: `answers other than 2xx: ${/Non-2xx.*/.exec(stdout)?.[0]}` })
  const spent = await processorTime(pid) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  return { perSecond, perCpuSecond: spent === 0 ? 0 : requests / spent, p99: Number(amount) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? 1) }
}
