import { ConfigMap, isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYaml, type KubeObject } from '@idp/formats'
import { backoff, isCoded, sleep, type Clock, type Random } from '@idp/kit'
import { bootstrap, type StepEvent } from './bootstrap/bootstrap.ts'
import { fieldManager, trackedBy } from './bootstrap/apply-objects.ts'
import { renderSteps, type RenderedFolders } from './bootstrap/render-steps.ts'
import { seedSecrets } from './bootstrap/seed-secrets.ts'
import { waitApplications } from './bootstrap/wait-applications.ts'
import { platformGateway, platformRepository, type Ports } from './access/platform-access.ts'
import { prepareVault } from './vault/prepare-vault.ts'
import { waitForRoute } from './access/wait-for-route.ts'
import type { PlatformConfig } from './config/config.ts'
import type { ChartSource } from './repository/chart-index.ts'
import type { RepositorySource } from './repository/open-source.ts'
import { renderFolder } from './repository/render-folder.ts'

export interface PlatformUpOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Milliseconds, for each step and for the Applications. */
  readonly timeoutMs: number
  readonly config: PlatformConfig
  readonly source: RepositorySource
  /** The person named the repository: push its commit even where another is deployed. */
  readonly push: boolean
  readonly charts: ChartSource
  /** What `renderPlatform` has begun before the cluster was there; begun now when absent. */
  readonly rendered?: RenderedFolders
  readonly ports: Ports
  /** Where the gateway answers, asked once its Service is there; `ports` on the embedded engine. */
  readonly locateGateway?: () => Promise<Ports>
  readonly version: string
  readonly onEvent: (event: StepEvent) => void
}

/** What is remembered of a finished bootstrap, in the cluster itself. */
const recordAt = { name: 'idp-bootstrap', namespace: 'kube-system' } as const

/** Brings the platform of a repository to life on any cluster and waits until every Application is Synced and Healthy; gives their names. */
export async function platformUp(options: PlatformUpOptions): Promise<readonly string[]> {
  const { client, clock, signal, config, source } = options
  const done = await readRecord(client)
  const unchanged = done?.['version'] === options.version && (!options.push || done['commit'] === source.commit)
  if (!unchanged) {
    const keeper = await selfManagement(source)
    const rendered = options.rendered ?? renderPlatform(source, options.charts)
    const kept = (object: KubeObject, path: string): KubeObject => (keeper === undefined ? object : trackedBy(object, { application: applicationOf(path), ...keeper }))
    await bootstrap({
      client, clock, signal, timeoutMs: options.timeoutMs, onEvent: options.onEvent, again: done !== undefined,
      render: async (path) => (await rendered(path)).map((object) => kept(withPorts(withoutStacks(object, config), options.ports), path)),
      actions: { 'seed-secrets': () => seedSecrets(client, options.random), 'prepare-vault': () => prepareVault({ client, clock, signal, random: options.random, timeoutMs: options.timeoutMs, secrets: config.secrets }), 'push-repository': () => pushRepository(options) },
    })
    await writeRecord(client, { version: options.version, commit: source.commit })
  }
  return waitForApplications(options, await expectedApplications(source, config))
}

/** Begins to render the bootstrap layer of a repository; takes about as long as the engine takes to start, so begin both at once. */
export function renderPlatform({ files }: RepositorySource, charts: ChartSource): RenderedFolders {
  return renderSteps((path) => renderFolder(files, path, { charts }))
}

async function waitForApplications(options: PlatformUpOptions, expected: readonly string[]): Promise<readonly string[]> {
  const { client, clock, signal, timeoutMs, onEvent } = options
  const began = clock.now()
  onEvent({ step: 'applications', state: 'running' })
  const names = await waitApplications(client, {
    clock, signal, timeoutMs, expected,
    onProgress: (well, all, waitingFor) => onEvent({ step: 'applications', state: 'waiting', lacking: [`${well} of ${all} Applications Synced and Healthy; ${waitingFor}`] }),
  })
  onEvent({ step: 'applications', state: 'done', ms: clock.now() - began, message: `${names.length} Synced and Healthy` })
  return names
}

interface RootFields { spec?: { source?: { directory?: Record<string, unknown> } } }

