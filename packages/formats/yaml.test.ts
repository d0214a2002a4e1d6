import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, seededRandom } from '@idp/kit'
import { formatYaml, formatYamlDocuments, parseYaml, parseYamlDocuments, type YamlDialect } from './yaml.ts'
import type { Json } from './kube-object.ts'

const scalars: [text: string, kubernetes: Json, kustomize: Json][] = [
  ['yes', true, 'yes'], ['Off', false, 'Off'], ['y', true, 'y'], ['true', true, true], ['TRUE', true, true], ['tRue', 'tRue', 'tRue'],
  ['~', null, null], ['null', null, null], ['', null, null], ['0777', 511, 511], ['0o17', 15, 15], ['0x1F', 31, 31], ['0b101', 5, 5], ['1_000', 1000, 1000],
  ['08', 8, 8], ['1e3', 1000, 1000], ['.5', 0.5, 0.5], ['-1.50', -1.5, -1.5], ['1.2.3', '1.2.3', '1.2.3'], ['+5', 5, 5], ['0', 0, 0], ['-0', 0, 0],
  ['2020-01-02', '2020-01-02', '2020-01-02T00:00:00Z'], ['2020-13-02', '2020-13-02', '2020-13-02'],
  ['2020-01-02T03:04:05.60+02:00', '2020-01-02T03:04:05.60+02:00', '2020-01-02T03:04:05.6+02:00'],
  ['"yes"', 'yes', 'yes'], ["'1'", '1', '1'], ['!!str 1', '1', '1'], ['!!int "5"', 5, 5], ['!!binary aGk=', 'hi', 'hi'], ['1:20', '1:20', '1:20'], ['=', '=', '='],
]

test('plain scalars become what Go tools make of them', () => {
  for (const [text, kubernetes, kustomize] of scalars) {
    for (const [dialect, want] of [['kubernetes', kubernetes], ['kustomize', kustomize]] as [YamlDialect, Json][]) {
      assert.deepEqual(parseYaml(`a: ${text}\n`, { dialect }), { a: want }, `${text} in ${dialect}`)
    }
  }
})

test('maps, merge keys, aliases and keys that are not text', () => {
  const text = 'base: &b {x: 1, l: [1]}\none:\n  <<: *b\n  x: 2\nmany:\n  <<: [{p: 1}, {p: 2, z: 3}]\n1: a\ntrue: b\n"<<": c\n'
  const value = parseYaml(text) as { base: { l: Json[] }; one: { l: Json[] } }
  assert.deepEqual(value, { base: { x: 1, l: [1] }, one: { x: 2, l: [1] }, many: { p: 1, z: 3 }, 1: 'a', true: 'b', '<<': 'c' })
  assert.notEqual(value.base.l, value.one.l, 'an alias is a copy')
  assert.deepEqual(Object.keys(parseYaml('__proto__: {a: 1}') as object), ['__proto__'])
})

test('documents come with the line where they start', () => {
  assert.deepEqual(parseYamlDocuments('# head\n---\na: 1\n---\n---\n\nb: 2\n').map(({ value, line }) => [value, line]), [[{ a: 1 }, 3], [null, 3], [{ b: 2 }, 7]])
  assert.deepEqual(parseYaml(''), null)
  assert.deepEqual(parseYaml('a: 1\n---\nb: 2\n'), { a: 1 }, 'further documents are ignored')
})

test('a block scalar that the end of the text cuts off has no line feed', () => {
  for (const [text, want] of [['a: |\n  x', 'x'], ['a: |\n  x\n', 'x\n'], ['a: |+\n  x\n\n', 'x\n\n'], ['a: |-\n  x\n', 'x'], ['a: >\n  x\n  y\n', 'x y\n']]) {
    assert.deepEqual(parseYaml(text ?? ''), { a: want })
  }
})

test('bad input is refused with its place', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefg'.charAt(i)}`).join(',')}]`).join('\n')}\n`
  const cases: [text: string, where: string, message: RegExp][] = [
    ['a: 1\nb: 2\na: 3\n', 'f.yaml:3:1', /key "a" is already set/],
    ['a: {b: 1, b: 2}', 'f.yaml:1:11', /already set/],
    ['a: *nobody\n', 'f.yaml:1:5', /unknown anchor 'nobody'/],
    ['a: &x [*x]\n', 'f.yaml:1:9', /contains itself/],
    ['a:\n  b: [1,\n', 'f.yaml:3:1', /./],
    ['a: b: c\n', 'f.yaml:1:5', /./],
    ['a: .nan', 'f.yaml:1:4', /no JSON form/],
    ['<<: 1', 'f.yaml:1:5', /map merge requires/],
    [bomb, 'f.yaml:', /excessive aliasing/],
    [`a: ${'['.repeat(5000)}`, 'f.yaml:1', /depth|nesting/i],
  ]
  for (const [text, where, message] of cases) {
    assert.throws(() => parseYaml(text, { source: 'f.yaml' }), (error) => isCoded(error, 'InvalidYaml') && message.test(error.message) && (error.where ?? '').startsWith(where), text.slice(0, 60))
  }
  assert.throws(() => parseYaml('aaaa', { maxLength: 3 }), (error) => isCoded(error, 'InvalidYaml'))
  assert.deepEqual(parseYaml('a: 1\na: 2', { duplicateKeys: 'last' }), { a: 2 })
})

