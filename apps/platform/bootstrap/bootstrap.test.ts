import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '@idp/kit'
import type { Client } from '@idp/client'
import { bootstrap, type StepEvent } from './bootstrap.ts'
import { bootstrapSteps, type BootstrapStep } from './steps.ts'

const options = (steps: readonly BootstrapStep[], actions: Record<string, () => Promise<void>>) => {
  const events: StepEvent[] = []
  return { events, run: () => bootstrap({ client: {} as Client, clock: fakeClock(), signal: new AbortController().signal, timeoutMs: 1000, again: false, render: async () => [], actions: actions as never, onEvent: (e) => events.push(e), steps }) }
}

test('every step comes after steps that stand before it', () => {
  for (const [index, step] of bootstrapSteps.entries()) for (const name of step.after) assert.ok(bootstrapSteps.findIndex((s) => s.name === name) < index, `${step.name} after ${name}`)
})

test('a step runs when those it comes after are done; a failure names the step and stops the rest', async () => {
  const order: string[] = []
  const { events, run } = options(
    [{ name: 'a', after: [], does: 'seed-secrets' }, { name: 'b', after: ['a'], does: 'push-repository' }, { name: 'c', after: ['b'], path: 'IT/c' }],
    { 'seed-secrets': async () => void order.push('a'), 'push-repository': async () => { order.push('b'); throw new Error('no gateway') } },
  )
  await assert.rejects(run(), { code: 'BootstrapFailed', message: "step 'b' failed: no gateway" })
  assert.deepEqual(order, ['a', 'b'])
  assert.deepEqual(events.filter((e) => e.step === 'c'), [])
})
