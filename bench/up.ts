/** Time from nothing to every Application Synced and Healthy, again on existing state, and resident memory of the idle platform. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './main.ts'

const launcher = fileURLToPath(new URL('../idp', import.meta.url))

/** Runs of each measurement; the median is reported. */
const runs = 3
/** Seconds the platform stands idle before its memory is read. */
const idleSeconds = 20

interface Run { readonly ms: number; readonly out: string }

function idp(args: readonly string[]): Promise<Run> {
  return new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => (code === 0 ? resolve({ ms: performance.now() - began, out }) : reject(new Error(`idp ${args.join(' ')} ended with ${code}:\n${out}`))))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Resident memory of the engine's process in MB. */
function residentMegabytes(root: string, name: string): number {
  const { pid } = JSON.parse(readFileSync(join(root, name, 'cluster.json'), 'utf8')) as { pid: number }
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

export async function run(): Promise<Bench> {
  const root = mkdtempSync(join(tmpdir(), 'idp-bench-'))
  const cold: number[] = []
  const again: number[] = []
  const running: number[] = []
  const memory: number[] = []
  try {
    for (let i = 0; i < runs; i++) {
      const name = `bench-${i}`
      const flags = ['--name', name, '--data-dir', root]
      const ports = ['--https-port', String(await freePort()), '--http-port', String(await freePort())]
      cold.push((await idp(['up', ...flags, ...ports])).ms)
      running.push((await idp(['up', ...flags])).ms)
      await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000))
      memory.push(residentMegabytes(root, name))
      await idp(['down', ...flags])
      again.push((await idp(['up', ...flags])).ms)
      await idp(['destroy', '--yes', ...flags])
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
  return {
    bench: 'up',
    results: [
      { name: 'idp up, cold, to all Applications Healthy', value: median(cold) / 1000, unit: 's' },
      { name: 'idp up on existing state, engine stopped', value: median(again) / 1000, unit: 's' },
      { name: 'idp up on a running platform', value: median(running) / 1000, unit: 's' },
      { name: `resident memory of the engine after ${idleSeconds} s idle`, value: median(memory), unit: 'MB' },
    ],
  }
}
