import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fakeClock } from '@idp/kit'
import { digestOf, keptRenderings, type Rendering } from './kept-renderings.ts'

const json = '{"manifests":[],"origins":[]}'
const rendering: Rendering = { dependencies: [new Map([['a/x.yaml', 'id'], ['a/absent', undefined]])], sourceType: 'Kustomize', digest: digestOf(json), json }

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'idp-kept-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Puts one rendering and waits until its file is there. */
async function putOne(directory: string, version: string): Promise<string> {
  const clock = fakeClock()
  keptRenderings({ clock, directory, version: async () => version }).put('key', rendering)
  await clock.advance(10_000)
  for (;;) {
    const [place = ''] = await readdir(directory)
    const [file] = place === '' ? [] : await readdir(join(directory, place))
    if (file !== undefined && !file.endsWith('.part')) return join(directory, place, file)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a rendering outlives the process, for a day, as long as what renders is the same', async (t) => {
  const directory = await folder(t)
  const file = await putOne(directory, 'one')
  const clock = fakeClock()
  const at = (version: string) => keptRenderings({ clock, directory, version: async () => version })
  assert.deepEqual(await at('one').get('key'), rendering)
  assert.equal(await at('one').get('other'), undefined)
  await clock.advance(2 * 86_400_000)
  assert.equal(await at('one').get('key'), undefined)
  await writeFile(file, 'half a li')
  assert.equal(await at('one').get('key'), undefined)
  assert.equal(await at('two').get('key'), undefined)
  const again = at('two')
  again.put('key', rendering)
  await clock.advance(10_000)
  while ((await readdir(directory)).length !== 1 || (await at('two').get('key')) === undefined) await new Promise((resolve) => setImmediate(resolve))
})
