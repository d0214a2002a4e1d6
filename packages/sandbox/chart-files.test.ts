import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { chartFiles } from './chart-files.ts'
import type { RegisteredComponent } from './registry.ts'

test('charts are files of the image, found by an index, and nothing beside them is', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'idp-charts-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'chart', 'templates'), { recursive: true })
  await writeFile(join(directory, 'chart', 'Chart.yaml'), 'name: tool\n')
  await writeFile(join(directory, 'secret'), 'no')
  const component: RegisteredComponent = { name: 'tool', standsInFor: 'Tool', folder: pathToFileURL(`${directory}/`), charts: [{ repository: 'https://charts.example.org', name: 'tool' }] }
  const files = chartFiles([component])
  const text = async (path: string) => new TextDecoder().decode(await files.read(path))
  assert.deepEqual(JSON.parse(await text('usr/share/idp/charts/index.json')), { 'https://charts.example.org': { tool: 'tool/tool' } })
  assert.equal(await text('usr/share/idp/charts/tool/tool/Chart.yaml'), 'name: tool\n')
  assert.deepEqual(await files.list('usr/share/idp/charts/tool/tool'), [{ name: 'Chart.yaml', directory: false }, { name: 'templates', directory: true }])
  assert.equal(await files.read('usr/share/idp/charts/tool/tool/../secret'), undefined)
  assert.equal(await files.read('etc/passwd'), undefined)
})
