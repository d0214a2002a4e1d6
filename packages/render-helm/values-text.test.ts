import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodedError } from '@idp/kit'
import { readYamlDocuments } from './go-yaml.ts'
import { readValuesText } from './values-text.ts'

const texts: readonly string[] = [
  'a: 1\nb:\n  c: [1, 2]\n', '# head\n\na: 1\n# between\nb: x\n', 'a: |\n  x\n\n\nb: |+\n  y\n\n\nc: >-\n  z\n', 'a: |\n  last', 'a:\n- 1\n- b: 2\nc: {\n}\n', 'a: "x\nb: y"\nc: 1\n',
  'a: [1,\n2]\n', 'a: &x {b: 1}\nc: *x\n', 'a: &x {b: 1}\nc: 2\n', 'a: 1\n---\nb: 2\n', '---\na: 1\n', '"quoted key": 1\n\'other\': 2\n', '1: a\ntrue: b\nnull: c\n', '<<: {a: 1}\nb: 2\n',
  'a: 1\r\nb: 2\r\n', '', '# nothing\n', 'text', '- a\n', 'a: text\n  goes on\nb: 1\n', 'a:\n\nb:\n', '? a\n: b\n', 'a: 1\na: 2\n', '__proto__: {x: 1}\nb: 1\n', 'a: \'it\'\'s\nb: \'\nc: 1\n',
]

for (const text of texts) {
  test(`reads ${JSON.stringify(text)} by parts as it reads it whole`, () => {
    const want = outcome(() => readYamlDocuments(text, 'values.yaml').map(({ value }) => value ?? {}))
    assert.deepEqual(outcome(() => readValuesText(text, 'values.yaml').map((value) => value ?? {})), want)
  })
}

function outcome(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError) return `${error.message} at ${error.where}`
    throw error
  }
}

test('a part that did not change is the same object', () => {
  const [before] = readValuesText('a: {x: 1}\nb: {y: 1}\n', 'v')
  const [after] = readValuesText('a: {x: 2}\nb: {y: 1}\n', 'v')
  assert.equal((before as { b: object }).b, (after as { b: object }).b)
})

test('faults have the place they have in the whole file', () => {
  assert.throws(() => readValuesText('a: 1\nb: [1,\nc: 2\n', 'values.yaml'), { code: 'InvalidYaml', where: /values\.yaml:\d+:\d+/ })
  assert.throws(() => readValuesText('a:\n  b: 1\n  b: 2\n', 'values.yaml', 'error'), { code: 'InvalidYaml', where: 'values.yaml:3:3' })
  assert.throws(() => readValuesText('a: 1\na: 2\n', 'values.yaml', 'error'), { code: 'InvalidYaml', where: 'values.yaml:2:1' })
})
