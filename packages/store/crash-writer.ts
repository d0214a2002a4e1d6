// The victim of the crash tests: commits as fast as it can and prints each acknowledged number, until it is killed.
import { writeSync } from 'node:fs'
import { openStore } from './durable-store.ts'

const [directory = '', start = '0'] = process.argv.slice(2)
const store = await openStore(directory, { segmentBytes: 20_000, snapshotBytes: 10_000 })
const value = new Uint8Array(200).fill(120)
let next = Number(start)
async function writeOn(): Promise<void> {
  for (;;) {
    const n = next++
    const revision = await store.commit([{ put: `/k/${n}`, value }, { put: '/last', value: new TextEncoder().encode(String(n)) }])
    writeSync(1, `${n} ${revision}\n`)
    if (n % 50 === 0) await store.compact(store.revision - 20)
  }
}
await Promise.all(Array.from({ length: 8 }, writeOn))
