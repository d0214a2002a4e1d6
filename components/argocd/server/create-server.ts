import { ConfigMap, isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type CacheChange, type Informer } from '@idp/controller'
import type { Handler } from '@idp/http'
import type { Clock, Log, Random } from '@idp/kit'
import { repositoryBook } from '../controllers/repository-book.ts'
import { counter, formatMetrics } from '../engine/metrics.ts'
import { AppProject } from '../kinds/app-project.ts'
import { ApplicationSet } from '../kinds/application-set.ts'
import { Application } from '../kinds/application.ts'
import type { RepoService } from '../repo/repo-service.ts'
import { applicationRoutes, selected, withoutManagedFields } from './application-routes.ts'
import { applicationsDocument, asset, loginDocument } from './page.ts'
import { pageRow } from './page-row.ts'
import { failure, router, type Route } from './router.ts'
import { startSessions, type Sessions } from './sessions.ts'
import { webhookHandler } from './webhook.ts'

export interface ArgoServerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly signal: AbortSignal
  readonly namespace: string
  readonly repo: RepoService
}

export interface ArgoServer { readonly handler: Handler; metricsText(): string }

const version = 'v3.1.8+idp'
const cookieName = 'argocd.token'

/** argocd-server: the API that the argocd command and scripts use, webhooks, and the page. Safe to make again: it creates only what is missing. */
export async function createArgoServer(options: ArgoServerOptions): Promise<ArgoServer> {
  const { client, clock, log, signal, namespace } = options
  const query = { namespace }
  const applications = informer(client, Application, { clock, log, signal, query })
  const secrets = informer(client, Secret, { clock, log, signal, query: { namespace, labelSelector: 'argocd.argoproj.io/secret-type' } })
  const configs = informer(client, ConfigMap, { clock, log, signal, query: { namespace, labelSelector: 'app.kubernetes.io/part-of=argocd' } })
  const main = informer(client, Secret, { clock, log, signal, query: { namespace, fieldSelector: 'metadata.name=argocd-secret' } })
  await Promise.all([applications.synced, secrets.synced, configs.synced, main.synced])
  const sessions = await startSessions(options)
  await ensureDefaultProject(options)
  const book = repositoryBook(() => secrets.cache.list())
  const logins = counter('argocd_login_request_total', 'Number of login requests.')
  const user = (request: Request): string | undefined => userOf(request, sessions)
  const webhook = webhookHandler({
    client, clock, log, namespace, applications: () => applications.cache.list(),
    secret: (name) => Buffer.from(main.cache.get('argocd-secret', namespace)?.data?.[`webhook.${name}.secret`] ?? '', 'base64').toString() || undefined,
  })
  const login = async (username: string, password: string): Promise<string | undefined> => {
    const token = await sessions.login(username, password)
    logins.add({ status: token === undefined ? 'failed' : 'success' })
    return token
  }
  const api = router({
    log, user, otherwise: async (request) => {
      const { pathname } = new URL(request.url)
      return pathname.startsWith('/api/') ? failure(404, 5, 'Not Found') : page(request, user(request), login)
    },
    routes: [
      ...applicationRoutes({ client, clock, namespace, applications, repo: options.repo, accessOf: (url) => book.accessOf(url) }),
      ...listRoutes({ client, namespace, repositories: () => book.all() }),
      { method: 'GET', pattern: '/api/v1/stream/applications', run: ({ request, url }) => applicationStream(applications, url.searchParams, request.signal) },
      { method: 'GET', pattern: '/api/v1/stream/rows', run: ({ request }) => rowStream(applications, request.signal) },
      { method: 'GET', pattern: '/api/v1/session/userinfo', run: (call) => Response.json({ loggedIn: true, username: call.user, iss: 'argocd' }) },
      { method: 'DELETE', pattern: '/api/v1/session', run: ({ request }) => Response.json({}, { headers: { 'set-cookie': cookie('', 0, request) } }) },
    ],
  })
  return {
    metricsText: () => formatMetrics([logins]),
    async handler(request, peer) {
      const { pathname } = new URL(request.url)
      if (pathname === '/healthz') return new Response('ok')
      if (pathname === '/api/version') return Response.json({ Version: version, Platform: `${process.platform}/${process.arch}`, KustomizeVersion: 'idp', HelmVersion: 'idp', KubectlVersion: 'idp' })
      if (pathname === '/api/webhook') return webhook(request, peer)
      if (pathname === '/api/v1/settings') return Response.json(settings(configs.cache.get('argocd-cm', namespace)))
      if (pathname === '/api/v1/session' && request.method === 'POST') return sessionAnswer(request, login)
      return asset(pathname) ?? api(request, peer)
    },
  }
}

