import { readFile } from 'node:fs/promises'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { createManager, type Controller, type Manager } from '@idp/controller'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { seededRandom, silentLog } from '@idp/kit'
import type { World } from '../controllers/world.ts'
import { createControllers } from '../programs/controller.ts'

/** An API server with cert-manager's CRDs and its control loops over a clock that stands still. */
export interface Cluster extends AsyncDisposable {
  readonly api: TestApi
  apply(yaml: string): Promise<void>
  /** Moves time on until the loops have nothing to do. */
  settle(): Promise<void>
  /** Events about an object, as `Type Reason Message`. */
  events(name: string): Promise<string[]>
}

export interface Options {
  readonly gateways?: boolean
  readonly extra?: readonly Controller[]
  /** The network of the controller; unreachable otherwise. */
  readonly fetch?: World['fetch']
  readonly signingRequests?: boolean
}

export async function startCluster(options: Options = {}): Promise<Cluster> {
  const api = await startTestApi({ namespaces: ['cert-manager', 'app'] })
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      if (value === null) continue
      const object = value as unknown as AnyObject
      await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  await apply((await readFile(new URL('../chart/templates/crds.yaml', import.meta.url), 'utf8')).replace(/^\{\{.*\}\}$/gm, ''))
  if (options.gateways === true) await apply(gatewayCrd('Gateway', 'gateways') + gatewayCrd('HTTPRoute', 'httproutes'))
  await api.fake.advance(1000)
  const stop = new AbortController()
  const manager: Manager = createManager({
    client: api.client, clock: api.fake, log: silentLog, signal: stop.signal, name: 'cert-manager',
    controllers: [...createControllers({ ...offline, clusterNamespace: 'cert-manager', random: seededRandom(3), gateways: options.gateways === true, signingRequests: options.signingRequests === true, ...(options.fetch === undefined ? {} : { fetch: options.fetch }) }), ...options.extra ?? []],
  })
  await manager.started
  return {
    api, apply,
    async settle() {
      for (let quiet = 0; quiet < 5;) {
        await api.fake.advance(50)
        await new Promise((resolve) => setImmediate(resolve))
        quiet = manager.idle ? quiet + 1 : 0
      }
      await manager.flushEvents()
    },
    async events(name) {
      const { items } = await api.client.list(await api.client.kindOf('v1', 'Event'))
      return items.filter((event) => (event['involvedObject'] as { name?: string })?.name === name).map((event) => `${String(event['type'])} ${String(event['reason'])} ${String(event['message'])}`)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await manager.done
      await api[Symbol.asyncDispose]()
    },
  }
}

const offline = { defaultIssuer: { name: 'ca-issuer', kind: 'ClusterIssuer', group: 'cert-manager.io' }, solverImage: 'quay.io/jetstack/cert-manager-acmesolver:v1.19.0', fetch: (url: string | URL): Promise<Response> => Promise.reject(new Error(`no way to ${String(url)}`)) }

const gatewayCrd = (kind: string, plural: string): string => `
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ${plural}.gateway.networking.k8s.io, annotations: { api-approved.kubernetes.io: unapproved } }
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: { kind: ${kind}, listKind: ${kind}List, plural: ${plural}, singular: ${kind.toLowerCase()} }
  versions: [{ name: v1, served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
`
