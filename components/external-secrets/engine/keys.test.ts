import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteKeys } from './keys.ts'
import { bytes } from './secret-map.ts'

// What Go's regexp package answers.
for (const [source, target, key, want] of [
  ['(.*)', 'my_$1', 'name', 'my_name'], ['', '-', 'ab', '-a-b-'], ['a*', 'x', 'baac', 'xbxcx'], ['^', 'p_', 'name', 'p_name'], ['$', '_s', 'name', 'name_s'], ['(a)(b)?', '[$1|$2]', 'aab', '[a|][a|b]'],
  ['(?P<first>[a-z]+)-(?P<last>[a-z]+)', '${last}_$first', 'ada-lovelace', 'lovelace_ada'], ['x', '$$1', 'axb', 'a$1b'], ['a', '$9', 'abc', 'bc'],
] as const) {
  test(`${source} to ${target}: ${key}`, () => {
    assert.deepEqual([...rewriteKeys([{ regexp: { source, target } }], new Map([[key, bytes('v')]]), (template) => template).keys()], [want])
  })
}