/** Upstream's server makes the project `default`, which permits everything, when it is not there. */
async function ensureDefaultProject({ client, namespace }: ArgoServerOptions): Promise<void> {
  const spec = { sourceRepos: ['*'], destinations: [{ server: '*', namespace: '*' }], clusterResourceWhitelist: [{ group: '*', kind: '*' }] }
  try {
    await client.create(AppProject, { apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', metadata: { name: 'default', namespace }, spec })
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
}

function userOf(request: Request, sessions: Sessions): string | undefined {
  const bearer = /^Bearer (.+)$/.exec(request.headers.get('authorization') ?? '')?.[1]
  const fromCookie = new RegExp(`(?:^|; )${cookieName.replace('.', '\\.')}=([^;]+)`).exec(request.headers.get('cookie') ?? '')?.[1]
  const token = bearer ?? fromCookie
  return token === undefined ? undefined : sessions.user(token)
}

/** Secure where the browser came over TLS, which the gateway says; a port-forward is plain. */
function cookie(token: string, seconds: number, request: Request): string {
  const secure = request.headers.get('x-forwarded-proto') === 'https' ? '; Secure' : ''
  return `${cookieName}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
}

type Login = (username: string, password: string) => Promise<string | undefined>

async function sessionAnswer(request: Request, login: Login): Promise<Response> {
  const { username = '', password = '' } = await request.json().catch(() => ({})) as { username?: string; password?: string }
  const token = await login(String(username), String(password))
  if (token === undefined) return failure(401, 16, 'Invalid username or password')
  return Response.json({ token }, { headers: { 'set-cookie': cookie(token, 86_400, request) } })
}

async function page(request: Request, user: string | undefined, login: Login): Promise<Response> {
  const { pathname } = new URL(request.url)
  const to = (path: string, headers: Record<string, string> = {}): Response => new Response(null, { status: 303, headers: { location: path, ...headers } })
  if (pathname === '/login') {
    if (request.method !== 'POST') return loginDocument()
    const form = new URLSearchParams(await request.text())
    const token = await login(form.get('username') ?? '', form.get('password') ?? '')
    return token === undefined ? loginDocument('User or password is wrong, or there were too many attempts.') : to('/applications', { 'set-cookie': cookie(token, 86_400, request) })
  }
  if (user === undefined) return to('/login')
  if (pathname === '/') return to('/applications')
  return pathname === '/applications' ? applicationsDocument() : new Response('not found\n', { status: 404 })
}

interface ListOptions { readonly client: Client; readonly namespace: string; repositories(): readonly { readonly url: string; readonly type?: string; readonly name?: string; readonly project?: string }[] }

function listRoutes({ client, namespace, repositories }: ListOptions): Route[] {
  const clusters = [{ server: 'https://kubernetes.default.svc', name: 'in-cluster', connectionState: { status: 'Successful', message: '' }, config: {}, info: { connectionState: { status: 'Successful' } } }]
  return [
    { method: 'GET', pattern: '/api/v1/projects', run: async () => Response.json(await client.list(AppProject, { namespace })) },
    { method: 'GET', pattern: '/api/v1/projects/{name}', run: async ({ path }) => Response.json(await client.get(AppProject, path['name'] ?? '', { namespace })) },
    { method: 'GET', pattern: '/api/v1/applicationsets', run: async () => Response.json(await client.list(ApplicationSet, { namespace })) },
    { method: 'GET', pattern: '/api/v1/applicationsets/{name}', run: async ({ path }) => Response.json(await client.get(ApplicationSet, path['name'] ?? '', { namespace })) },
    { method: 'GET', pattern: '/api/v1/repositories', run: () => Response.json({ items: repositories().map(({ url, type = 'git', name, project }) => ({ repo: url, type, name, project, connectionState: { status: 'Unknown' } })) }) },
    { method: 'GET', pattern: '/api/v1/clusters', run: () => Response.json({ items: clusters }) },
    { method: 'GET', pattern: '/api/v1/account/can-i/{resource}/{action}/{subresource}', run: () => Response.json({ value: 'yes' }) },
  ]
}

function settings(config: ConfigMap | undefined): object {
  const { data = {} } = config ?? {}
  return { url: data['url'] ?? '', statusBadgeEnabled: data['statusbadge.enabled'] === 'true', dexConfig: {}, oidcConfig: null, help: {}, plugins: [], userLoginsDisabled: data['admin.enabled'] === 'false', kustomizeVersions: [], uiCssURL: '', execEnabled: false, appsInAnyNamespaceEnabled: false, controllerNamespace: config?.metadata.namespace ?? '' }
}

/** Changes as they come: `{"result":{"type","application"}}` a line, or as server-sent events when asked for. */
function applicationStream(applications: Informer<Application>, query: URLSearchParams, signal: AbortSignal): Response {
  return stream(applications, signal, 'application/json', ({ before, after }) => {
    const object = after ?? before
    if (object === undefined || selected([object], query).length === 0) return ''
    const type = after === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED'
    return `${JSON.stringify({ result: { type, application: withoutManagedFields(object) } })}\n`
  })
}

function rowStream(applications: Informer<Application>, signal: AbortSignal): Response {
  return stream(applications, signal, 'text/event-stream', ({ before, after }) => (after === undefined ? `event: gone\ndata: ${JSON.stringify({ name: before?.metadata.name })}\n\n` : `event: row\ndata: ${JSON.stringify(pageRow(after))}\n\n`))
}

function stream(applications: Informer<Application>, signal: AbortSignal, type: string, format: (change: CacheChange<Application>) => string): Response {
  const encoder = new TextEncoder()
  let subscription: Disposable | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      subscription = applications.onChange((change) => {
        const text = format(change)
        if (text !== '') controller.enqueue(encoder.encode(text))
      })
      signal.addEventListener('abort', () => {
        subscription?.[Symbol.dispose]()
        try {
          controller.close()
        } catch (error) {
          // Cancelled by the reader before: it is closed already.
          if (!(error instanceof TypeError)) throw error
        }
      }, { once: true })
    },
    cancel: () => subscription?.[Symbol.dispose](),
  })
  return new Response(body, { headers: { 'content-type': type, 'cache-control': 'no-cache' } })
}

