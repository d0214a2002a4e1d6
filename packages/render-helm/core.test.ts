import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Entries that promise to need nothing of Node. */
const entries = ['../lang-gotemplate/core.ts', './core.ts', '../render-kustomize/index.ts']

const imports = /(?:^|[\n;])\s*(?:import|export)\s(?!type\b)[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[\n;])\s*import\s*['"]([^'"]+)['"]|\b(?:require|import)\(\s*['"]([^'"]+)['"]\s*\)/g
const builtin = new Set(builtinModules)

/** All files an entry reaches, and the names of Node's modules and globals in them. */
function reach(entry: string): string[] {
  const seen = new Set<string>()
  const found: string[] = []
  const open = [new URL(entry, import.meta.url).href]
  for (let url = open.pop(); url !== undefined; url = open.pop()) {
    if (seen.has(url)) continue
    seen.add(url)
    const file = fileURLToPath(url)
    const short = file.slice(file.lastIndexOf(file.includes('node_modules') ? 'node_modules' : 'packages/'))
    const code = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '')
    if (!file.includes('node_modules')) for (const [word] of code.matchAll(/\b(?:Buffer|process|__dirname|setImmediate)\b(?=[.(])/g)) found.push(`${short}: ${word}`)
    for (const [, from, bare, dynamic] of code.matchAll(imports)) {
      const name = from ?? bare ?? dynamic ?? ''
      if (builtin.has(name) || name.startsWith('node:')) found.push(`${short}: ${name}`)
      else open.push(resolve(name, url))
    }
  }
  assert.ok(seen.size > 20, `${entry} reaches only ${seen.size} files`)
  return found
}

function resolve(name: string, from: string): string {
  return name.startsWith('.') ? new URL(name, from).href : import.meta.resolve(name, pathToFileURL(dirname(fileURLToPath(from))).href)
}

for (const entry of entries) {
  test(`${entry} reaches nothing of Node`, () => {
    assert.deepEqual([...new Set(reach(entry))].sort(), [])
  })
}

test('the example of the README runs, with the core alone', async () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8')
  const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  assert.ok(example.trim().split('\n').length <= 10, 'ten lines')
  const body = example.replaceAll(/^import \{(.*)\} from '(.*)'$/gm, (_, names: string, from: string) => `const {${names}} = await load('${from}')`)
  const run = new Function('load', `return (async () => { ${body}; return documents })()`) as (load: (name: string) => Promise<unknown>) => Promise<{ object: unknown }[]>
  const documents = await run((name) => import(name))
  assert.deepEqual(documents.map(({ object }) => object), [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { greeting: 'hello' } }])
})