/** The root application leaves out the ApplicationSets of stacks that the configuration turns off. */
function withoutStacks(object: KubeObject, { stacks }: PlatformConfig): KubeObject {
  const off = Object.entries(stacks).filter(([, on]) => !on).map(([stack]) => `K8s/${stack}/*`)
  const { spec } = object as KubeObject & RootFields
  if (off.length === 0 || object.kind !== 'Application' || object.metadata.name !== 'platform' || spec?.source?.directory === undefined) return object
  return { ...object, spec: { ...spec, source: { ...spec.source, directory: { ...spec.source.directory, exclude: `{${off.join(',')}}` } } } } as KubeObject
}

interface RedirectFields { spec?: { rules?: { filters?: { requestRedirect?: { port?: number } }[] }[] } }

/** The route that leads from HTTP to HTTPS names the port that a browser outside sees, which `--https-port` may have changed. */
function withPorts(object: KubeObject, { https }: Ports): KubeObject {
  if (object.kind !== 'HTTPRoute' || object.metadata.name !== 'http-to-https-redirect') return object
  const copy = structuredClone(object) as KubeObject & RedirectFields
  for (const { filters = [] } of copy.spec?.rules ?? []) for (const { requestRedirect } of filters) if (requestRedirect?.port !== undefined) requestRedirect.port = https
  return copy
}

/** The first push makes the branch; a later one happens only when the person named the repository. */
async function pushRepository({ client, clock, signal, config, source, push, timeoutMs, ...options }: PlatformUpOptions): Promise<void> {
  const ports = await options.locateGateway?.() ?? options.ports
  const gateway = await platformGateway(client, config.cluster.name, ports)
  await using repository = await platformRepository(client, { gateway, localDomain: config.domain.local, clock, signal })
  const host = `git.${config.domain.local}`
  await waitForRoute(gateway, { host, path: '/healthz', clock, signal, timeoutMs })
  const deadline = clock.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      const head = await repository.head(config.branch)
      if (head === undefined || (push && head !== source.commit)) await repository.push(source.gitDirectory, source.commit, config.branch)
      return
    } catch (error) {
      // One proxy of the gateway knows the route; another may hear of it a moment later.
      if (!isCoded(error, 'GitUnreachable') || clock.now() > deadline) throw error
      await sleep(clock, backoff(failures, { initial: 20, max: 1000 }), signal)
    }
  }
}

interface SetFields { spec?: { template?: { spec?: { destination?: { namespace?: string } } } } }

/**
 * Where the repository has an ApplicationSet over the folders of `IT/`, Argo CD keeps the bootstrap layer once it stands.
 * Gives the namespace of the destination of its Applications; undefined without such a set.
 */
async function selfManagement({ files }: RepositorySource): Promise<{ readonly namespace: string } | undefined> {
  const text = await files.read('IT/applicationset.yaml')
  if (text === undefined) return undefined
  const set = parseYaml(new TextDecoder().decode(text), { source: 'IT/applicationset.yaml' }) as SetFields | null
  return { namespace: set?.spec?.template?.spec?.destination?.namespace ?? '' }
}

/** The Application that ApplicationSet `bootstrap` makes of a folder. */
const applicationOf = (path: string): string => `bootstrap-${path.slice(path.lastIndexOf('/') + 1)}`

/** What the root application and the ApplicationSets will have made of the repository. */
async function expectedApplications(source: RepositorySource, config: PlatformConfig): Promise<string[]> {
  const stacks = Object.entries(config.stacks).filter(([, on]) => on).map(([stack]) => stack)
  const sets = [...((await selfManagement(source)) !== undefined ? [{ name: 'bootstrap', folder: 'IT' }] : []), ...stacks.map((stack) => ({ name: stack, folder: `K8s/${stack}` }))]
  const generated = await Promise.all(sets.map(async ({ name, folder }) => ((await source.files.list(folder)) ?? []).filter((entry) => entry.directory).map((entry) => `${name}-${entry.name}`)))
  return ['platform', 'platform-policies', ...generated.flat()]
}

async function readRecord(client: Client): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    return (await client.get(ConfigMap, recordAt.name, { namespace: recordAt.namespace })).data ?? {}
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}

async function writeRecord(client: Client, data: Record<string, string>): Promise<void> {
  await client.apply(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: recordAt, data }, { fieldManager, force: true })
}
