import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineProblems, type MachineFacts } from './machine.ts'

const directory = { path: 'd', exists: true, uid: 1, mode: 0o700, freeBytes: 1e12, writable: true }
const engine = { name: 'demo', embedded: true, running: true, recorded: true, start: 'idp up --name demo', lastErrors: [] }
const well: MachineFacts = { node: 'v24.1.0', user: 1, directory, engine, clockSkew: 10 }

const rows: readonly (readonly [name: string, facts: MachineFacts, says: RegExp | undefined])[] = [
  ['all is well', well, undefined],
  ['an old Node', { ...well, node: 'v20.9.0' }, /Node\.js is v20\.9\.0/],
  ['a directory of another user', { ...well, user: 2 }, /belongs to another user/],
  ['a directory that others may enter', { ...well, directory: { ...directory, mode: 0o755 } }, /mode 755/],
  ['a full disk', { ...well, directory: { ...directory, freeBytes: 1e8 } }, /nearly full: 95 MB/],
  ['an engine that was killed', { ...well, engine: { ...engine, running: false, lastErrors: ['out of memory'] } }, /does not run: its process has ended without 'idp down'; the last errors in its log:\n\| out of memory/],
  ['a taken port', { ...well, engine: { ...engine, running: false, recorded: false }, takenPorts: [{ port: 30443, flag: '--https-port' }] }, /port 30443 is held/],
  ['a store that another process holds', { ...well, engine: { ...engine, running: false, heldBy: 7 } }, /store of cluster demo is held by process 7/],
  ['no cluster at all', { node: 'v24.1.0' }, /does not exist yet/],
  ['a wrong clock', { ...well, clockSkew: 3_600_000 }, /3600 s behind/],
]
for (const [name, facts, says] of rows) {
  test(name, () => {
    const [first] = machineProblems(facts)
    const link = first?.chain[0]
    if (says === undefined) assert.equal(first, undefined)
    else assert.match(`${link?.subject} ${link?.says}`, says)
  })
}
