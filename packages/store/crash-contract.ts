import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore } from './durable-store.ts'

/**
 * Kills a writing process `rounds` times after a random number of acknowledged commits, opening the store after each, and
 * checks that every acknowledged commit is there with its revision. @returns how many commits were acknowledged
 */
export async function killedWriters(rounds: number, random: () => number = Math.random): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'idp-crash-'))
  const acknowledged = new Map<number, number>()
  try {
    let next = 0
    for (let round = 0; round < rounds; round++) {
      for (const [n, revision] of await killedWriter(directory, next, 1 + Math.floor(random() * 400))) acknowledged.set(n, revision)
      await using store = await openStore(directory)
      for (const [n, revision] of acknowledged) assert.equal(store.get(`/k/${n}`)?.revision, revision, `commit ${n} after round ${round}`)
      next = Math.max(next, ...acknowledged.keys()) + 100
    }
    return acknowledged.size
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function killedWriter(directory: string, start: number, commits: number): Promise<Map<number, number>> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('crash-writer.ts', import.meta.url)), directory, String(start)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk
    if (output.split('\n').length > commits) child.kill('SIGKILL')
  })
  const [code, signal] = await once(child, 'close') as [number | null, string | null]
  assert.equal(signal, 'SIGKILL', `the writer ended by itself with code ${code}`)
  // Only whole lines count: the last one may be cut.
  return new Map(output.split('\n').slice(0, -1).map((line) => line.split(' ').map(Number) as [number, number]))
}
