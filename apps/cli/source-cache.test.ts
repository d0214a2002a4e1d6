import { deepEqual, equal, match } from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const root = mkdtempSync(join(tmpdir(), 'idp sources '))
after(() => rmSync(root, { recursive: true }))
const folder = join(root, 'apps/cli')
mkdirSync(join(folder, 'deep'), { recursive: true })
copyFileSync(new URL('source-cache.ts', import.meta.url), join(folder, 'source-cache.ts'))
writeFileSync(join(folder, 'main.ts'), "import './source-cache.ts'\nconst { say } = await import('./deep/say.ts')\nconsole.log(JSON.stringify(say()))\n")
writeFileSync(join(folder, 'words.ts'), "export const words: readonly string[] = ['one']\n")
const say = "import { words } from '../words.ts'\ninterface Said { readonly words: readonly string[]; at?: string }\n\nexport const say = (): Said => ({ words, at: new Error('é').stack?.split('\\n')[1] })\n"
writeFileSync(join(folder, 'deep/say.ts'), say)

const cache = join(root, 'cache')
const environment = { ...process.env, NODE_COMPILE_CACHE: cache }
const run = () => JSON.parse(execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(folder, 'main.ts')], { env: environment, encoding: 'utf8' })) as { words: string[]; at: string }
const cacheFile = () => readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('idp-sources')).map((name) => join(cache, name))

test('the source cache changes nothing that can be seen', async (t) => {
  await t.test('first from the sources, then from the cache, with the same lines and columns', () => {
    const first = run()
    deepEqual(first.words, ['one'])
    match(first.at, /deep\/say\.ts:4:46\)?$/)
    equal(cacheFile().length, 1)
    deepEqual(run(), first)
  })
  await t.test('a source of the same length that changed is read anew', () => {
    writeFileSync(join(folder, 'words.ts'), "export const words: readonly string[] = ['two']\n")
    utimesSync(join(folder, 'words.ts'), new Date(), new Date(Date.UTC(2030, 0, 1)))
    deepEqual(run().words, ['two'])
    deepEqual(run().words, ['two'])
  })
  await t.test('a cache that was cut short is made anew', () => {
    truncateSync(cacheFile()[0] ?? '', 100)
    deepEqual(run().words, ['two'])
    deepEqual(run().words, ['two'])
  })
  await t.test('a source that is not TypeScript is named with its line', () => {
    writeFileSync(join(folder, 'deep/say.ts'), `${say}const : = 1\n`)
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'main.ts')], { env: environment, encoding: 'utf8' })
    equal(status, 1)
    match(stderr, /deep\/say\.ts:5/)
  })
  await t.test('a module that is not there is named', () => {
    writeFileSync(join(folder, 'deep/say.ts'), "import '../missing.ts'\n")
    const { stderr } = spawnSync(process.execPath, [join(folder, 'main.ts')], { env: environment, encoding: 'utf8' })
    match(stderr, /missing\.ts/)
  })
})
