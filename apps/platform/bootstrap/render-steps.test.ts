import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderSteps } from './render-steps.ts'

const steps = ['IT/a', 'IT/b', 'IT/c'].map((path) => ({ name: path, after: [], path }))

test('folders are rendered once, in the order of the steps, before anybody asks; a failure is told to who asks for it', async () => {
  const order: string[] = []
  const folders = renderSteps(async (path) => {
    order.push(path)
    if (path === 'IT/b') throw new Error('no such chart')
    return []
  }, steps)
  await Promise.all([folders('IT/c'), folders('IT/a'), folders('IT/c')])
  assert.deepEqual(order, ['IT/a', 'IT/b', 'IT/c'])
  await assert.rejects(folders('IT/b'), /no such chart/)
})
