import { readFile } from 'node:fs/promises'
import { CustomResourceDefinition, Secret } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { createManager, type Manager } from '@idp/controller'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { seededRandom, silentLog } from '@idp/kit'
import type { Metrics } from '../engine/metrics.ts'
import { createControllers, trimSecret, type Surroundings } from '../controllers/create-controllers.ts'
import { ExternalSecret, type Condition } from '../kinds/external-secrets.ts'
import { fakeVault, type FakeVault } from './fake-vault.ts'

/** An API server with External Secrets' CRDs and control loops, and a Vault beside it, over a clock that stands still. */
export interface Cluster extends AsyncDisposable {
  readonly api: TestApi
  readonly vault: FakeVault
  readonly metrics: Metrics
  apply(yaml: string): Promise<void>
  settle(): Promise<void>
  advance(ms: number): Promise<void>
  /** Values of a Secret in namespace `app`; undefined when there is none. */
  values(name: string): Promise<Record<string, string> | undefined>
  secret(name: string): Promise<Secret>
  ready(name: string): Promise<Pick<Condition, 'status' | 'reason' | 'message'> | undefined>
  /** Events about an object, as `Type Reason Message`. */
  events(name: string): Promise<string[]>
  /** Every object of the API as text, but Secrets: for tests that look for values where none may be. */
  everything(): Promise<string>
}

/** Read once a process: every test begins with them. */
let definitions: Promise<CustomResourceDefinition[]> | undefined

async function readDefinitions(): Promise<CustomResourceDefinition[]> {
  const texts = await Promise.all(['external-secrets', 'push-secrets', 'generators'].map((file) => readFile(new URL(`../chart/templates/crds/${file}.yaml`, import.meta.url), 'utf8')))
  return texts.flatMap((text) => parseYamlDocuments(text)).flatMap(({ value }) => (value === null ? [] : [value as unknown as CustomResourceDefinition]))
}

/** @param options.fetch what the operator's HTTP goes to; the Vault beside it by default */
export async function startCluster(options: { readonly fetch?: (api: TestApi) => Surroundings['fetch'] } = {}): Promise<Cluster> {
  const api = await startTestApi({ namespaces: ['external-secrets-system', 'app', 'other'] })
  const vault = fakeVault()
  const apply = async (yaml: string): Promise<void> => {
    for (const { value } of parseYamlDocuments(yaml)) {
      if (value === null) continue
      const object = value as unknown as AnyObject
      await api.client.apply(await api.client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
    }
  }
  for (const definition of await (definitions ??= readDefinitions())) await api.client.create(CustomResourceDefinition, definition)
  await api.fake.advance(1000)
  const stop = new AbortController()
  const { controllers, metrics } = createControllers({ clock: api.fake, random: seededRandom(3), fetch: options.fetch?.(api) ?? (async (url, init) => vault.fetch(url, init)), ownToken: async () => 'operator' })
  const logs: string[] = []
  const note = (message: string, fields?: object): void => void logs.push(`${message} ${JSON.stringify(fields)}`)
  const log = { ...silentLog, info: note, warn: note, error: note, with: () => log }
  const manager: Manager = createManager({ client: api.client, clock: api.fake, log, signal: stop.signal, name: 'external-secrets', controllers, trim: trimSecret })
  await manager.started
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < 4;) {
      await api.fake.advance(5)
      await new Promise((resolve) => setImmediate(resolve))
      quiet = manager.idle ? quiet + 1 : 0
    }
    await manager.flushEvents()
  }
  const secret = (name: string): Promise<Secret> => api.client.get(Secret, name, { namespace: 'app' })
  return {
    api, vault, metrics, apply, settle, secret,
    async advance(ms) {
      await api.fake.advance(ms)
      await settle()
    },
    async values(name) {
      const { items } = await api.client.list(Secret, { namespace: 'app' })
      const found = items.find(({ metadata }) => metadata.name === name)
      return found === undefined ? undefined : Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value ?? '', 'base64').toString()]))
    },
    async ready(name) {
      const condition = (await api.client.get(ExternalSecret, name, { namespace: 'app' })).status?.conditions?.find(({ type }) => type === 'Ready')
      return condition === undefined ? undefined : { status: condition.status, reason: condition.reason ?? '', message: condition.message ?? '' }
    },
    async events(name) {
      const { items } = await api.client.list(await api.client.kindOf('v1', 'Event'))
      return items.filter((event) => (event['involvedObject'] as { name?: string })?.name === name).map((event) => `${String(event['type'])} ${String(event['reason'])} ${String(event['message'])}`)
    },
    async everything() {
      const kinds = (await api.client.kinds()).filter(({ kind }) => kind !== 'Secret' && !kind.endsWith('Review'))
      const lists = await Promise.all(kinds.map(async (kind) => JSON.stringify((await api.client.list(kind).catch(() => ({ items: [] }))).items)))
      return [...lists, ...logs, metrics.render()].join('\n')
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await manager.done
      await api[Symbol.asyncDispose]()
    },
  }
}
