import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { fakeClock, silentLog } from '@idp/kit'
import { worldOf } from '@idp/platform'
import type { ExecInPod } from '../exec-in-pod.ts'
import { flowTitle } from './flow-signals.ts'
import { followFlows } from './hubble.ts'

const flow = (name: string): string => JSON.stringify({ flow: { verdict: 'FORWARDED', source: { namespace: 'shop', pod_name: name }, destination: { namespace: 'shop', pod_name: 'db' }, l4: { TCP: { destination_port: 5432 } } } })
const agent = (name: string): AnyObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'kube-system', labels: { 'k8s-app': 'cilium' } }, spec: { containers: [{ name: 'cilium-agent' }] }, status: { phase: 'Running' } })
const answering = (response: () => Response): Client => ({ request: () => Promise.resolve(response()) }) as unknown as Client
const none = (): Response => new Response('<html>', { headers: { 'content-type': 'text/html' } })

/** Follows until `count` flows or a problem have come. */
async function follow(client: Client, exec: ExecInPod | undefined, count: number, agents: readonly string[] = ['cilium-a', 'cilium-b']): Promise<{ flows: string[]; states: (string | undefined)[] }> {
  const stop = new AbortController()
  const flows: string[] = []
  const states: (string | undefined)[] = []
  const enough = Promise.withResolvers<void>()
  const running = followFlows({
    client, exec, world: () => worldOf({ objects: agents.map(agent), now: 0 }), clock: fakeClock(), log: silentLog, signal: stop.signal, watched: () => true,
    onFlow(one) { flows.push(flowTitle(one) ?? ''); if (flows.length >= count) enough.resolve() }, onState(problem) { states.push(problem); if (problem !== undefined) enough.resolve() },
  })
  await enough.promise
  stop.abort(new Error('enough'))
  await running
  return { flows: flows.toSorted(), states }
}

test('flows come from the page of Hubble, however they are cut', async () => {
  const text = `data: {"node_status":{}}\n\ndata: ${flow('a')}\n\ndata: ${flow('b')}\n\n`
  const client = answering(() => new Response(new ReadableStream({ start(controller) { for (let at = 0; at < text.length; at += 37) controller.enqueue(new TextEncoder().encode(text.slice(at, at + 37))); controller.close() } }), { headers: { 'content-type': 'text/event-stream' } }))
  const { flows, states } = await follow(client, undefined, 2)
  assert.deepEqual(flows, ['shop/a → shop/db:5432', 'shop/b → shop/db:5432'])
  assert.equal(states[0], undefined)
})

test('where the page hands out none, the command in every agent does', async () => {
  const commands: string[] = []
  const exec: ExecInPod = async function* exec({ pod, container, command }) {
    commands.push(`${pod} ${container}: ${command.join(' ')}`)
    yield `${flow(pod).slice(0, 20)}`
    yield `${flow(pod).slice(20)}\n`
  }
  const { flows } = await follow(answering(none), exec, 2)
  assert.deepEqual(flows, ['shop/cilium-a → shop/db:5432', 'shop/cilium-b → shop/db:5432'])
  assert.deepEqual(commands.toSorted(), ['cilium-a cilium-agent: hubble observe --follow --last 1 --output jsonpb', 'cilium-b cilium-agent: hubble observe --follow --last 1 --output jsonpb'])
})

for (const [what, exec, agents, says] of [
  ['there is no Cilium', undefined, [], 'no agent of Cilium runs'],
  ['nothing can be run', undefined, ['cilium-a'], 'the page of Hubble hands out none'],
  ['the command is refused', () => { throw new Error('pods/exec is forbidden') }, ['cilium-a'], 'pods/exec is forbidden'],
] as const) {
  test(`${what}: it is said`, async () => {
    const { states } = await follow(answering(none), exec as ExecInPod | undefined, 1, agents)
    assert.match(states.at(-1) ?? '', new RegExp(says))
  })
}
