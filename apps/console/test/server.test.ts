import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { CustomResourceDefinition, Deployment, Node, Pod, Secret } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { startTestCluster } from '@idp/testkit'
import { serveConsole, type ServedConsole } from './served-console.ts'

/** The server's side over a real API: who may ask, what is answered, and that no value of a Secret is. */
let cluster: Awaited<ReturnType<typeof startTestCluster>>
let served: ServedConsole
let ask: Awaited<ReturnType<ServedConsole['signIn']>>
const value = 'correct-horse-battery'

before(async () => {
  cluster = await startTestCluster({ bare: true })
  await cluster.client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db', namespace: 'default' }, data: { password: Buffer.from(value).toString('base64') } })
  served = await serveConsole(cluster.client)
  ask = await served.signIn()
})
after(async () => {
  await served?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

interface Message { readonly c: string; readonly all?: Record<string, unknown>; readonly set?: Record<string, unknown>; readonly arrows?: string[]; readonly says?: string }

/** Follows the stream until `until` says so; gives what came. */
async function follow(until: (message: Message, all: readonly Message[]) => boolean, act: () => Promise<unknown> = async () => {}): Promise<Message[]> {
  const stop = new AbortController()
  const response = await ask('stream', { signal: stop.signal })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const messages: Message[] = []
  let [rest, acted] = ['', false]
  for await (const text of (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      if (!block.startsWith('data: ')) continue
      const message = JSON.parse(block.slice(6)) as Message
      messages.push(message)
      if (until(message, messages)) { stop.abort(); return messages }
      if (message.c === 'about' && !acted) { acted = true; await act() }
    }
  }
  return messages
}

test('files are for everybody on this machine, what is of the cluster only for a session', async () => {
  const page = await fetch(served.origin)
  assert.equal(page.status, 200)
  const policy = page.headers.get('content-security-policy') ?? ''
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.includes(part), part)
  assert.doesNotMatch(policy, /unsafe|https?:/)
  for (const path of ['diagrams', 'stream', 'objects?kind=Pod&name=x', 'find?q=a']) assert.equal((await fetch(`${served.origin}/api/${path}`)).status, 401, path)
  assert.equal((await fetch(`${served.origin}/api/session`, { method: 'POST', body: '{"token":"guessed"}' })).status, 401)
  assert.equal((await fetch(`${served.origin}/assets/../start-console.ts`)).status, 404)
  assert.equal((await fetch(`${served.origin}/assets/..%2findex.html`)).status, 404)
})

test('another host name is refused: a page elsewhere cannot rebind its name to this server', async () => {
  const status = await new Promise((resolve, reject) => { request({ host: '127.0.0.1', port: served.console.port, path: '/', headers: { host: 'evil.example' } }, (answer) => { answer.resume(); resolve(answer.statusCode) }).on('error', reject).end() })
  assert.equal(status, 421)
  assert.equal((await ask('applications/argocd/x/sync', { method: 'POST', headers: { origin: 'http://evil.example' } })).status, 403)
  assert.equal((await ask('applications/argocd/x/delete', { method: 'POST' })).status, 404)
  assert.equal((await ask('objects?kind=Pod&name=x', { method: 'DELETE' })).status, 405)
})

test('the stream begins with every collection, and a change follows as rows, light and timeline', async () => {
  const messages = await follow((message) => message.c === 'light' && message.says?.includes('Deployment default/web') === true, () => cluster.client.create(Deployment, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'nginx' }] } } },
  } as never))
  assert.deepEqual(messages.slice(0, 9).map(({ c }) => c), ['hello', 'boxes', 'arrows', 'applications', 'problems', 'nodes', 'pods', 'timeline', 'about'])
  assert.equal(Object.keys(messages[2]?.all ?? {}).length, 134)
  const nodes = (await cluster.client.list(Node)).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(Object.keys(messages[5]?.all ?? {}).toSorted(), nodes.toSorted())
  assert.ok(messages.at(-1)?.arrows?.includes('12-trivy-scanning:0'))
})

test('no value of a Secret comes out, not even in a log', async () => {
  const detail = await (await ask('objects?kind=Secret&namespace=default&name=db')).text()
  assert.match(detail, /password/)
  const everything = [detail, JSON.stringify(await follow((message) => message.c === 'about')), await (await ask('find?q=db')).text()].join('\n')
  for (const form of [value, Buffer.from(value).toString('base64')]) assert.ok(!everything.includes(form))
  await cluster.client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'teller', namespace: 'default' }, spec: { nodeName: (await cluster.client.list(Node)).items.at(-1)?.metadata.name, containers: [{ name: 'a', image: `example.org/${value}:1` }] } } as never)
  let said = ''
  for (let left = 50; left > 0 && !said.includes('***'); left--) {
    said = await (await ask('logs?namespace=default&pod=teller&container=a')).text()
    if (!said.includes('***')) await follow((message) => message.c === 'about')
  }
  assert.match(said, /\*\*\*/)
  assert.ok(!said.includes(value))
})

test('an Application is refreshed and synced as Argo CD’s own annotation and operation do', async () => {
  await cluster.client.create(CustomResourceDefinition, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'applications.argoproj.io' }, spec: { group: 'argoproj.io', scope: 'Namespaced', names: { plural: 'applications', singular: 'application', kind: 'Application', listKind: 'ApplicationList' }, versions: [{ name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] } } as never)
  let kind: Awaited<ReturnType<typeof cluster.client.kindOf>> | undefined
  while (kind === undefined) kind = await cluster.client.kindOf('argoproj.io/v1alpha1', 'Application').catch(() => undefined)
  await follow((message) => Object.hasOwn({ ...message.all, ...message.set }, 'default/shop'), () => cluster.client.create(kind, { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'shop', namespace: 'default' }, spec: { syncPolicy: { automated: { prune: true }, syncOptions: ['ServerSideApply=true'] } } } as unknown as AnyObject))
  assert.equal((await ask('applications/default/shop/hard-refresh', { method: 'POST' })).status, 202)
  assert.equal((await ask('applications/default/shop/sync', { method: 'POST' })).status, 202)
  const app = await cluster.client.get(kind, 'shop', { namespace: 'default' })
  assert.equal(app.metadata.annotations?.['argocd.argoproj.io/refresh'], 'hard')
  assert.deepEqual(app['operation'], { initiatedBy: { username: 'idp console' }, sync: { prune: true, syncOptions: ['ServerSideApply=true'] } })
  assert.equal((await ask('applications/default/none/sync', { method: 'POST' })).status, 404)
})

test('diagrams, arrows, boxes: what there is, and that there is none', async () => {
  assert.equal(((await (await ask('diagrams')).json()) as unknown[]).length, 15)
  const drawn = (await (await ask('diagrams/06-general-architecture')).json()) as { arrows: unknown[]; right: { arrows: unknown[] } }
  assert.equal(drawn.arrows.length, drawn.right.arrows.length)
  const arrow = (await (await ask(`arrows/${encodeURIComponent('12-trivy-scanning:0')}`)).json()) as { check: string; proof: { does: string }; lights: { says: string }[] }
  assert.equal(arrow.check, 'workload-created')
  assert.match(arrow.lights[0]?.says ?? '', /Deployment default\/web/)
  assert.equal((await ask('arrows/none:1')).status, 404)
  assert.equal((await ask('boxes/06-general-architecture/Nope')).status, 404)
  assert.ok(served.console.bytes < 60_000, `${served.console.bytes} bytes`)
})
