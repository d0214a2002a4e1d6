import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Deployment, Namespace, Pod } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYamlDocuments, type AnyObject, type JsonObject } from '@idp/formats'
import type { Cluster } from '@idp/host'
import { isCoded, memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { untilAborted, type Program } from '@idp/sandbox'
import { eventually, eventuallyOne, startTestCluster } from '@idp/testkit'

/** `fetch URL [METHOD]`, `hold HOST:PORT` and `api` (its own client) in a pod: prints status and body, or the code of the error. */
const caller: Program = {
  images: ['example.test/caller'],
  async main({ net, signal }) {
    await using _web = await net.listen(8080, { handler: (request) => new Response(`${request.method} ${new URL(request.url).pathname}`) })
    await using _raw = await net.listenRaw(9000, (connection) => void connection.resume())
    await untilAborted(signal)
    return 0
  },
  async exec({ net, client }, [verb = '', target = '', method = 'GET'], io) {
    try {
      if (verb === 'api') {
        const answer = await client?.request('/version')
        io.stdout(String(answer?.status))
        return 0
      }
      if (verb === 'hold') {
        const [host = '', port = ''] = target.split(':')
        const connection = await net.connect({ host, port: Number(port) })
        io.stdout('held\n')
        connection.resume()
        await new Promise((resolve) => connection.once('close', resolve))
        io.stdout('closed\n')
        return 0
      }
      const response = await net.fetch(target, { method })
      io.stdout(`${response.status} ${await response.text()}`)
    } catch (error) {
      io.stdout(isCoded(error) ? error.code : String(error))
    }
    return 0
  },
}

export interface PolicedCluster extends AsyncDisposable {
  readonly cluster: Cluster
  readonly client: Client
  /** Applies documents; policies are in force when it resolves. */
  apply(yaml: string): Promise<void>
  remove(kind: string, name: string, namespace?: string): Promise<void>
  /** What a command in a pod prints; `seen` as it comes. The signal is the caller who goes. */
  exec(pod: string, command: readonly string[], seen?: (text: string) => void, signal?: AbortSignal): Promise<string>
}

const chart = fileURLToPath(new URL('../chart', import.meta.url))

async function install(client: Client, values: JsonObject): Promise<void> {
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(chart, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(chart.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  }
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: 'cilium', namespace: 'kube-system', values: [values] })
  for (const { object } of [...documents].sort((a, b) => Number(b.object.kind === 'CustomResourceDefinition') - Number(a.object.kind === 'CustomResourceDefinition'))) {
    await client.apply(await client.kindOf(object.apiVersion, object.kind), object as AnyObject, { fieldManager: 'test', force: true })
  }
}

const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true

/** Two nodes with the chart's agents, namespaces `shop` and `other`, and pods that call each other: `shop/web` (with Service), `shop/client`, `other/client`. */
export async function policedCluster(values: JsonObject = {}): Promise<PolicedCluster> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startTestCluster({
    components: ['cilium'], nodes: [{ name: 'one', controlPlane: true }, { name: 'two' }],
    extra: [{ name: 'caller', standsInFor: 'nothing', programs: [{ images: caller.images, load: async () => caller }] }],
  }))
  const { client } = cluster
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      const object = value as unknown as AnyObject
      await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  for (const name of ['shop', 'other']) await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await install(client, { cluster: { name: 'test' }, operator: { replicas: 1 }, envoy: { enabled: false }, hubble: { metrics: { enabled: ['flow', 'drop', 'http', 'dns'] }, relay: { enabled: true }, ui: { enabled: true } }, ...values })
  const pod = (namespace: string, name: string, node: string) => apply(`{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: ${namespace}, labels: {app: ${name}}}, spec: {nodeName: ${node}, tolerations: [{operator: Exists}], containers: [{name: main, image: 'example.test/caller:1', ports: [{name: http, containerPort: 8080}]}]}}`)
  await eventuallyOne(client, (await import('@idp/api')).ServiceAccount, 'default', (account) => account !== undefined, { namespace: 'other' })
  await Promise.all([pod('shop', 'web', 'two'), pod('shop', 'client', 'one'), pod('other', 'client', 'two')])
  await apply('{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}')
  await eventually(client, Pod, (pods) => pods.filter((p) => p.metadata.namespace === 'kube-system').length >= 5 && pods.every(isReady), { timeoutMs: 60_000 })
  await eventually(client, Deployment, (all) => all.every(({ status }) => (status?.availableReplicas ?? 0) > 0), { namespace: 'kube-system', timeoutMs: 60_000 })
  const held = stack.move()
  return {
    cluster, client, apply,
    async remove(kind, name, namespace) {
      await client.delete(await client.kindOf('cilium.io/v2', kind), name, namespace === undefined ? {} : { namespace })
    },
    async exec(reference, command, seen, signal) {
      const [namespace = '', name = ''] = reference.split('/')
      let text = ''
      const take = (chunk: Uint8Array | string) => {
        text += String(chunk)
        seen?.(text)
      }
      await cluster.nodes.exec({ namespace, name }, command, { stdin: (async function* () {})(), stdout: take, stderr: take, tty: false, ...(signal === undefined ? {} : { signal }) })
      return text
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
