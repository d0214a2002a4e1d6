import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod } from '@idp/api'
import { sleep, systemClock } from '@idp/kit'
import { eventuallyOne } from '@idp/testkit'
import { CiliumNetworkPolicy } from '../kinds/cilium.ts'
import { policedCluster } from './policed-cluster.ts'

const policy = (name: string, spec: string, namespace = 'shop') => `{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: ${name}, namespace: ${namespace}}, spec: ${spec}}`

test('in a cluster: agents of two nodes enforce policies between pods, record flows and tell them', { timeout: 300_000 }, async (t) => {
  await using world = await policedCluster()
  const { client, apply, exec } = world
  const ask = (pod: string, path = '/', method = 'GET') => exec(pod, ['fetch', `http://web.shop${path}`, method])
  /** Policies reach the agents by their watches. */
  const becomes = async (pod: string, wanted: string, path?: string, method?: string) => {
    let said = ''
    for (let tries = 0; tries < 3_000; tries++) {
      said = await ask(pod, path, method)
      if (said === wanted) return
      await sleep(systemClock, 10)
    }
    assert.equal(said, wanted)
  }
  await t.test('without policies everything is allowed', async () => {
    await becomes('shop/client', '200 GET /')
    await becomes('other/client', '200 GET /')
  })
  await t.test('a CiliumNetworkPolicy closes what it does not allow, and says that it is valid', async () => {
    await apply(policy('web', '{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: client}}]}]}'))
    await becomes('other/client', 'ConnectionTimedOut')
    assert.equal(await ask('shop/client'), '200 GET /')
    const found = await eventuallyOne(client, CiliumNetworkPolicy, 'web', (p) => p?.status?.conditions !== undefined, { namespace: 'shop' })
    assert.deepEqual(found?.status?.conditions?.map(({ type, status, message }) => [type, status, message]), [['Valid', 'True', 'Policy validation succeeded']])
  })
  await t.test('HTTP rules answer 403 on both ways to a server, an established connection is cut when it is no longer allowed', async () => {
    let seen = ''
    const holding = exec('shop/client', ['hold', 'web.shop:80'], (text) => { seen = text })
    while (seen !== 'held\n') await sleep(systemClock, 5)
    await apply(policy('web', '{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: client}}], toPorts: [{ports: [{port: http, protocol: TCP}], rules: {http: [{method: GET, path: "/public/.*"}]}}]}]}'))
    await becomes('shop/client', '403 Access denied\r\n', '/private')
    assert.deepEqual([await ask('shop/client', '/public/a'), await ask('shop/client', '/public/a', 'POST')], ['200 GET /public/a', '403 Access denied\r\n'])
    await apply(policy('web', '{endpointSelector: {matchLabels: {app: web}}, ingress: [{}]}'))
    assert.equal(await holding, 'held\nclosed\n')
    await becomes('shop/client', 'ConnectionTimedOut')
    await world.remove('CiliumNetworkPolicy', 'web', 'shop')
    await becomes('shop/client', '200 GET /')
  })
  await t.test('egress: names are refused by the DNS proxy unless a rule allows them', async () => {
    await apply(policy('client', '{endpointSelector: {matchLabels: {app: client}}, egress: [{toEndpoints: [{matchLabels: {"k8s:io.kubernetes.pod.namespace": kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*.shop.svc.cluster.local"}]}}]}, {toEndpoints: [{matchLabels: {app: web}}]}]}'))
    for (let tries = 0; tries < 3_000 && await exec('shop/client', ['fetch', 'http://hubble-relay.kube-system/']) !== 'NameRefused'; tries++) await sleep(systemClock, 10)
    assert.equal(await exec('shop/client', ['fetch', 'http://hubble-relay.kube-system/']), 'NameRefused')
    assert.equal(await ask('shop/client'), '200 GET /')
    const web = await client.get(Pod, 'web', { namespace: 'shop' })
    assert.equal(await exec('shop/client', ['fetch', `http://${web.status?.podIP}:8080/direct`]), '200 GET /direct')
    await world.remove('CiliumNetworkPolicy', 'client', 'shop')
  })
  await t.test('a pod\'s own API client is held back as its connections are, unless kube-apiserver is allowed', async () => {
    const api = async (wanted: string) => {
      for (let tries = 0; tries < 3_000 && await exec('shop/client', ['api']) !== wanted; tries++) await sleep(systemClock, 10)
      assert.equal(await exec('shop/client', ['api']), wanted)
    }
    await api('200')
    await apply(policy('client', '{endpointSelector: {matchLabels: {app: client}}, egress: [{toEndpoints: [{matchLabels: {app: web}}]}]}'))
    await api('ConnectionTimedOut')
    await apply(policy('client', '{endpointSelector: {matchLabels: {app: client}}, egress: [{toEntities: [kube-apiserver]}]}'))
    await api('200')
    await world.remove('CiliumNetworkPolicy', 'client', 'shop')
  })
  await t.test('NetworkPolicy and Cilium\'s policies add up', async () => {
    await apply('{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: shop}, spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}}')
    await becomes('shop/client', 'ConnectionTimedOut')
    await apply(policy('open', '{endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEntities: [cluster]}]}'))
    await becomes('other/client', '200 GET /')
    await world.remove('CiliumNetworkPolicy', 'open', 'shop')
    await client.delete(await client.kindOf('networking.k8s.io/v1', 'NetworkPolicy'), 'closed', { namespace: 'shop' })
    await becomes('other/client', '200 GET /')
  })
  await t.test('what is no policy is not enforced and says why', async () => {
    await apply(policy('bad', '{endpointSelector: {}, ingress: [{authentication: {mode: required}}]}'))
    const found = await eventuallyOne(client, CiliumNetworkPolicy, 'bad', (p) => p?.status?.conditions !== undefined, { namespace: 'shop' })
    assert.deepEqual(found?.status?.conditions?.map(({ status, message }) => [status, message]), [['False', 'mutual auth feature is disabled but an ingress auth rule is defined in policy']])
    await assert.rejects(apply(policy('worse', '{endpointSelector: {}, ingress: [{fromEntities: [mars]}]}')), /fromEntities/)
    assert.equal(await ask('other/client'), '200 GET /')
  })
  await t.test('hubble observe in the agent tells what happened on its node', async () => {
    const agent = (await client.list(Pod, { namespace: 'kube-system' })).items.find(({ metadata, spec }) => metadata.labels?.['k8s-app'] === 'cilium' && spec.nodeName === 'two')
    const two = agent?.metadata.name ?? ''
    const lines = (await exec(`kube-system/${two}`, ['hubble', 'observe', '-o', 'json', '--to-pod', 'shop/web', '--verdict', 'DROPPED', '--first', '100'])).trim().split('\n').map((line) => JSON.parse(line) as { flow: Record<string, unknown> })
    const dropped = lines.find(({ flow }) => (flow['source'] as { namespace?: string }).namespace === 'other')?.flow
    assert.deepEqual([dropped?.['verdict'], dropped?.['drop_reason_desc'], dropped?.['traffic_direction'], (dropped?.['destination_service'] as { name?: string } | undefined)?.name, dropped?.['ingress_denied_by']], ['DROPPED', 'POLICY_DENIED', 'INGRESS', 'web', [{ name: 'web', namespace: 'shop', kind: 'CiliumNetworkPolicy', revision: '1' }]])
    const http = (await exec(`kube-system/${two}`, ['hubble', 'observe', '--protocol', 'http', '--pod', 'shop/web', '--last', '4000'])).split('\n')
    assert.ok(http.some((line) => /shop\/client:\d+ -> shop\/web:8080 http-request DROPPED \(HTTP\/1.1 GET http:\/\/web.shop\/private\)/.test(line)), http.join('\n'))
    const gone = new AbortController()
    const followed = await exec(`kube-system/${two}`, ['hubble', 'observe', '--follow', '--to-pod', 'shop/web', '--last', '1'], () => gone.abort(), gone.signal)
    assert.match(followed, /-> shop\/web:8080/)
    assert.match(await exec(`kube-system/${two}`, ['cilium', 'status']), /Hubble: +Ok +Current\/Max Flows: \d+\/4095/)
    assert.match(await exec(`kube-system/${two}`, ['cilium-dbg', 'endpoint', 'list']), /shop\/web +ready/)
    const node = await world.cluster.net.fetch(`http://${agent?.status?.podIP}:9965/metrics`)
    assert.match(await node.text(), /hubble_flows_processed_total\{protocol="TCP",subtype="to-endpoint",type="Trace",verdict="FORWARDED"\} \d+/)
  })
})
