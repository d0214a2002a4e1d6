import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { CodedError, sleep, systemClock } from '@idp/kit'
import { createCa, issueCertificate } from '@idp/pki'
import type { Bench, BenchResult } from '../main.ts'
import { haproxyBackend } from './haproxy-backend.ts'
import { caddy, haproxy, type Peer, type ProxySetup } from './peers.ts'
import { startPeer, startProgram, type Running } from './running.ts'

/** Requests before the first figure, so that what is compiled while it runs has been; seconds for one figure, and figures of which the median counts. */
const WARM_REQUESTS = 40_000
const WARM_SECONDS = 30
const SECONDS = 2
const ROUNDS = 3
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

interface Load { readonly name: string; readonly routes: number; readonly bytes: number; readonly secure: boolean }
const loads: readonly Load[] = [false, true].flatMap((secure) => [1500, 100_000].flatMap((bytes) => [10, 1000].map((routes) => ({
  name: `${secure ? 'TLS' : 'plain'}, ${bytes === 1500 ? '1.5' : '100'} kB, ${routes === 1000 ? '1,000' : '10'} routes`, routes, bytes, secure,
}))))

interface Figures {
  readonly requests: number
  readonly perSecond: number
  readonly p99: number
  /** Requests per second of processor time of the proxy: steadier than the clock on a machine that does other things. */
  readonly perCpuSecond: number
}

type Contestant = 'idp' | 'HAProxy' | 'Caddy' | 'splice'

/**
 * Requests through the gateway, HAProxy and Caddy, each on core 0, with generator and backend on core 1. All run at once and are loaded
 * in turn, so that a busy machine is busy for all; medians of three rounds. `splice` passes bytes on unread: what Node could do at best.
 * Needs `wrk`; peers that are not installed are left out. `args`: directories to look for programs in, before the PATH; `--only TEXT` chooses loads.
 */
export async function run(args: readonly string[]): Promise<Bench> {
  const only = args.includes('--only') ? args[args.indexOf('--only') + 1] ?? '' : ''
  const directories = args.filter((word) => word.startsWith('/'))
  const find: Find = (program) => [...directories, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].map((directory) => join(directory, program)).find((file) => existsSync(file))
  const wrk = find('wrk')
  if (wrk === undefined) throw new CodedError({ code: 'ToolMissing', message: 'the load generator wrk is not installed', remedy: 'apt install wrk haproxy caddy' })
  const directory = await mkdtemp(join(tmpdir(), 'idp-bench-'))
  const results: BenchResult[] = []
  try {
    const files = await certificates(directory)
    for (const load of loads.filter(({ name }) => name.includes(only))) results.push(...rows(load, await compete(load, { wrk, find, directory, ...files })))
  } finally {
    await rm(directory, { recursive: true })
  }
  return { bench: 'gateway', results }
}

type Find = (program: string) => string | undefined
interface Course extends Pick<ProxySetup, 'directory' | 'certFile' | 'keyFile' | 'bundleFile'> { readonly wrk: string; readonly find: Find }

async function compete(load: Load, { wrk, find, ...files }: Course): Promise<Map<Contestant, Figures[]>> {
  await using backend = await startBackend(load, files.directory, find)
  await using proxies = new AsyncDisposableStack()
  const ports = new Map<Contestant, { readonly port: number; readonly pid: number }>()
  const setup: ProxySetup = { ...files, routes: load.routes, backend: backend.ports[0] ?? 0, plain: 20_080, secure: 20_443 }
  const peers: readonly (readonly [Contestant, Peer])[] = [['HAProxy', haproxy], ['Caddy', caddy]]
  const ours = proxies.use(await startProgram([here('proxy.ts'), String(setup.routes), String(setup.backend), setup.certFile, setup.keyFile], 0))
  ports.set('idp', { pid: ours.pid, port: ours.ports[load.secure ? 1 : 0] ?? 0 })
  for (const [i, [name, peer]] of peers.entries()) {
    const program = find(name.toLowerCase())
    if (program === undefined) continue
    const own = { ...setup, plain: setup.plain + 1000 * i, secure: setup.secure + 1000 * i }
    const running = proxies.use(await startPeer(peer, program, own))
    ports.set(name, { pid: running.pid, port: load.secure ? own.secure : own.plain })
  }
  if (!load.secure) {
    const ceiling = proxies.use(await startProgram([here('splice.ts'), String(setup.backend)], 0))
    ports.set('splice', { pid: ceiling.pid, port: ceiling.ports[0] ?? 0 })
  }
  const measured = new Map<Contestant, Figures[]>()
  for (const { port, pid } of ports.values()) {
    await reachable(port)
    for (let requests = 0, seconds = 0; requests < WARM_REQUESTS * (load.bytes > 10_000 ? 0.5 : 1) && seconds < WARM_SECONDS; seconds += SECONDS) requests += (await generate(wrk, load, { port, pid, seconds: SECONDS })).requests
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { port, pid }] of ports) measured.set(name, [...measured.get(name) ?? [], await generate(wrk, load, { port, pid, seconds: SECONDS })])
  }
  return measured
}

