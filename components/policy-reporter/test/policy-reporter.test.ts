import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFile } from 'node:fs/promises'
import { startTestApi } from '@idp/apiserver'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import type { Handler } from '@idp/http'
import { silentLog } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { policyReporter } from '../programs/policy-reporter.ts'

const report = (name: string, result: string): string => `{ apiVersion: wgpolicyk8s.io/v1alpha2, kind: PolicyReport, metadata: { name: ${name}, namespace: default }, scope: { apiVersion: v1, kind: Pod, name: ${name}, namespace: default, uid: u-${name} }, results: [{ policy: limits, rule: r, result: ${result}, severity: high, message: set one, source: kyverno }] }`

test('what is new and bad is sent, once, to the address in a Secret; what was there before the start is not; a failed delivery is tried again', async () => {
  await using api = await startTestApi()
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      const object = value as unknown as AnyObject
      await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  await apply(await readFile(new URL('../../kyverno/chart/templates/crds/wgpolicyk8s.yaml', import.meta.url), 'utf8'))
  await api.fake.advance(1000)
  await apply(`${report('old', 'fail')}\n---\n{ apiVersion: v1, kind: Secret, metadata: { name: hook, namespace: default }, stringData: { webhook: "http://hook/in" } }`)
  const sent: { url: string; name: string; status: string }[] = []
  let refuse = true
  const ports = new Map<number, Handler>()
  const stop = new AbortController()
  const container = {
    client: api.client, clock: api.fake, log: silentLog, signal: stop.signal, pod: { name: 'reporter', namespace: 'default' }, args: ['--config=/app/config.yaml'], env: {},
    files: { exists: async () => true, readText: async () => 'target: { webhook: { secretRef: hook, minimumSeverity: medium } }' },
    net: {
      listen: async (port: number, { handler }: { handler: Handler }) => (ports.set(port, handler), { [Symbol.asyncDispose]: async () => undefined }),
      fetch: async (url: string, { body }: { body: string }) => {
        const { resource, status } = JSON.parse(body) as { resource: { name: string }; status: string }
        sent.push({ url, name: resource.name, status })
        if (!refuse) return new Response('ok')
        refuse = false
        return new Response('no', { status: 500 })
      },
    },
  } as unknown as Container
  const running = policyReporter.main(container)
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      if (await holds()) return
      await api.fake.advance(50)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.fail('it did not come about')
  }
  const get = async (path: string): Promise<Response> => (await ports.get(8080)?.(new Request(`http://reporter${path}`), {} as never)) ?? new Response(null, { status: 599 })
  await until(async () => (await get('/ready')).status === 200)
  await api.fake.advance(5000)
  await apply(report('good', 'pass'))
  await apply(report('bad', 'fail'))
  await until(() => sent.length === 2)
  assert.deepEqual(sent, [{ url: 'http://hook/in', name: 'bad', status: 'fail' }, { url: 'http://hook/in', name: 'bad', status: 'fail' }])
  await apply(report('good', 'fail'))
  await until(() => sent.length === 3)
  assert.equal(sent[2]?.name, 'good')
  assert.equal(((await (await get('/v1/namespaced-resources/results?status=fail')).json()) as { count: number }).count, 3)
  assert.match(await (await get('/')).text(), /Pod bad/)
  stop.abort()
  await running
})
