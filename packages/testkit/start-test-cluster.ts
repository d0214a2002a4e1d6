import { ConfigMap, isApiError, ServiceAccount } from '@idp/api'
import { startCluster, type Cluster, type ClusterOptions } from '@idp/host'
import { jsonLog, silentLog, systemClock, systemRandom, type Clock } from '@idp/kit'
import type { Component, RegisteredComponent } from '@idp/sandbox'
import { eventuallyOne } from './eventually.ts'
import { temporaryDirectory } from './temporary-directory.ts'

export interface TestClusterOptions extends Partial<Pick<ClusterOptions, 'nodes' | 'apiPort' | 'hostPorts' | 'storage' | 'log' | 'egress'>> {
  /** `systemClock` by default; a fake clock where time matters. */
  readonly clock?: Clock
  /** Names of components to take part, beside the control plane and the node agent; none by default. `all`: every one. */
  readonly components?: readonly string[] | 'all'
  /** Components made for the test. */
  readonly extra?: readonly Component[]
  /** Leave out the control-plane programs (controllers, scheduler): nothing but API server and nodes. */
  readonly bare?: boolean
  /** Write warnings and errors of the cluster to standard error. */
  readonly verbose?: boolean
  /** Use this directory, and keep it; a temporary one otherwise. */
  readonly dataDir?: string
}

const cluster = ['kube-controllers', 'kube-scheduler']

/** A cluster for a test: in memory, without a port unless asked for, gone when disposed. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock, components = [], extra = [], bare = false, verbose = false, dataDir, log, ...rest } = options
  const registered = await registry()
  const wanted = new Set(['node-agent', ...(bare ? [] : cluster), ...(components === 'all' ? registered.map((c) => c.name) : components)])
  const missing = [...wanted].filter((name) => !registered.some((c) => c.name === name) && !cluster.includes(name))
  if (missing.length > 0) throw new Error(`no component named ${missing.join(', ')}; is components/registry.generated.ts current?`)
  await using starting = new AsyncDisposableStack()
  const directory = dataDir === undefined ? starting.use(await temporaryDirectory()) : undefined
  const started = starting.use(await startCluster({
    name: 'test', storage: 'memory', apiPort: false, ...rest, clock, random: systemRandom, dataDir: dataDir ?? directory?.path ?? '',
    log: log ?? (verbose ? jsonLog(clock, (line) => process.stderr.write(line), 'warn') : silentLog),
    components: [...registered.filter((c) => wanted.has(c.name)), ...extra],
  }))
  if (bare) await pretendControllers(started)
  else await eventuallyOne(started.client, ServiceAccount, 'default', (account) => account !== undefined, { namespace: 'default' })
  const stack = starting.move()
  return { ...started, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** What pods of namespace `default` need before they are admitted, and controllers would have made. */
async function pretendControllers({ client, ca }: Cluster): Promise<void> {
  const metadata = { name: 'default', namespace: 'default' }
  const existing = (error: unknown) => {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata }).catch(existing)
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'kube-root-ca.crt' }, data: { 'ca.crt': ca } }).catch(existing)
}

/** Loaded by its place: tests may use components, which no package imports. */
async function registry(): Promise<readonly RegisteredComponent[]> {
  const file = new URL('../../components/registry.generated.ts', import.meta.url)
  return ((await import(file.href)) as { components: readonly RegisteredComponent[] }).components
}
