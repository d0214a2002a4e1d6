import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { loadPackageDefinition, credentials, type GrpcObject, type ServiceClientConstructor } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { seededRandom, sleep, systemClock } from '@idp/kit'
import { policedCluster } from './policed-cluster.ts'

// The protocol as upstream numbers it, written here anew: an independent client decodes what our own encoder made.
const enumOf = (values: Record<string, number>) => ({ values })
const fields = (list: Record<string, [type: string, id: number, rule?: 'repeated']>) => ({ fields: Object.fromEntries(Object.entries(list).map(([name, [type, id, rule]]) => [name, { type, id, ...(rule === undefined ? {} : { rule }) }])) })
const definition = fromJSON({
  nested: {
    google: { nested: { protobuf: { nested: { Timestamp: fields({ seconds: ['int64', 1], nanos: ['int32', 2] }), BoolValue: fields({ value: ['bool', 1] }), UInt32Value: fields({ value: ['uint32', 1] }) } } } },
    flow: { nested: {
      Verdict: enumOf({ VERDICT_UNKNOWN: 0, FORWARDED: 1, DROPPED: 2, REDIRECTED: 5 }), DropReason: enumOf({ DROP_REASON_UNKNOWN: 0, POLICY_DENIED: 133 }), TrafficDirection: enumOf({ UNKNOWN_DIRECTION: 0, INGRESS: 1, EGRESS: 2 }),
      L7FlowType: enumOf({ UNKNOWN_L7: 0, REQUEST: 1, RESPONSE: 2 }),
      Endpoint: fields({ ID: ['uint32', 1], identity: ['uint32', 2], namespace: ['string', 3], labels: ['string', 4, 'repeated'], pod_name: ['string', 5] }), IP: fields({ source: ['string', 1], destination: ['string', 2] }),
      TCP: fields({ source_port: ['uint32', 1], destination_port: ['uint32', 2] }), Layer4: fields({ TCP: ['TCP', 1] }), HTTP: fields({ code: ['uint32', 1], method: ['string', 2], url: ['string', 3] }), Layer7: fields({ type: ['L7FlowType', 1], http: ['HTTP', 101] }),
      Service: fields({ name: ['string', 1], namespace: ['string', 2] }), Policy: fields({ name: ['string', 1], namespace: ['string', 2], kind: ['string', 5] }), EventType: fields({ type: ['int32', 1], sub_type: ['int32', 2] }),
      Flow: fields({
        time: ['google.protobuf.Timestamp', 1], verdict: ['Verdict', 2], IP: ['IP', 5], l4: ['Layer4', 6], source: ['Endpoint', 8], destination: ['Endpoint', 9], node_name: ['string', 11], l7: ['Layer7', 15], event_type: ['EventType', 19],
        destination_service: ['Service', 21], traffic_direction: ['TrafficDirection', 22], drop_reason_desc: ['DropReason', 25], is_reply: ['google.protobuf.BoolValue', 26], uuid: ['string', 34], ingress_denied_by: ['Policy', 21005, 'repeated'], Summary: ['string', 100000],
      }),
      FlowFilter: fields({ source_pod: ['string', 2, 'repeated'], destination_pod: ['string', 4, 'repeated'], verdict: ['Verdict', 5, 'repeated'], protocol: ['string', 12, 'repeated'], trace_id: ['string', 28, 'repeated'] }),
    } },
    observer: { nested: {
      GetFlowsRequest: fields({ number: ['uint64', 1], follow: ['bool', 3], blacklist: ['flow.FlowFilter', 5, 'repeated'], whitelist: ['flow.FlowFilter', 6, 'repeated'], first: ['bool', 9] }),
      GetFlowsResponse: fields({ flow: ['flow.Flow', 1], node_name: ['string', 1000], time: ['google.protobuf.Timestamp', 1001] }),
      ServerStatusRequest: fields({}), ServerStatusResponse: fields({ num_flows: ['uint64', 1], max_flows: ['uint64', 2], seen_flows: ['uint64', 3], num_connected_nodes: ['google.protobuf.UInt32Value', 5], version: ['string', 8] }),
      GetNodesRequest: fields({}), Node: fields({ name: ['string', 1], version: ['string', 2], address: ['string', 3] }), GetNodesResponse: fields({ nodes: ['Node', 1, 'repeated'] }),
      Observer: { methods: {
        GetFlows: { requestType: 'GetFlowsRequest', responseType: 'GetFlowsResponse', responseStream: true }, ServerStatus: { requestType: 'ServerStatusRequest', responseType: 'ServerStatusResponse' },
        GetNodes: { requestType: 'GetNodesRequest', responseType: 'GetNodesResponse' }, GetAgentEvents: { requestType: 'GetNodesRequest', responseType: 'GetNodesResponse' },
      } },
    } },
  },
} as never, { keepCase: true, longs: String, enums: String, defaults: false })

interface Flow { verdict: string; node_name: string; drop_reason_desc?: string; source: { namespace?: string; pod_name?: string; identity: number }; destination: { pod_name?: string; labels: string[] }; l4: { TCP: { destination_port: number } }; ingress_denied_by?: { name: string }[]; Summary: string; l7?: { type: string; http: { code?: number; url: string } }; uuid: string; time: { seconds: string } }
interface Call extends AsyncIterable<{ flow?: Flow; node_name: string }> { cancel(): void }
interface Observer {
  GetFlows(request: object): Call
  ServerStatus(request: object, done: (error: Error | null, answer: Record<string, unknown>) => void): void
  GetNodes(request: object, done: (error: Error | null, answer: { nodes: { name: string; address: string }[] }) => void): void
  GetAgentEvents(request: object, done: (error: (Error & { code?: number }) | null) => void): void
  close(): void
}

