import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { EndpointSlice, Namespace, Pod, Secret } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventually, startTestCluster } from '@idp/testkit'

const chart = fileURLToPath(new URL('../chart', import.meta.url))
const namespace = 'cicd'

test('the chart runs a server with the password of its Secret, which keeps its data over a restart', async () => {
  await using cluster = await startTestCluster({ components: ['sonarqube'] })
  const { client } = cluster
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'admin-credentials', namespace }, stringData: { password: 'From-the-Secret-1' } })
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(chart, { recursive: true, withFileTypes: true })) if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(chart.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: 'sonarqube', namespace, values: [{ account: { adminPasswordSecretName: 'admin-credentials' } }] })
  for (const { object } of documents) await client.apply(await client.kindOf((object as AnyObject).apiVersion, (object as AnyObject).kind), object as AnyObject, { fieldManager: 'test', force: true })

  const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true && pod.metadata.deletionTimestamp === undefined
  const served = (): Promise<unknown> => eventually(client, EndpointSlice, (slices) => slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready !== false) === true), { namespace, timeoutMs: 60_000 })
  const [first] = await eventually(client, Pod, (pods) => pods.some(isReady), { namespace, timeoutMs: 60_000 })
  await served()
  assert.equal(first?.metadata.annotations?.['idp.dev/stand-in'], 'program')
  // The proxy keeps the API server's own Authorization; the session cookie is what gets through.
  const ask = (method: string, path: string, body?: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> => client.request(`/api/v1/namespaces/${namespace}/services/sonarqube:9000/proxy${path}`, { method, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, ...(body === undefined ? {} : { body: new URLSearchParams(body).toString() }) })
  assert.match(await (await ask('GET', '/')).text(), /SonarQube/)
  assert.deepEqual((await ask('POST', '/api/authentication/login', { login: 'admin', password: 'admin' })).status, 401)
  const signIn = async (): Promise<Record<string, string>> => {
    const cookies = (await ask('POST', '/api/authentication/login', { login: 'admin', password: 'From-the-Secret-1' })).headers.getSetCookie().map((one) => one.split(';')[0] ?? '')
    return { cookie: cookies.join('; '), 'x-xsrf-token': cookies.find((one) => one.startsWith('XSRF'))?.split('=')[1] ?? '' }
  }
  assert.equal((await ask('POST', '/api/projects/create', { project: 'kept', name: 'Kept' }, await signIn())).status, 200)

  await client.delete(Pod, first?.metadata.name ?? '', { namespace })
  await eventually(client, Pod, (pods) => pods.some((pod) => pod.metadata.uid !== first?.metadata.uid && isReady(pod)), { namespace, timeoutMs: 60_000 })
  await served()
  const { components } = (await (await ask('GET', '/api/projects/search', undefined, await signIn())).json()) as { components: { key: string }[] }
  assert.deepEqual(components.map(({ key }) => key), ['kept'])
})
