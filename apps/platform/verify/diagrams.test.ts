import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadDiagrams } from './diagram.ts'

const directory = fileURLToPath(new URL('../diagrams', import.meta.url))

test("the seeds' 15 diagrams and 134 arrows are all there", async () => {
  const diagrams = await loadDiagrams(directory)
  assert.deepEqual(diagrams.map((d) => d.arrows.length), [4, 13, 6, 5, 7, 14, 16, 15, 7, 10, 9, 6, 7, 12, 3])
})
