import assert from 'node:assert/strict'
import { appendFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { temporaryDirectory } from '@idp/testkit'
import { readConfig } from '../engine/config.ts'
import { watchFiles, type FileChanges } from '../engine/file-changes.ts'
import { createFilter } from '../engine/filters.ts'
import { lokiOutput } from '../engine/loki-output.ts'
import { access, readCri, type FluentRecord } from '../engine/record.ts'
import { createTail } from '../engine/tail.ts'

const section = (text: string) => { const [found] = readConfig(text, 'f'); assert.ok(found !== undefined); return found }
const facts = { uid: 'u', host: 'n1', labels: { app: 'shop' }, annotations: { 'fluentbit.io/exclude': 'true' }, images: { main: 'shop:1' } }
const context = { pod: (_: string, name: string) => (name === 'secret-0' ? facts : name === 'web-0' ? { ...facts, annotations: {} } : undefined) }
const tag = (pod: string): string => `kube.var.log.containers.${pod}_shop_main-0123abcd.log`

test('CRI lines', () => {
  assert.deepEqual(readCri('2026-01-02T03:04:05.123456789Z stdout F hello there'), { t: Date.UTC(2026, 0, 2, 3, 4, 5) + 123.456, stream: 'stdout', partial: false, log: 'hello there' })
  assert.deepEqual([readCri('2026-01-02T03:04:05Z stderr P part')?.partial, readCri('no line'), access({ a: { b: ['x'] } }, "$a['b']")], [true, undefined, ['x']])
})

const filters: readonly (readonly [name: string, config: string, given: Record<string, unknown>, tag: string, expected: Record<string, unknown> | undefined])[] = [
  ['kubernetes', '[FILTER]\nName kubernetes\nMatch kube.*\nMerge_Log On\nKeep_Log Off\nAnnotations Off', { log: '{"a":1}' }, tag('web-0'), { a: 1, kubernetes: { pod_name: 'web-0', namespace_name: 'shop', container_name: 'main', pod_id: 'u', host: 'n1', container_image: 'shop:1', labels: { app: 'shop' } } }],
  ['kubernetes, unknown pod', '[FILTER]\nName kubernetes', { log: 'text' }, tag('gone-1'), { log: 'text', kubernetes: { pod_name: 'gone-1', namespace_name: 'shop', container_name: 'main' } }],
  ['kubernetes, excluded by annotation', '[FILTER]\nName kubernetes\nK8S-Logging.Exclude On', { log: 'x' }, tag('secret-0'), undefined],
  ['grep keeps', '[FILTER]\nName grep\nRegex log ^a', { log: 'abc' }, 't', { log: 'abc' }], ['grep drops', '[FILTER]\nName grep\nRegex log ^b', { log: 'abc' }, 't', undefined], ['grep excludes', '[FILTER]\nName grep\nExclude log b', { log: 'abc' }, 't', undefined],
  ['modify', '[FILTER]\nName modify\nRename log message\nSet where here\nRemove x', { log: 'a', x: 1 }, 't', { message: 'a', where: 'here' }],
  ['record_modifier', '[FILTER]\nName record_modifier\nRecord host n1\nRemove_key x', { x: 1, y: 2 }, 't', { y: 2, host: 'n1' }],
  ['nest lift', '[FILTER]\nName nest\nOperation lift\nNested_under k\nAdd_prefix k_', { k: { a: 1 } }, 't', { k_a: 1 }],
]
for (const [name, config, given, at, expected] of filters) {
  test(`filter ${name}`, () => { const record: FluentRecord = { t: 0, fields: given }; assert.deepEqual(createFilter(section(config), 'f', context).apply(record, at) ? record.fields : undefined, expected) })
}

test('the output loki: labels from accessors, keys removed, a single one raw', () => {
  const { url, body } = lokiOutput(section("[OUTPUT]\nName loki\nHost loki.svc\nLabels job=fb, pod=$kubernetes['pod_name'], none=$nope\nRemove_Keys kubernetes, stream\nDrop_Single_Key raw"), 'f')
  assert.equal(url, 'http://loki.svc:3100/loki/api/v1/push')
  const record = (fields: Record<string, unknown>): FluentRecord => ({ t: 1.5, fields: { ...fields, stream: 'stdout', kubernetes: { pod_name: 'web-0' } } })
  assert.deepEqual(body([record({ log: 'text' }), record({ a: 1, b: 2 })]), { streams: [{ stream: { job: 'fb', pod: 'web-0' }, values: [['1500000', 'text'], ['1500000', '{"a":1,"b":2}']] }] })
})

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ['[FILTER]\nName lua', /filter "lua" is not supported/], ['[FILTER]\nName grep\nFoo bar', /foo is not supported/], ['key value', /before the first section/], ['@INCLUDE x', /@INCLUDE is not supported/],
]
for (const [text, message] of refused) test(`refused: ${text.replaceAll('\n', ' ')}`, () => assert.throws(() => createFilter(section(text), 'f', context), (error) => isCoded(error, 'InvalidConfig') && message.test(error.message)))

