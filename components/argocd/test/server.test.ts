import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppProject } from '../kinds/app-project.ts'
import { Secret } from '@idp/api'
import { silentLog, systemClock, systemRandom } from '@idp/kit'
import { createArgoServer } from '../server/create-server.ts'
import { isSettled, repoURL, startArgo } from './argocd-fixture.ts'

const peer = { address: '127.0.0.1' }

test('the server: login, applications, sync, webhook and the live page', async (t) => {
  const argo = await startArgo(t, { 'one/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n', 'bad/x.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {\n' })
  const options = { client: argo.api.client, clock: systemClock, log: silentLog, random: systemRandom, signal: argo.signal, namespace: 'argocd', repo: argo.repo }
  const { handler } = await createArgoServer(options)
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => handler(new Request(`http://argocd${path}`, init), peer)
  assert.equal((await send('/healthz')).status, 200)
  assert.equal((await send('/api/v1/applications')).status, 401)
  assert.equal((await send('/applications')).headers.get('location'), '/login')
  assert.match(await (await send('/login')).text(), /Log in/)

  const first = await argo.api.client.get(Secret, 'argocd-initial-admin-secret', { namespace: 'argocd' })
  const password = Buffer.from(first.data?.['password'] ?? '', 'base64').toString()
  const login = (secret: string) => send('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password: secret }) })
  assert.equal((await login('wrong')).status, 401)
  const { token } = await (await login(password)).json() as { token: string }
  const api = async <T>(path: string, method = 'GET', body?: unknown): Promise<T> => {
    const response = await send(path, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    assert.equal(response.status, 200, `${method} ${path}: ${await response.clone().text()}`)
    return await response.json() as T
  }
  assert.deepEqual((await api<{ username: string }>('/api/v1/session/userinfo')).username, 'admin')
  assert.equal((await argo.api.client.get(AppProject, 'default', { namespace: 'argocd' })).metadata.name, 'default')

  await argo.application('one', { syncPolicy: { syncOptions: ['PrunePropagationPolicy=background'] } })
  await argo.application('bad')
  const waiting = await argo.until('one', (app) => app.status?.sync?.status === 'OutOfSync')
  assert.equal(waiting.status?.health?.status, 'Missing')
  await api('/api/v1/applications/one/sync', 'POST', { prune: true })
  const synced = await argo.until('one', isSettled)
  assert.equal(synced.operation, undefined)
  assert.deepEqual(synced.status?.operationState?.operation.initiatedBy, { username: 'admin' })
  assert.deepEqual((await api<{ items: { metadata: { name: string } }[] }>('/api/v1/applications?project=default')).items.map((app) => app.metadata.name), ['bad', 'one'])
  assert.deepEqual((await api<{ nodes: { kind: string; name: string }[] }>('/api/v1/applications/one/resource-tree')).nodes.map((node) => `${node.kind}/${node.name}`), ['ConfigMap/a'])
  assert.equal((await api<{ manifests: string[] }>('/api/v1/applications/one/manifests')).manifests.length, 1)

  const stream = await send('/api/v1/stream/rows', { headers: { cookie: `argocd.token=${token}` } })
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader()
  let seen = ''
  while (!(seen.includes('"name":"bad"') && seen.includes('"name":"one"'))) seen += new TextDecoder().decode((await reader.read()).value)
  assert.match(seen, /bad\/x\.yaml:\d/)

  const commit = await argo.commit({ 'one/b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: b }\n' })
  const push = { ref: 'refs/heads/main', repository: { clone_url: repoURL, default_branch: 'main' }, commits: [{ added: ['one/b.yaml'] }] }
  assert.equal((await send('/api/webhook', { method: 'POST', headers: { 'x-github-event': 'push' }, body: JSON.stringify(push) })).status, 200)
  assert.equal((await send('/api/webhook', { method: 'POST', headers: { 'x-github-event': 'ping' }, body: '{}' })).status, 400)
  await argo.until('one', (app) => app.status?.sync?.status === 'OutOfSync' && app.status.sync.revision === commit)
  await reader.cancel()
  assert.equal((await api<{ status: { sync: { revision: string } } }>('/api/v1/applications/one?refresh=normal')).status.sync.revision, commit)
  await api('/api/v1/applications/one?propagationPolicy=background', 'DELETE')
})

test('passwords and tokens: too many tries, a foreign signature, a form of another site', async (t) => {
  const argo = await startArgo(t, {})
  const { handler } = await createArgoServer({ client: argo.api.client, clock: systemClock, log: silentLog, random: systemRandom, signal: argo.signal, namespace: 'argocd', repo: argo.repo })
  const session = (password: string) => handler(new Request('http://argocd/api/v1/session', { method: 'POST', body: JSON.stringify({ username: 'admin', password }) }), peer)
  const secret = await argo.api.client.get(Secret, 'argocd-initial-admin-secret', { namespace: 'argocd' })
  const password = Buffer.from(secret.data?.['password'] ?? '', 'base64').toString()
  const { token } = await (await session(password)).json() as { token: string }
  const [head, body] = token.split('.')
  assert.equal((await handler(new Request('http://argocd/api/v1/applications', { headers: { authorization: `Bearer ${head}.${body}.AAAA` } }), peer)).status, 401)
  const form = await handler(new Request('http://argocd/api/v1/applications/x/sync', { method: 'POST', headers: { cookie: `argocd.token=${token}`, 'content-type': 'text/plain' }, body: '{}' }), peer)
  assert.equal(form.status, 415)
  for (let tries = 0; tries < 5; tries++) assert.equal((await session('no')).status, 401)
  assert.equal((await session(password)).status, 401)
})
