import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Informer } from '@idp/controller'
import { parseLabelSelector, matchesRequirements, type AnyObject, type JsonObject } from '@idp/formats'
import { CodedError, sleep, type Clock } from '@idp/kit'
import { sourcesOf, Application, type Operation, type RetryStrategy, type SyncOperationResource } from '../kinds/application.ts'
import type { RepoService, RepositoryAccess } from '../repo/repo-service.ts'
import { resourceTree } from './resource-tree.ts'
import type { Call, Route } from './router.ts'

export interface ApplicationRoutesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly namespace: string
  readonly applications: Informer<Application>
  readonly repo: RepoService
  accessOf(url: string): RepositoryAccess
}

const refreshAnnotation = 'argocd.argoproj.io/refresh'

/** `/api/v1/applications…` as the argocd command and users' scripts know it. */
export function applicationRoutes(options: ApplicationRoutesOptions): Route[] {
  const { client, namespace, applications } = options
  const get = (call: Call): Promise<Application> => client.get(Application, call.path['name'] ?? '', { namespace })
  const live = async (call: Call): Promise<{ kind: Kind<AnyObject>; name: string; at: { namespace?: string } }> => {
    const { group = '', version = 'v1', kind = '', resourceName = '', namespace: within = '' } = Object.fromEntries(call.url.searchParams)
    const app = await get(call)
    const tree = await resourceTree(app, client)
    const isPart = tree.nodes.some((node) => node.kind === kind && (node.group ?? '') === group && node.name === resourceName && (node.namespace ?? '') === within)
    if (!isPart) throw new CodedError({ code: 'NotPartOfApplication', message: `${kind} ${group} ${resourceName} not found as part of application ${app.metadata.name ?? ''}` })
    return { kind: await client.kindOf(group === '' ? version : `${group}/${version}`, kind), name: resourceName, at: within === '' ? {} : { namespace: within } }
  }
  const root = '/api/v1/applications'
  return [
    { method: 'GET', pattern: root, run: ({ url }) => Response.json({ metadata: {}, items: selected(applications.cache.list(), url.searchParams) }) },
    { method: 'POST', pattern: root, run: async (call) => Response.json(await createApplication(await call.json<Application>(), call, options)) },
    { method: 'GET', pattern: `${root}/{name}`, run: async (call) => Response.json(await refreshed(call, options)) },
    { method: 'PUT', pattern: `${root}/{name}`, run: async (call) => Response.json(await client.update(Application, { ...(await call.json<Application>()), apiVersion: 'argoproj.io/v1alpha1', kind: 'Application' }, { namespace })) },
    { method: 'PUT', pattern: `${root}/{name}/spec`, run: async (call) => {
      const app = await get(call)
      return Response.json((await client.update(Application, { ...app, spec: await call.json() })).spec)
    } },
    { method: 'PATCH', pattern: `${root}/{name}`, run: async (call) => {
      const { patch = '{}', patchType } = await call.json<{ patch?: string; patchType?: string }>()
      return Response.json(await client.patch(Application, call.path['name'] ?? '', JSON.parse(patch) as JsonObject, { namespace, type: patchType === 'merge' ? 'merge' : 'json' }))
    } },
    { method: 'DELETE', pattern: `${root}/{name}`, run: async (call) => {
      await deleteApplication(await get(call), call.url.searchParams, options)
      return Response.json({})
    } },
    { method: 'POST', pattern: `${root}/{name}/sync`, run: async (call) => Response.json(await startSync(await get(call), await call.json<SyncRequest>(), call.user, options)) },
    { method: 'POST', pattern: `${root}/{name}/rollback`, run: async (call) => Response.json(await rollback(await get(call), await call.json(), call.user, options)) },
    { method: 'DELETE', pattern: `${root}/{name}/operation`, run: async (call) => {
      const app = await get(call)
      if (app.status?.operationState?.phase !== 'Running') throw new CodedError({ code: 'NoOperation', message: 'Unable to terminate operation. No operation is in progress' })
      await client.patch(Application, app.metadata.name ?? '', { status: { operationState: { phase: 'Terminating' } } }, { namespace, type: 'merge' })
      return Response.json({})
    } },
    { method: 'GET', pattern: `${root}/{name}/resource-tree`, run: async (call) => Response.json(await resourceTree(await get(call), client)) },
    { method: 'GET', pattern: `${root}/{name}/managed-resources`, run: async (call) => Response.json({ items: await managedResources(await get(call), client) }) },
    { method: 'GET', pattern: `${root}/{name}/manifests`, run: async (call) => Response.json(await manifests(await get(call), call.url.searchParams, options)) },
    { method: 'GET', pattern: `${root}/{name}/syncwindows`, run: () => Response.json({ canSync: true }) },
    { method: 'GET', pattern: `${root}/{name}/events`, run: async (call) => {
      const app = await get(call)
      const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${encodeURIComponent(`involvedObject.uid=${app.metadata.uid ?? ''}`)}`
      return new Response((await client.request(path)).body, { headers: { 'content-type': 'application/json' } })
    } },
    { method: 'GET', pattern: `${root}/{name}/revisions/{revision}/metadata`, run: async (call) => {
      const [source] = sourcesOf((await get(call)).spec)
      if (source === undefined) throw new CodedError({ code: 'NoSource', message: 'the application has no source' })
      return Response.json(await options.repo.revisionMetadata({ repository: options.accessOf(source.repoURL), revision: call.path['revision'] ?? '' }))
    } },
    { method: 'GET', pattern: `${root}/{name}/resource`, run: async (call) => {
      const { kind, name, at } = await live(call)
      return Response.json({ manifest: JSON.stringify(hideSecret(await client.get(kind, name, at))) })
    } },
    { method: 'DELETE', pattern: `${root}/{name}/resource`, run: async (call) => {
      const { kind, name, at } = await live(call)
      await client.delete(kind, name, { ...at, propagationPolicy: call.url.searchParams.get('orphan') === 'true' ? 'Orphan' : 'Foreground' })
      return Response.json({})
    } },
  ]
}

/** Applications by the filters of the list call: `name`, `projects`, `selector`, `repo`. */
export function selected(all: readonly Application[], query: URLSearchParams): Application[] {
  const [name, repo, selector] = ['name', 'repo', 'selector'].map((key) => query.get(key) ?? '')
  const projects = [...query.getAll('projects'), ...query.getAll('project')]
  const requirements = selector === '' || selector === undefined ? undefined : parseLabelSelector(selector)
  return all.filter((app) => (name === '' || app.metadata.name === name) && (projects.length === 0 || projects.includes(app.spec.project))
    && (repo === '' || sourcesOf(app.spec).some((one) => one.repoURL === repo)) && (requirements === undefined || matchesRequirements(requirements, app.metadata.labels ?? {})))
    .map(withoutManagedFields).sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
}

export function withoutManagedFields(app: Application): Application {
  const { managedFields: _dropped, ...metadata } = app.metadata
  return { ...app, metadata }
}

async function createApplication(body: Application, { url }: Call, { client, namespace }: ApplicationRoutesOptions): Promise<Application> {
  const object = { ...body, apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { ...body.metadata, namespace } }
  try {
    return await client.create(Application, object)
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists') || url.searchParams.get('upsert') !== 'true') throw error
    const live = await client.get(Application, object.metadata.name ?? '', { namespace })
    return client.update(Application, { ...live, spec: object.spec, metadata: { ...live.metadata, ...(object.metadata.labels === undefined ? {} : { labels: object.metadata.labels }) } })
  }
}

/** `?refresh=normal|hard` asks the controller to look at Git and waits (up to a minute) until it has. */
async function refreshed({ path, url }: Call, { client, clock, namespace }: ApplicationRoutesOptions): Promise<Application> {
  const name = path['name'] ?? ''
  const wish = url.searchParams.get('refresh')
  if (wish === null || wish === '' || wish === 'false') return withoutManagedFields(await client.get(Application, name, { namespace }))
  await client.patch(Application, name, { metadata: { annotations: { [refreshAnnotation]: wish === 'hard' ? 'hard' : 'normal' } } }, { namespace, type: 'merge' })
  for (let tries = 0; tries < 600; tries++) {
    const app = await client.get(Application, name, { namespace })
    if (app.metadata.annotations?.[refreshAnnotation] === undefined) return withoutManagedFields(app)
    await sleep(clock, 100)
  }
  throw new CodedError({ code: 'RefreshTimedOut', message: `the application controller has not refreshed ${name} within a minute`, remedy: 'Look at the pods of StatefulSet argocd-application-controller' })
}

async function deleteApplication(app: Application, query: URLSearchParams, { client, namespace }: ApplicationRoutesOptions): Promise<void> {
  const cascade = query.get('cascade') !== 'false'
  const others = (app.metadata.finalizers ?? []).filter((one) => !one.startsWith('resources-finalizer.argocd.argoproj.io'))
  const suffix = query.get('propagationPolicy') === 'background' ? '/background' : ''
  const finalizers = cascade ? [...others, `resources-finalizer.argocd.argoproj.io${suffix}`] : others
  const name = app.metadata.name ?? ''
  if (finalizers.join() !== (app.metadata.finalizers ?? []).join()) await client.patch(Application, name, { metadata: { finalizers } }, { namespace, type: 'merge' })
  await client.delete(Application, name, { namespace })
}

interface SyncRequest {
  revision?: string
  revisions?: string[]
  prune?: boolean
  dryRun?: boolean
  strategy?: NonNullable<Operation['sync']>['syncStrategy']
  resources?: SyncOperationResource[]
  syncOptions?: { items?: string[] }
  retryStrategy?: RetryStrategy
  infos?: { name: string; value: string }[]
}

async function startSync(app: Application, body: SyncRequest, user: string, { client, namespace }: ApplicationRoutesOptions): Promise<Application> {
  if (app.operation !== undefined || app.status?.operationState?.phase === 'Running') throw new CodedError({ code: 'OperationInProgress', message: 'another operation is already in progress', remedy: 'Wait for it, or terminate it' })
  const options = body.syncOptions?.items ?? app.spec.syncPolicy?.syncOptions
  const operation: Operation = {
    sync: {
      ...(body.revision === undefined || body.revision === '' ? {} : { revision: body.revision }), ...(body.revisions === undefined ? {} : { revisions: body.revisions }), prune: body.prune === true,
      ...(body.dryRun === true ? { dryRun: true } : {}), ...(body.strategy === undefined || body.strategy === null ? {} : { syncStrategy: body.strategy }),
      ...(body.resources === undefined || body.resources === null ? {} : { resources: body.resources }), ...(options === undefined ? {} : { syncOptions: options }),
    },
    initiatedBy: { username: user }, ...(body.retryStrategy === undefined || body.retryStrategy === null ? {} : { retry: body.retryStrategy }), ...(body.infos === undefined || body.infos === null ? {} : { info: body.infos }),
  }
  return withoutManagedFields(await client.patch(Application, app.metadata.name ?? '', { operation } as unknown as JsonObject, { namespace, type: 'merge' }))
}

async function rollback(app: Application, { id, prune, dryRun }: { id?: number | string; prune?: boolean; dryRun?: boolean }, user: string, options: ApplicationRoutesOptions): Promise<Application> {
  if (app.spec.syncPolicy?.automated !== undefined) throw new CodedError({ code: 'AutoSyncEnabled', message: 'rollback cannot be initiated when auto-sync is enabled', remedy: 'Turn automated sync off first, or revert the commit' })
  const row = app.status?.history?.find((one) => one.id === Number(id))
  if (row === undefined) throw new CodedError({ code: 'NoSuchDeployment', message: `application ${app.metadata.name ?? ''} does not have deployment with id ${String(id)}` })
  const operation: Operation = { sync: { ...(row.revision === undefined ? {} : { revision: row.revision }), ...(row.revisions === undefined ? {} : { revisions: row.revisions }), ...(row.source === undefined ? {} : { source: row.source }), prune: prune === true, dryRun: dryRun === true }, initiatedBy: { username: user } }
  return withoutManagedFields(await options.client.patch(Application, app.metadata.name ?? '', { operation } as unknown as JsonObject, { namespace: options.namespace, type: 'merge' }))
}

async function managedResources(app: Application, client: Client): Promise<JsonObject[]> {
  return Promise.all((app.status?.resources ?? []).map(async ({ group = '', version = 'v1', kind, namespace = '', name }) => {
    const live = await client.kindOf(group === '' ? version : `${group}/${version}`, kind)
      .then((found) => client.get(found, name, namespace === '' ? {} : { namespace })).catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return undefined
        throw error
      })
    return { group, kind, namespace, name, liveState: live === undefined ? 'null' : JSON.stringify(hideSecret(live)) }
  }))
}

async function manifests(app: Application, query: URLSearchParams, { repo, accessOf }: ApplicationRoutesOptions): Promise<JsonObject> {
  const all: string[] = []
  let revision = ''
  for (const source of sourcesOf(app.spec)) {
    if (source.path === undefined && source.chart === undefined) continue
    const wish = query.get('revision')
    const made = await repo.manifests({
      repository: accessOf(source.repoURL), source, application: app.metadata.name ?? '', namespace: app.spec.destination.namespace ?? '', kubeVersion: '1.33.0', apiVersions: [],
      kustomizeBuildOptions: '--enable-helm', ...(wish === null || wish === '' ? {} : { revision: wish }),
    })
    revision = made.revision
    for (const object of made.manifests ?? []) all.push(JSON.stringify(hideSecret(object)))
  }
  return { manifests: all, revision, namespace: app.spec.destination.namespace ?? '', server: app.spec.destination.server ?? '' }
}

/** Values of Secrets never leave the server. */
function hideSecret(object: AnyObject): AnyObject {
  if (object.kind !== 'Secret' || object.apiVersion !== 'v1') return object
  const hidden = (field: unknown): unknown => (field === null || typeof field !== 'object' ? field : Object.fromEntries(Object.keys(field).map((key) => [key, '++++++++'])))
  const { annotations, ...metadata } = object.metadata
  const kept = Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration'))
  return { ...object, metadata: { ...metadata, annotations: kept }, ...(object['data'] === undefined ? {} : { data: hidden(object['data']) }), ...(object['stringData'] === undefined ? {} : { stringData: hidden(object['stringData']) }) }
}

