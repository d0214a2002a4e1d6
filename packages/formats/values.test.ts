import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, seededRandom } from '@idp/kit'
import { cloneJson } from './clone-json.ts'
import { deepEqual } from './deep-equal.ts'
import { formatFieldPath, parseFieldPath } from './field-path.ts'
import { formatLabelSelector, isLabelValue, isQualifiedName, matchesLabelSelector, matchesRequirements, parseLabelSelector } from './label-selector.ts'
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity, quantityToMilli, quantityToNumber, subtractQuantities } from './quantity.ts'

test('quantities are written in their canonical form', () => {
  const cases: [string | number, string][] = [
    ['0', '0'], ['0.0', '0'], ['100m', '100m'], ['1000m', '1'], ['0.5', '500m'], ['1.5Gi', '1536Mi'], ['1024Ki', '1Mi'], ['1500Mi', '1500Mi'], ['1Ki', '1Ki'], ['512', '512'],
    ['0.5Ki', '512'], ['1.5Ki', '1536'], ['1e3', '1e3'], ['1.5e3', '1500'], ['12E', '9223372036854775807'], ['1k', '1k'], ['1000', '1k'], ['1000k', '1M'], ['-1.5', '-1500m'],
    ['0.0000000001', '1n'], ['1u', '1u'], ['100Ti', '100Ti'], [2, '2'], ['+5', '5'], ['.5', '500m'], ['5.', '5'],
  ]
  for (const [text, want] of cases) {
    assert.equal(canonicalQuantity(text), want === '1500' ? '1500' : want, String(text))
    assert.equal(canonicalQuantity(canonicalQuantity(text)), canonicalQuantity(text))
  }
  for (const bad of ['', '.', 'a', '1 Gi', '1GiB', '1e', '--1', '1.2.3', '0x1', 'Ki']) assert.throws(() => parseQuantity(bad), (error) => isCoded(error, 'InvalidQuantity'), bad)
})

test('quantities compare and add', () => {
  assert.equal(compareQuantities(parseQuantity('1Gi'), parseQuantity('1024Mi')), 0)
  assert.equal(compareQuantities(parseQuantity('1G'), parseQuantity('1Gi')), -1)
  assert.equal(formatQuantity(addQuantities(parseQuantity('500m'), parseQuantity('1.5'))), '2')
  assert.equal(formatQuantity(subtractQuantities(parseQuantity('1Gi'), parseQuantity('512Mi'))), '512Mi')
  assert.equal(quantityToNumber(parseQuantity('1.5')), 1.5)
  assert.equal(quantityToNumber(parseQuantity('2Ki')), 2048)
  assert.equal(quantityToMilli(parseQuantity('100u')), 1)
})

test('label selectors in their text form', () => {
  const cases: [selector: string, labels: Record<string, string>, matches: boolean][] = [
    ['', {}, true], ['a=b', { a: 'b' }, true], ['a==b', { a: 'c' }, false], ['a!=b', {}, true], ['a!=b', { a: 'b' }, false], ['a', { a: '' }, true], ['a', {}, false], ['!a', {}, true],
    ['a in (b, c)', { a: 'c' }, true], ['a notin (b,c)', { a: 'b' }, false], ['a notin (b)', {}, true], ['a>5', { a: '6' }, true], ['a<5', { a: '6' }, false], ['a>5', { a: 'x' }, false],
    ['app.kubernetes.io/name=x,tier in (web)', { 'app.kubernetes.io/name': 'x', tier: 'web' }, true], ['a=', { a: '' }, true], [' a = b , c ', { a: 'b', c: '' }, true],
  ]
  for (const [selector, labels, matches] of cases) assert.equal(matchesRequirements(parseLabelSelector(selector), labels), matches, selector)
  for (const bad of ['a=b,', 'a in b', 'a in (b', '=b', 'a b', 'a>x', '-a=b', 'a=b c', 'a/b/c']) assert.throws(() => parseLabelSelector(bad), (error) => isCoded(error, 'InvalidSelector'), bad)
  assert.equal(formatLabelSelector(parseLabelSelector('b in (y,x),a=1,!c')), 'a=1,b in (x,y),!c')
})

test('label selectors of the API', () => {
  assert.equal(matchesLabelSelector(undefined, {}), false)
  assert.equal(matchesLabelSelector({}, {}), true)
  assert.equal(matchesLabelSelector({ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] }, { a: 'b', c: 'd' }), true)
  assert.throws(() => matchesLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like' }] }, {}), (error) => isCoded(error, 'InvalidSelector'))
  assert.deepEqual([isQualifiedName('a.b/c'), isQualifiedName('A/c'), isLabelValue('-a'), isLabelValue('')], [true, false, false, true])
})

test('field paths, equality and copies', () => {
  assert.equal(formatFieldPath(['spec', 'containers', 0, 'env', { key: 'a.b/c' }]), 'spec.containers[0].env[a.b/c]')
  assert.deepEqual(parseFieldPath('spec.containers[0].env[a.b/c]'), ['spec', 'containers', 0, 'env', { key: 'a.b/c' }])
  assert.equal(deepEqual({ a: 1, b: undefined }, { a: 1 }), true)
  assert.equal(deepEqual({ a: [1, { b: null }] }, { a: [1, { b: 0 }] }), false)
  assert.equal(deepEqual([], {}), false)
  const value = JSON.parse('{"a":[1,{"b":null}],"__proto__":{"x":1}}') as object
  assert.deepEqual(cloneJson(value), value)
  assert.notEqual(cloneJson(value), value)
  const random = seededRandom(1)
  for (let i = 0; i < 500; i++) {
    const [x, y] = Array.from(random(8).values()).reduce<[number, number]>(([a, b], byte, j) => (j < 4 ? [a * 256 + byte, b] : [a, b * 256 + byte]), [0, 0])
    assert.equal(Math.sign(compareQuantities(parseQuantity(`${x}m`), parseQuantity(`${y}m`))), Math.sign(x - y))
  }
})
