import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fakeClock, isCoded, memoryFiles } from '@idp/kit'
import { createHelmRenderer, renderHelm, type Rendering, type RenderOptions } from './index.ts'
import { RandomEditor, type Edited } from './random-edit.ts'

const root = fileURLToPath(new URL('./testdata/charts/', import.meta.url))
const base: RenderOptions = { releaseName: 'demo', namespace: 'demo-ns', includeCrds: true, random: (n) => new Uint8Array(n).fill(7), clock: fakeClock() }

function filesOf(chart: string): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {}
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, chart, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (statSync(join(root, chart, path)).isDirectory()) walk(path)
      else files[path] = readFileSync(join(root, chart, path))
    }
  }
  walk('')
  return files
}

async function outcome(render: () => Promise<Rendering>): Promise<string> {
  try {
    const { manifest, notes, documents } = await render()
    return `${manifest}\n${notes ?? ''}\n${JSON.stringify(documents.map(({ path, object }) => [path, object]))}`
  } catch (error) {
    // How deep an endless include gets depends on the stack.
    if (isCoded(error)) return /nested reference name|without end|nested deeper/.test(error.message) ? 'endless' : `${error.code}: ${error.message}`
    throw error
  }
}

/** Texts are long: only where they part is shown. */
function same(got: string, want: string, where: string): void {
  if (got === want) return
  let at = 0
  while (got[at] === want[at]) at++
  assert.fail(`${where}\ngot:  …${got.slice(Math.max(0, at - 200), at + 100)}\nwant: …${want.slice(Math.max(0, at - 60), at + 100)}`)
}

for (const chart of readdirSync(root)) {
  test(`${chart}: rendering again after random edits gives what rendering anew gives`, async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const editor = new RandomEditor(seed)
      const edited: Edited = { files: filesOf(chart), values: {} }
      const [told, untold] = [createHelmRenderer(), createHelmRenderer()]
      const log: string[] = []
      for (let step = 0; step < 20; step++) {
        const changed = step === 0 ? [] : editor.edit(edited)
        log.push(changed.join(',') || 'values')
        const options = { ...base, values: [edited.values] }
        const want = await outcome(() => renderHelm(memoryFiles(edited.files), options))
        const where = `seed ${seed}, step ${step}: ${log.join(' ')}`
        same(await outcome(() => told.render(memoryFiles(edited.files), { ...options, sharedObjects: true }, { changed })), want, where)
        same(await outcome(() => untold.render(memoryFiles(edited.files), options)), want, where)
      }
    }
  })
}

test('a template that cannot be read for a while, and what changed meanwhile', async () => {
  const template = (text: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: ${text}}\n`
  const chart = (text: string, value: number) => ({ 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n', 'values.yaml': `value: ${value}\n`, 'templates/a.yaml': template(text), 'templates/b.yaml': template('{{ .Values.value | quote }}').replace('name: a', 'name: b') })
  const renderer = createHelmRenderer()
  const steps: readonly (readonly [Record<string, string>, readonly string[]])[] = [
    [chart('one', 1), []], [chart('{{ if }}', 1), ['templates/a.yaml']], [chart('two', 1), ['templates/a.yaml']],
    [chart('{{ end }}', 2), ['templates/a.yaml', 'values.yaml']], [chart('three', 2), ['templates/a.yaml']], [chart('three', 1), ['values.yaml']],
  ]
  for (const [files, changed] of steps) {
    const want = await outcome(() => renderHelm(memoryFiles(files), base))
    same(await outcome(() => renderer.render(memoryFiles(files), base, { changed })), want, JSON.stringify(files))
  }
})
