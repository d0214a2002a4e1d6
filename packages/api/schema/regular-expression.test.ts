import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPattern, compilePattern } from './regular-expression.ts'

/** What RE2 and JavaScript have in common, and what only one of them has. */
const atoms = ['a', '.', '^', '$', '|', '(', ')', '(?:', '(?i)', '(?=', '(?P<n>a)', '*', '+', '?', '{2}', '{2,1}', '{,3}', '{1000}', '{1001}', '{', '}', '[a-z]', '[z-a]', '[a', ']', '[]', '[^]', '[[:alpha:]]', '[\\d-x]', '[\\-]', '\\d', '\\b', '\\z', '\\1', '\\pL', '\\x41', '\\Q', '\\-', '\\/', '\\.', 'é']

test('a pattern is judged as compiling it would judge it', () => {
  const holds = (run: () => unknown) => {
    try {
      run()
      return true
    } catch {
      return false
    }
  }
  const patterns = [...atoms, ...atoms.flatMap((a) => atoms.map((b) => a + b)), '(a{500}){500}', '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$']
  for (const pattern of patterns) assert.equal(holds(() => checkPattern(pattern)), holds(() => compilePattern(pattern)), pattern)
})
