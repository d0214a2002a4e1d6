import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { compileJsonPath } from './jsonpath.ts'

const value = { a: { b: [1, 2, 3], 'x.y': 'dotted' }, list: [{ type: 'Ready', status: 'True', n: 1 }, { type: 'Other', n: 2 }], nested: { a: { deep: true } } }
const cases: [path: string, want: unknown[]][] = [
  ['.a.b', [[1, 2, 3]]], ['{.a.b[0]}', [1]], ['$.a.b[-1]', [3]], ['.a.b[*]', [1, 2, 3]], ['.a.b[0:2]', [1, 2]], ['.a.b[0,2]', [1, 3]], [".a['x.y']", ['dotted']], ['.a.x\\.y', ['dotted']],
  ['.list[?(@.type=="Ready")].status', ['True']], [".list[?(@.type=='Other')].n", [2]], ['.list[?(@.n>1)].type', ['Other']], ['.list[?(@.status)].type', ['Ready']], ['.list[*].type', ['Ready', 'Other']],
  ['..deep', [true]], ['.missing.path', []], ['.list[7]', []], ['.nested.*.deep', [true]],
]
for (const [path, want] of cases) test(`jsonpath ${path}`, () => assert.deepEqual(compileJsonPath(path)(value), want))

for (const path of ['a', '.a[', '.a[?(x)]', '.a[1x]']) test(`jsonpath refuses ${path}`, () => assert.throws(() => compileJsonPath(path), (error) => isCoded(error, 'InvalidJsonPath')))