/** Wants were recorded from `kubectl kustomize`. */
const long = 'some words that go on for longer than eighty columns so that they have to be folded somewhere'
const formats: [value: unknown, want: string][] = [
  [{ b: 1, a: 'x' }, 'a: x\nb: 1\n'],
  [{ a10: 1, a2: 1, 'a-b': 1, aB: 1, a: 1, A: 1, 1: 1 }, '"1": 1\nA: 1\na: 1\na-b: 1\na2: 1\na10: 1\naB: 1\n'],
  [{ l: [1, [2, 3], { a: 1, b: [] }], m: {}, n: null }, 'l:\n- 1\n- - 2\n  - 3\n- a: 1\n  b: []\nm: {}\n"n": null\n'],
  [{ s: ['yes', '1', '1.0', '0x1', 'null', '', '~', '2020-01-01', '1:20', '<<', 'a: b', 'a #b', '- a', '-a', ' a', "it's", "'q'", 'a\tb', '😀', '{a', 'a,b'] },
    's:\n- "yes"\n- "1"\n- "1.0"\n- "0x1"\n- "null"\n- ""\n- "~"\n- "2020-01-01"\n- "1:20"\n- <<\n- \'a: b\'\n- \'a #b\'\n- \'- a\'\n- -a\n- \' a\'\n- it\'s\n- \'\'\'q\'\'\'\n- "a\\tb"\n- "\\U0001F600"\n- \'{a\'\n- a,b\n'],
  [{ a: 'x\ny\n', b: 'x\ny', c: 'x\n\n', d: ' x\ny\n', e: 'x \ny' }, 'a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n\nd: |2\n   x\n  y\ne: "x \\ny"\n'],
  [{ k: long }, 'k: some words that go on for longer than eighty columns so that they have to be folded\n  somewhere\n'],
  [[1.5, 1e21, 1234567.5, 0.00001, 1e20, -0, 123456789012], '- 1.5\n- 1e+21\n- 1.2345675e+06\n- 1e-05\n- 1e+20\n- 0\n- 123456789012\n'],
  ['x', 'x\n'], [{}, '{}\n'], [[], '[]\n'], [{ a: undefined, b: true }, 'b: true\n'],
]

test('output is that of sigs.k8s.io/yaml', () => {
  for (const [value, want] of formats) assert.equal(formatYaml(value), want)
  assert.equal(formatYaml({ b: 1, a: 2 }, { sortKeys: false }), 'b: 1\na: 2\n')
  assert.equal(formatYamlDocuments([{ a: 1 }, { b: 2 }]), 'a: 1\n---\nb: 2\n')
})

test('whatever is written is read back the same', () => {
  const random = seededRandom(42)
  const pick = (n: number): number => (random(2).reduce((sum, byte) => sum * 256 + byte, 0)) % n
  const atoms = ['a', ' ', '\n', ':', '#', '-', "'", '"', '\\', '\t', ',', '[', '}', '&', '*', '!', '|', '>', '%', '@', '0', '1', '.', 'e', 'é', '😀', '~', 'no', '---', 'word ', '\r']
  const text = (): string => Array.from({ length: pick(12) }, () => atoms[pick(atoms.length)]).join('')
  const value = (depth: number): Json => {
    const kind = pick(depth > 3 ? 4 : 6)
    if (kind < 2) return text()
    if (kind === 2) return [0, 1, -5, 1.5, 1e-7, 1e21][pick(6)] ?? 0
    if (kind === 3) return [true, false, null][pick(3)] ?? null
    if (kind === 4) return Array.from({ length: pick(4) }, () => value(depth + 1))
    return Object.fromEntries(Array.from({ length: pick(4) }, () => [text().replace('<<', ''), value(depth + 1)]))
  }
  for (let i = 0; i < 2000; i++) {
    const want = { v: value(0) }
    const written = formatYaml(want)
    assert.deepEqual(parseYaml(written), want, written)
  }
})