/** HAProxy answers from memory at half of what Node would take; it is only worth having the core to the generator. */
async function startBackend(load: Load, directory: string, find: Find): Promise<Running> {
  const program = find('haproxy')
  return program === undefined ? startProgram([here('backend.ts'), String(load.bytes)], 1) : haproxyBackend(program, directory, load.bytes, 20_500)
}

function rows(load: Load, measured: Map<Contestant, Figures[]>): BenchResult[] {
  const ours = measured.get('idp')
  if (ours === undefined) return []
  const against = (what: string, peerName: Contestant, of: (figures: Figures) => number, mine = ours): BenchResult[] => {
    const peer = measured.get(peerName)
    if (peer === undefined) return []
    const ratios = mine.map((figures, i) => of(figures) / of(peer[i] ?? figures))
    return [{ name: `${load.name}: ${what} vs ${peerName}`, value: median(mine.map(of)), unit: what.includes('p99') ? 'ms' : '/s', peer: median(peer.map(of)), ratio: median(ratios), note: `rounds ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}` }]
  }
  const perSecond = (figures: Figures): number => figures.perSecond
  const perCpuSecond = (figures: Figures): number => figures.perCpuSecond
  const ceiling = measured.get('splice')
  const alone: BenchResult[] = measured.has('HAProxy') || measured.has('Caddy') ? [] : [{ name: `${load.name}: requests`, value: median(ours.map(perSecond)), unit: '/s' }]
  return [
    ...against('requests per CPU second', 'HAProxy', perCpuSecond), ...against('requests per CPU second', 'Caddy', perCpuSecond),
    ...against('requests', 'HAProxy', perSecond), ...against('requests', 'Caddy', perSecond), ...against('p99', 'Caddy', ({ p99 }) => p99), ...against('p99', 'HAProxy', ({ p99 }) => p99),
    ...(ceiling === undefined ? [] : against('bytes passed on unread, per CPU second', 'HAProxy', perCpuSecond, ceiling)), ...alone,
  ]
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}

/** wrk takes the address of its target for the server name, so the certificate names that as well. */
async function certificates(directory: string): Promise<Pick<ProxySetup, 'certFile' | 'keyFile' | 'bundleFile'>> {
  const now = systemClock.now()
  const ca = await createCa({ subject: { commonName: 'bench' }, now, days: 1 })
  const { cert, key } = await issueCertificate({ ca, for: 'server', now, days: 1, dnsNames: ['*.bench.test'], ipAddresses: ['127.0.0.1'] })
  const files = { certFile: join(directory, 'cert.pem'), keyFile: join(directory, 'key.pem'), bundleFile: join(directory, 'bundle.pem') }
  for (const [file, text] of [[files.certFile, cert], [files.keyFile, key], [files.bundleFile, cert + key]] as const) await writeFile(file, text, { mode: 0o600 })
  return files
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([once(socket, 'connect').then(() => true, () => false), once(socket, 'error').then(() => false)])
    socket.destroy()
    if (open) return
    await sleep(systemClock, 50)
  }
  throw new CodedError({ code: 'BenchFailed', message: `nothing listens on port ${port}` })
}

/** Seconds of processor time a process has used, with its threads, to the nanosecond (Linux; 0 elsewhere). */
async function processorTime(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const spent = await Promise.all(threads.map(async (thread) => Number((await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')).split(' ')[0])))
  return spent.reduce((sum, each) => sum + each, 0) / 1e9
}

/** 32 connections from the other core. */
async function generate(wrk: string, { secure, routes, name, bytes }: Load, { port, pid, seconds }: { readonly port: number; readonly pid: number; readonly seconds: number }): Promise<Figures> {
  const before = await processorTime(pid)
  const { stdout } = await promisify(execFile)('taskset', ['-c', '1', wrk, '-t1', '-c32', `-d${seconds}s`, '--latency', '-s', here('requests.lua'), `${secure ? 'https' : 'http'}://127.0.0.1:${port}/`, '--', String(routes)])
  const spent = await processorTime(pid) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  const [, read = '0', readUnit = ''] = /([\d.]+)([KMG]?)B read/.exec(stdout) ?? []
  const bytesEach = Number(read) * ({ '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[readUnit] ?? 1) / requests
  const [, amount = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  const bad = /Non-2xx.*/.exec(stdout)?.[0] ?? (requests === 0 ? 'no answers' : bytesEach < bytes * 0.97 ? `answers of ${Math.round(bytesEach)} bytes` : undefined)
  if (bad !== undefined) throw new CodedError({ code: 'BenchFailed', message: `${name}: ${bad}` })
  return { requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0), perCpuSecond: spent === 0 ? 0 : requests / spent, p99: Number(amount) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? 1) }
}
