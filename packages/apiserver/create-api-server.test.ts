import assert from 'node:assert/strict'
import { test } from 'node:test'
import { APIService, CustomResourceDefinition, Secret, Service } from '@idp/api'
import { createClient, handlerTransport } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { fakeClock, seededRandom, silentLog } from '@idp/kit'
import { memoryStore } from '@idp/store'
import { createApiServer } from './create-api-server.ts'
import { encryptedAtRest } from './encrypted-at-rest.ts'
import type { AuditEvent } from './observe/audit.ts'
import { startTestApi } from './testing.ts'
import type { CallService } from './webhook/call-webhook.ts'

test('Secrets are encrypted on disk and read back', async () => {
  const store = memoryStore()
  const options = { store, clock: fakeClock(), log: silentLog, random: seededRandom(), atRest: encryptedAtRest(new Uint8Array(32).fill(7), seededRandom(3)), staticTokens: [{ token: 't', user: { name: 'root', groups: ['system:masters'] } }] }
  {
    await using server = createApiServer(options)
    const client = createClient({ transport: handlerTransport(server.handler), token: 't' })
    await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' }, stringData: { password: 'very-secret-word' } })
    const stored = Buffer.from(store.get('/registry/core/secrets/default/s')?.value ?? new Uint8Array())
    assert.equal(stored.includes('password') || stored.includes(Buffer.from('very-secret-word').toString('base64')), false)
    assert.ok(stored.includes('idp:enc:'))
  }
  await using again = createApiServer(options)
  const client = createClient({ transport: handlerTransport(again.handler), token: 't' })
  assert.equal(Buffer.from((await client.get(Secret, 's', { namespace: 'default' })).data?.['password'] ?? '', 'base64').toString(), 'very-secret-word')
})

test('custom resources, policy and addresses are there again after a restart', async () => {
  const store = memoryStore()
  const options = { store, clock: fakeClock(), log: silentLog, random: seededRandom(), staticTokens: [{ token: 't', user: { name: 'root', groups: ['system:masters'] } }] }
  const definition: CustomResourceDefinition = {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] },
  }
  {
    await using server = createApiServer(options)
    const client = createClient({ transport: handlerTransport(server.handler), token: 't' })
    await client.create(CustomResourceDefinition, definition)
    await client.create(await client.kindOf('example.com/v1', 'Thing'), { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' } })
  }
  const revision = store.revision
  await using again = createApiServer(options)
  await again.started
  assert.equal(store.revision, revision, 'a second start writes nothing')
  const client = createClient({ transport: handlerTransport(again.handler), token: 't' })
  assert.equal((await client.get(await client.kindOf('example.com/v1', 'Thing'), 'a')).metadata.name, 'a')
})

test('writes are audited without their content, reads of Secrets too', async () => {
  const events: AuditEvent[] = []
  await using server = createApiServer({ store: memoryStore(), clock: fakeClock(), log: silentLog, random: seededRandom(), audit: (event) => void events.push(event), staticTokens: [{ token: 't', user: { name: 'root', groups: ['system:masters'] } }] })
  const client = createClient({ transport: handlerTransport(server.handler), token: 't' })
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'default' }, stringData: { password: 'word' } })
  await client.get(Secret, 's', { namespace: 'default' })
  await client.list(Service)
  assert.deepEqual(events.map((event) => [event['verb'], (event['user'] as { username: string }).username, (event['responseStatus'] as { code: number }).code]), [['create', 'root', 201], ['get', 'root', 200]])
  assert.equal(JSON.stringify(events).includes('word'), false)
  assert.match(await (await client.request('/metrics')).text(), /apiserver_request_total\{code="201",component="apiserver",dry_run="",group="",resource="secrets",scope="namespace",subresource="",verb="POST",version="v1"\} 1/)
})

test('a CRD converts between versions by its webhook', async () => {
  const callService: CallService = async (_target, { body }) => {
    const { request } = JSON.parse(String(body)) as { request: { uid: string; desiredAPIVersion: string; objects: (AnyObject & { spec: { size?: number; big?: boolean } })[] } }
    const convertedObjects = request.objects.map((object) => ({ ...object, apiVersion: request.desiredAPIVersion, spec: request.desiredAPIVersion.endsWith('v2') ? { size: object.spec.big === true ? 10 : 1 } : { big: (object.spec.size ?? 0) > 5 } }))
    return Response.json({ response: { uid: request.uid, convertedObjects, result: { status: 'Success' } } })
  }
  await using api = await startTestApi({ callService })
  const version = (name: string, storage: boolean, properties: object) => ({ name, served: true, storage, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } } })
  await api.client.create(CustomResourceDefinition, {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' }, versions: [version('v1', false, { big: { type: 'boolean' } }), version('v2', true, { size: { type: 'integer' } })],
      conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { service: { namespace: 'x', name: 'y' } } } },
    },
  } as CustomResourceDefinition)
  const [v1, v2] = [await api.client.kindOf('example.com/v1', 'Thing'), await api.client.kindOf('example.com/v2', 'Thing')]
  assert.deepEqual((await api.client.create(v1, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' }, spec: { big: true } }))['spec'], { big: true })
  assert.deepEqual([(await api.client.get(v2, 'a'))['spec'], (await api.client.list(v1)).items[0]?.['spec']], [{ size: 10 }, { big: true }])
})

test('an aggregated API is discovered and reached with the identity of the caller', async () => {
  const seen: string[] = []
  const callService: CallService = async (target, { headers }) => {
    const path = 'service' in target ? target.service.path : ''
    seen.push(`${path} ${headers['x-remote-user'] ?? ''}`)
    if (path === '/apis/metrics.k8s.io/v1beta1') return Response.json({ kind: 'APIResourceList', resources: [{ name: 'nodes', singularName: '', kind: 'NodeMetrics', namespaced: false, verbs: ['get', 'list'] }] })
    return Response.json({ kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {}, items: [{ kind: 'NodeMetrics', apiVersion: 'metrics.k8s.io/v1beta1', metadata: { name: 'n' } }] })
  }
  await using api = await startTestApi({ callService })
  await api.client.create(APIService, { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1beta1.metrics.k8s.io' }, spec: { group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { namespace: 'kube-system', name: 'metrics' } } })
  await api.fake.advance(0)
  const kind = await api.client.kindOf('metrics.k8s.io/v1beta1', 'NodeMetrics')
  assert.equal((await api.client.list(kind)).items[0]?.metadata.name, 'n')
  assert.equal(seen.at(-1), '/apis/metrics.k8s.io/v1beta1/nodes system:admin')
  assert.equal((await api.client.get(APIService, 'v1beta1.metrics.k8s.io')).status?.conditions?.[0]?.status, 'True')
})
