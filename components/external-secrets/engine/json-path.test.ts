import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueAt } from './json-path.ts'

const document = { name: { first: 'Ada', last: 'L' }, 'dotted.key': 'dot', ports: [80, 443, 8080], people: [{ name: 'ben', age: 44, nets: ['a', 'b'] }, { name: 'cy', age: 68, nets: ['b'] }, { name: 'dan', age: 44, nets: [] }] }

for (const [path, want] of [
  ['name.last', 'L'], ['name|last', 'L'], ['dotted\\.key', 'dot'], ['ports.1', 443], ['ports.#', 3], ['ports.9', undefined], ['n*.fir?t', 'Ada'], ['people.#', 3], ['people.#.name', ['ben', 'cy', 'dan']], ['people.1.name', 'cy'],
  ['people.#(name=="cy").age', 68], ['people.#(age==44)#.name', ['ben', 'dan']], ['people.#(age>50)#.name', ['cy']], ['people.#(age<=44)#.#', 2], ['people.#(name%"d*").age', 44], ['people.#(name!%"d*")#.name', ['ben', 'cy']],
  ['people.#(name!="ben").name', 'cy'], ['people.#(nets.#(=="a")).name', 'ben'], ['people.#(nets.#(=="b"))#.name', ['ben', 'cy']], ['ports.#(>100)', 443], ['people.#(name=="nobody").age', undefined], ['people.#(age).name', 'ben'], ['nothing.here', undefined], ['name.first.deeper', undefined],
] as const) test(`at ${path}`, () => assert.deepEqual(valueAt(document, path), want))

test('what is not supported is named', () => {
  for (const path of ['@reverse', 'name|@pretty', '{name,ports}', '[name]', '!"x"']) assert.throws(() => valueAt(document, path), /not supported by this stand-in/, path)
  assert.throws(() => valueAt(document, 'people.#(name=="cy"'), /not closed/)
})