test('an independent gRPC client reads flows, status and nodes of the whole cluster from hubble-relay', { timeout: 300_000 }, async (t) => {
  await using world = await policedCluster()
  const { cluster, apply, exec } = world
  const door = createServer((socket) => {
    cluster.net.connect({ host: 'hubble-relay.kube-system', port: 80 }).then((inside) => {
      socket.pipe(inside)
      inside.pipe(socket)
      inside.on('error', () => socket.destroy()).on('close', () => socket.destroy())
      socket.on('error', () => inside.destroy()).on('close', () => inside.destroy())
    }, () => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  const Service = (loadPackageDefinition(definition) as unknown as { observer: GrpcObject }).observer['Observer'] as unknown as ServiceClientConstructor
  const observer = new Service(`127.0.0.1:${(door.address() as { port: number }).port}`, credentials.createInsecure()) as unknown as Observer
  t.after(() => { observer.close(); door.close() })
  const status = () => new Promise<Record<string, unknown>>((resolve, reject) => observer.ServerStatus({}, (error, answer) => (error === null ? resolve(answer) : reject(error))))
  for (let tries = 0; tries < 3_000 && ((await status())['num_connected_nodes'] as { value?: number } | undefined)?.value !== 2; tries++) await sleep(systemClock, 20)

  const followed: Flow[] = []
  const following = observer.GetFlows({ follow: true, whitelist: [{ destination_pod: ['shop/web'], verdict: ['DROPPED'] }] })
  const done = (async () => { for await (const { flow } of following) if (flow !== undefined) followed.push(flow) })().catch(() => {})
  const get = (pod: string, path: string) => exec(pod, ['fetch', `http://web.shop${path}`])
  for (let tries = 0; tries < 3_000 && !(await get('shop/client', '/public')).startsWith('200'); tries++) await sleep(systemClock, 10)
  await apply('{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, namespace: shop}, spec: {endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{matchLabels: {app: client}}], toPorts: [{ports: [{port: "8080", protocol: TCP}], rules: {http: [{path: "/public"}]}}]}]}}')
  for (let tries = 0; tries < 3_000 && await get('other/client', '/public') !== 'ConnectionTimedOut'; tries++) await sleep(systemClock, 10)
  assert.equal(await get('shop/client', '/private?token=geheim'), '403 Access denied\r\n')
  // What is followed begins when the call has reached both nodes.
  for (let tries = 0; tries < 3_000 && followed.length === 0; tries++) {
    await get('other/client', '/public')
    await sleep(systemClock, 10)
  }
  following.cancel()
  await done
  const drop = followed.find(({ source }) => source.namespace === 'other')
  assert.deepEqual([drop?.verdict, drop?.drop_reason_desc, drop?.node_name, drop?.l4.TCP.destination_port, drop?.ingress_denied_by?.[0]?.name], ['DROPPED', 'POLICY_DENIED', 'two', 8080, 'web'])
  assert.ok(drop?.destination.labels.includes('k8s:app=web'))

  const past: Flow[] = []
  for await (const { flow } of observer.GetFlows({ number: '4000', whitelist: [{ protocol: ['http'] }] })) if (flow !== undefined) past.push(flow)
  assert.deepEqual(past.filter(({ Summary }) => Summary.includes('private')).slice(-2).map(({ verdict, l7, Summary }) => [verdict, l7?.type, Summary.replace(/\d+ms/, 'Nms')]), [['DROPPED', 'REQUEST', 'HTTP/1.1 GET http://web.shop/private'], ['FORWARDED', 'RESPONSE', 'HTTP/1.1 403 Nms (GET http://web.shop/private)']])
  assert.ok(!JSON.stringify(past).includes('geheim'))
  const nodes = await new Promise<string[]>((resolve, reject) => observer.GetNodes({}, (error, answer) => (error === null ? resolve(answer.nodes.map(({ name, address }) => `${name} ${address}`).sort()) : reject(error))))
  assert.deepEqual(nodes, ['one 172.25.0.2:4244', 'two 172.25.0.3:4244'])
  await assert.rejects((async () => { for await (const _ of observer.GetFlows({ whitelist: [{ trace_id: ['x'] }] })) { /* nothing comes */ } })(), /trace_id is not supported/)
  const refused = await new Promise<number | undefined>((resolve) => observer.GetAgentEvents({}, (error) => resolve(error?.code)))
  assert.equal(refused, 12)

  await t.test('the page of hubble-ui and its events', async () => {
    const page = await cluster.net.fetch('http://hubble-ui.kube-system/')
    assert.match(await page.text(), /<title>Hubble<\/title>/)
    const events = await cluster.net.fetch('http://hubble-ui.kube-system/api/flows?namespace=shop&verdict=DROPPED&follow=false')
    assert.equal(events.headers.get('content-type'), 'text/event-stream')
    const data = (await events.text()).split('\n\n').filter((event) => event !== '').map((event) => JSON.parse(event.slice('data: '.length)) as { flow?: Flow })
    assert.ok(data.some(({ flow }) => flow?.verdict === 'DROPPED' && flow.source.namespace === 'other'))
  })
  await t.test('what is no gRPC ends its own connection and nothing else', async () => {
    const random = seededRandom(3)
    for (let i = 0; i < 40; i++) {
      const connection = await cluster.net.connect({ host: 'hubble-relay.kube-system', port: 80 })
      connection.on('error', () => {})
      const closed = new Promise((resolve) => connection.once('close', resolve))
      connection.write(i % 2 === 0 ? random(200) : Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), random(i * 10)]))
      connection.end()
      connection.resume()
      await Promise.race([closed, sleep(systemClock, 50)])
      connection.destroy()
    }
    assert.equal(((await status())['num_connected_nodes'] as { value: number }).value, 2)
  })
})