test('following files: new lines, halves of lines, rotation, and where a restart goes on', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'web-0_shop_main-1.log')
  const line = (text: string, mark = 'F'): string => `2026-01-02T03:04:05Z stdout ${mark} ${text}\n`
  await writeFile(file, line('one'))
  const options = { directory: directory.path, shownAs: '/var/log/containers', pattern: '*.log', exclude: [], tag: 'kube.*', format: 'cri', fromHead: true, positions: {} } as const
  const tail = createTail(options, () => 0)
  const read = async (from = tail): Promise<string[]> => (await from.read()).flatMap(({ records }) => records.map(({ fields }) => String(fields['log'])))
  const [first] = await tail.read()
  assert.deepEqual([first?.tag, first?.records.length], ['kube.var.log.containers.web-0_shop_main-1.log', 1])
  await appendFile(file, line('two') + line('thr', 'P') + line('ee') + '2026-01-02T03:04:05Z std')
  assert.deepEqual(await read(), ['two', 'three'])
  const restarted = createTail({ ...options, positions: tail.positions() }, () => 0)
  await appendFile(file, 'out F four\n')
  assert.deepEqual([await read(), await read(restarted)], [['four'], ['four']])
  await rename(file, `${file}.old`)
  await writeFile(file, line('five'))
  assert.deepEqual(await read(), ['five'])
  assert.deepEqual(await read(createTail({ ...options, fromHead: false }, () => 0)), [])
})

test('a tail that is told of changes looks at nothing else, and at everything once a minute', async () => {
  await using directory = await temporaryDirectory()
  for (const name of ['a.log', 'b.log']) await writeFile(join(directory.path, name), 'one\n')
  let now = 0
  let told: 'all' | Set<string> = 'all'
  const followed: string[][] = []
  const changes: FileChanges = { take: () => told, follow: (names) => void followed.push([...names].sort()), again: () => {}, [Symbol.dispose]: () => {} }
  const tail = createTail({ directory: directory.path, shownAs: '/logs', pattern: '*.log', exclude: [], tag: '*', format: 'plain', fromHead: true, positions: {}, changes }, () => now)
  const read = async (): Promise<string[]> => (await tail.read()).map(({ tag: of }) => of).sort()
  assert.deepEqual(await read(), ['logs.a.log', 'logs.b.log'])
  const positions = tail.positions()
  for (const name of ['a.log', 'b.log']) await appendFile(join(directory.path, name), 'two\n')
  told = new Set()
  assert.deepEqual([await read(), tail.positions() === positions], [[], true])
  told = new Set(['b.log'])
  assert.deepEqual([await read(), tail.positions() === positions], [['logs.b.log'], false])
  told = new Set()
  now = 60_000
  assert.deepEqual([await read(), followed], [['logs.a.log'], [['a.log', 'b.log'], ['a.log', 'b.log']]])
})

test('the system tells of lines that come through a link, of a rotation behind it, and of new files', { timeout: 20_000 }, async () => {
  await using logs = await temporaryDirectory()
  await using links = await temporaryDirectory()
  const target = join(logs.path, '0.log')
  await writeFile(target, '')
  await symlink(target, join(links.path, 'web.log'))
  using changes = watchFiles(links.path)
  const until = async (wanted: 'all' | string): Promise<void> => {
    for (;;) {
      const found = changes.take()
      if (found === wanted || (found !== 'all' && found.has(wanted))) return
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await until('all')
  changes.follow(['web.log'])
  await appendFile(target, 'x')
  await until('web.log')
  await rename(target, `${target}.1`)
  await until('web.log')
  await until('web.log') // as long as there is no new file
  await writeFile(target, 'y')
  await until('web.log')
  await appendFile(target, 'z')
  await until('web.log')
  await writeFile(join(links.path, 'new.log'), '')
  await until('all')
})
