import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { CustomResourceDefinition } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { parseYaml } from '@idp/formats'
import { commitFiles, createRepository, gitHttpHandler } from '@idp/git'
import { memoryFiles, silentLog, sleep, systemClock, type Log } from '@idp/kit'
import { startApplicationController, type ApplicationController } from '../controllers/application-controller.ts'
import { AppProject } from '../kinds/app-project.ts'
import { Application } from '../kinds/application.ts'
import { createRepoService, type SourceRenderers } from '../repo/create-repo-service.ts'
import { gitMirrors } from '../repo/git-mirrors.ts'
import type { RepoService } from '../repo/repo-service.ts'

export const repoURL = 'http://git-server.git-system.svc.cluster.local/platform.git'

/** An API server with Argo CD's kinds, a Git server with one repository, a repo service and the application controller: no socket anywhere. */
export interface ArgoFixture {
  readonly api: TestApi
  readonly repo: RepoService
  readonly controller: ApplicationController
  /** Ends the application controller where it stands and starts a new one, which knows nothing but what is in the cluster. */
  restart(): Promise<void>
  readonly signal: AbortSignal
  /** Requests that reached the Git server. */
  readonly gitRequests: string[]
  /** Commits to main; `undefined` removes a path. */
  commit(changes: Record<string, string | undefined>, branch?: string): Promise<string>
  application(name: string, spec?: Partial<Application['spec']>, metadata?: Application['metadata']): Promise<Application>
  /** As a webhook does. */
  refresh(name: string): Promise<void>
  /** Waits until `holds` is true of the Application; fails with its state. */
  until(name: string, holds: (application: Application) => boolean): Promise<Application>
}

export interface FixtureOptions { readonly log?: Log; readonly renderers?: SourceRenderers; readonly selfHealTimeout?: number }

export async function startArgo(t: TestContext, files: Record<string, string>, options: FixtureOptions = {}): Promise<ArgoFixture> {
  const { log = silentLog } = options
  const root = await mkdtemp(join(tmpdir(), 'idp-argo-'))
  const stop = new AbortController()
  const api = await startTestApi({ namespaces: ['argocd'], clock: systemClock })
  const git = join(root, 'platform.git')
  const author = { name: 'Test', email: 'test@example.org' }
  await createRepository(git, memoryFiles(files), { branch: 'main', message: 'first', author, time: 1_700_000_000_000 })
  const gitRequests: string[] = []
  const handler = gitHttpHandler({ locate: async (name) => (name === 'platform' ? git : undefined), authorize: async () => ({ user: 'u' }) })
  const mirrors = gitMirrors({
    directory: join(root, 'mirrors'), clock: systemClock,
    fetch: () => async (url, init) => {
      gitRequests.push(`${init?.method ?? 'GET'} ${url}`)
      return handler(new Request(url, init), { address: '127.0.0.1' })
    },
  })
  const repo = createRepoService(mirrors, options.renderers ?? { kustomize: unsupported, helm: unsupported, chart: unsupported })
  await applyCrds(api)
  await api.client.create(AppProject, { apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', metadata: { name: 'default', namespace: 'argocd' }, spec: { sourceRepos: ['*'], destinations: [{ server: '*', namespace: '*' }], clusterResourceWhitelist: [{ group: '*', kind: '*' }] } })
  let own = new AbortController()
  const startController = (): ApplicationController => startApplicationController({
    client: api.client, clock: systemClock, log, signal: AbortSignal.any([stop.signal, own.signal]), namespace: 'argocd', repo, selfHealTimeout: options.selfHealTimeout ?? 0,
  })
  const controller = startController()
  await controller.started
  let commits = 0
  t.after(async () => {
    stop.abort()
    await mirrors[Symbol.asyncDispose]()
    await api[Symbol.asyncDispose]()
    await rm(root, { recursive: true, force: true })
  })
  const get = (name: string) => api.client.get(Application, name, { namespace: 'argocd' })
  return {
    api, repo, controller, gitRequests, signal: stop.signal,
    async restart() {
      own.abort()
      own = new AbortController()
      await startController().started
    },
    commit: (changes, branch = 'main') => commitFiles(git, changes, { branch, message: `change ${++commits}`, author, time: 1_700_000_000_000 + commits * 1_000 }),
    application: (name, spec = {}, metadata = {}) => api.client.create(Application, {
      apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name, namespace: 'argocd', ...metadata },
      spec: { project: 'default', source: { repoURL, path: name, targetRevision: 'main' }, destination: { server: 'https://kubernetes.default.svc', namespace: 'default' }, syncPolicy: { automated: { prune: true, selfHeal: true }, syncOptions: ['PrunePropagationPolicy=background'] }, ...spec },
    }),
    refresh: async (name) => void (await api.client.patch(Application, name, { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } }, { type: 'merge', namespace: 'argocd' })),
    async until(name, holds) {
      for (let tries = 0; tries < 6_000; tries++) {
        const application = await get(name)
        if (holds(application)) return application
        await sleep(systemClock, 10)
      }
      throw new Error(`Application ${name} did not get there: ${JSON.stringify((await get(name)).status, undefined, 1)}`)
    },
  }
}

export function isSettled({ status }: Application): boolean {
  return status?.sync?.status === 'Synced' && status.health?.status === 'Healthy'
}

async function applyCrds(api: TestApi): Promise<void> {
  for (const name of ['application', 'application-set', 'app-project']) {
    const text = await readFile(new URL(`../chart/files/crds/${name}.yaml`, import.meta.url), 'utf8')
    await api.client.create(CustomResourceDefinition, parseYaml(text) as never)
  }
  for (let tries = 0; tries < 6_000; tries++) {
    const kinds = await Promise.allSettled(['Application', 'ApplicationSet', 'AppProject'].map((kind) => api.client.kindOf('argoproj.io/v1alpha1', kind)))
    if (kinds.every((one) => one.status === 'fulfilled')) return
    await sleep(systemClock, 10)
  }
  throw new Error('the CRDs are not served')
}

async function unsupported(): Promise<never> {
  throw new Error('this test renders directories only')
}
