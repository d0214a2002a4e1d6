import { readFileSync } from 'node:fs'
import type { GitCredentials } from '@idp/git'
import type { JsonObject } from '@idp/formats'
import { CodedError, messageOf, sleep } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'
import { answerCatalog, objectBody } from '../engine/catalog/routes.ts'
import { createCatalog, type Catalog, type ConfiguredLocation, type StoredLocation } from '../engine/catalog/catalog.ts'
import { formatEntityRef } from '../engine/catalog/entity.ts'
import { configAt, configList, configText, readAppConfig } from '../engine/app-config.ts'
import { errorAnswer, thrownAnswer } from '../engine/http-answer.ts'
import { createTasks, type Tasks } from '../engine/scaffolder/tasks.ts'
import { answerScaffolder } from '../engine/scaffolder/routes.ts'
import { createTokens, type Tokens } from '../engine/tokens.ts'
import { clusterEntities, kubernetesObjects, runtimeOf, secretCredentials } from './cluster-entities.ts'
import { gitSource, parseGitPlace, type GitSource } from './git-source.ts'

const assets = Object.fromEntries([['backstage.js', 'text/javascript'], ['pages.js', 'text/javascript'], ['backstage.css', 'text/css']].map(([name = '', type]) => [`/static/${name}`, { type: `${type}; charset=utf-8`, body: readFileSync(new URL(`../web/${name}`, import.meta.url)) }]))
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
const defaultConfig = 'app:\n  title: Backstage\nauth:\n  providers:\n    guest: {}\n'
const everyMs = 30_000

/** Stands in for a Backstage app: software catalog, software templates, and a page for both. */
export const backstage: Program = {
  images: ['ghcr.io/backstage/backstage'],
  async main(container) {
    const { clock, log, net, signal } = container
    const config = await openConfig(container)
    const portal = await openPortal(container, config)
    await using _listener = await net.listen(Number(configText(config, 'backend.listen.port') ?? container.env['APP_CONFIG_backend_listen_port'] ?? 7007), { handler: (request) => answer(request, portal) })
    log.info('Backstage is listening', { locations: configList(config, 'catalog.locations').length })
    while (!signal.aborted) {
      await portal.catalog.refresh().catch((error: unknown) => log.error('the catalog could not be refreshed', { error: messageOf(error) }))
      portal.ready = true
      await sleep(clock, everyMs, signal).catch(() => undefined)
    }
    return 0
  },
}

interface Portal { readonly config: JsonObject; readonly catalog: Catalog; readonly tasks: Tasks; readonly tokens: Tokens; readonly container: Container; readonly cluster: string; ready: boolean }

async function openConfig({ args, env, files, log }: Container): Promise<JsonObject> {
  const names = args.flatMap((arg, index) => (arg === '--config' ? [args[index + 1] ?? ''] : arg.startsWith('--config=') ? [arg.slice(9)] : []))
  const read = await Promise.all(names.map(async (name) => ({ name, text: await files.readText(name.startsWith('/') ? name : `/app/${name}`) })))
  const { config, missing } = readAppConfig(read.length === 0 ? [{ name: 'app-config.yaml', text: defaultConfig }] : read, env)
  if (missing.length > 0) log.warn('the configuration names variables that the environment does not have', { variables: missing.join(', ') })
  return config
}

async function openPortal(container: Container, config: JsonObject): Promise<Portal> {
  const { client, clock, files, log, net, random, signal } = container
  const directory = configText(config, 'backend.workingDirectory') ?? '/var/lib/backstage'
  const git = gitSource({ directory: await files.directory(directory), net, clock, random, signal, credentials: (host) => gitCredentials(container, config, host) })
  const kept = `${directory}/locations.json`
  const stored = await files.exists(kept) ? JSON.parse(await files.readText(kept)) as StoredLocation[] : []
  const owner = configText(config, 'catalog.providers.kubernetes.owner')
  const catalog = createCatalog({
    log, stored, store: (locations) => files.write(kept, JSON.stringify(locations)),
    locations: configList(config, 'catalog.locations').map((one): ConfiguredLocation => { const allow = allowed(one); return { type: String(one['type']), target: String(one['target']), ...(allow === undefined ? {} : { allow }) } }),
    allow: allowed(configAt(config, 'catalog') as JsonObject | undefined ?? {}) ?? ['Component', 'API', 'Location'],
    orphanStrategy: configText(config, 'catalog.orphanStrategy') === 'keep' ? 'keep' : 'delete',
    begin: () => git.forget(), read: (location) => readLocation(container, git, location),
    ...(owner === undefined || client === undefined ? {} : { provide: (described) => clusterEntities(client, owner, described) }),
  })
  const tasks = createTasks({
    clock, random, signal,
    world: {
      catalog, wait: (ms, until) => sleep(clock, ms, until),
      fetch: (url, base) => { const at = placeOf(URL.canParse(url, base) ? new URL(url, base).href : url); return git.folder(at) },
      async publish({ repoUrl, branch, files: published, message, author, allowOverwrite }) {
        const result = await git.commit({ repository: repoUrl, branch, files: published, message, author, mayReplace: (path) => allowOverwrite === true || (Array.isArray(allowOverwrite) && allowOverwrite.includes(path)) })
        return result
      },
    },
  })
  return { config, catalog, tasks, tokens: createTokens({ config, clock }), container, cluster: configText(config, 'kubernetes.clusterName') ?? 'idp', ready: false }
}

const allowed = (of: JsonObject): string[] | undefined => { const rules = configList(of, 'rules'); return rules.length === 0 ? undefined : rules.flatMap((rule) => (Array.isArray(rule['allow']) ? rule['allow'].map(String) : [])) }

/** Of `integrations.git` the entry of the host: user and password, or a Secret that holds them. */
async function gitCredentials({ client }: Container, config: JsonObject, host: string): Promise<GitCredentials | undefined> {
  const entry = configList(config, 'integrations.git').find((one) => one['host'] === host)
  if (entry === undefined) return undefined
  const secret = configText(entry, 'credentialsSecret')
  if (secret !== undefined && client !== undefined) return secretCredentials(client, secret)
  return { username: configText(entry, 'username') ?? '', password: configText(entry, 'password') ?? '' }
}

function placeOf(url: string): NonNullable<ReturnType<typeof parseGitPlace>> {
  const place = parseGitPlace(url)
  if (place === undefined) throw new CodedError({ code: 'InvalidLocation', message: `${url} is not a place in a repository`, remedy: 'Write <repository>/blob/<branch>/<path>' })
  return place
}

async function readLocation({ files, net, signal }: Container, git: GitSource, { type, target }: { readonly type: string; readonly target: string }): Promise<readonly { readonly url: string; readonly text: string }[]> {
  if (type === 'file') return [{ url: target, text: await files.readText(target.startsWith('/') ? target : `/app/${target.replace(/^\.\//, '')}`) }]
  if (type !== 'url') throw new CodedError({ code: 'InvalidLocation', message: `locations of type ${type} are not supported; url and file are` })
  const place = parseGitPlace(target)
  if (place !== undefined) return git.read(place)
  const response = await net.fetch(target, { signal })
  if (!response.ok) throw new CodedError({ code: 'NotFound', message: `${target} answers HTTP ${response.status}` })
  const text = await response.text()
  if (text.length > 5_000_000) throw new CodedError({ code: 'InvalidLocation', message: `${target} is larger than 5 MB` })
  return [{ url: target, text }]
}

async function answer(request: Request, portal: Portal): Promise<Response> {
  const { pathname } = new URL(request.url)
  try {
    const asset = assets[pathname]
    if (asset !== undefined) return new Response(asset.body, { headers: { 'content-type': asset.type, 'cache-control': 'max-age=300', 'x-content-type-options': 'nosniff' } })
    if (pathname === '/healthcheck' || pathname.startsWith('/.backstage/health/v1/')) return Response.json({ status: 'ok' })
    if (pathname.startsWith('/api/')) return await answerApi(request, pathname, portal) ?? errorAnswer(request, 'NotFoundError', `No route ${request.method} ${pathname}`)
    if (request.method !== 'GET' && request.method !== 'HEAD') return errorAnswer(request, 'NotFoundError', `No route ${request.method} ${pathname}`)
    const title = (configText(portal.config, 'app.title') ?? 'Backstage').replace(/[<>&"]/g, '')
    const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}${title.includes('Backstage') ? '' : ' · Backstage'}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/static/backstage.css"><body><noscript>This portal needs JavaScript.</noscript><script type="module" src="/static/backstage.js"></script></body></html>`
    return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy, 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' } })
  } catch (error) {
    return thrownAnswer(request, error)
  }
}

async function answerApi(request: Request, pathname: string, portal: Portal): Promise<Response | undefined> {
  const { catalog, config, container, tasks, tokens } = portal
  const signedIn = pathname.startsWith('/api/auth/') ? await answerAuth(request, pathname, tokens) : undefined
  if (signedIn !== undefined) return signedIn
  const caller = tokens.caller(request)
  if (caller === undefined) return errorAnswer(request, 'AuthenticationError', request.headers.has('authorization') ? 'Illegal token' : 'Missing credentials')
  const [, , plugin = '', ...rest] = pathname.split('/')
  const path = `/${rest.join('/')}`
  const reads = request.method === 'GET' || ['/entities/by-refs', '/validate-entity', '/refresh'].includes(path) || plugin === 'kubernetes'
  if (!reads && !caller.mayWrite) return errorAnswer(request, 'NotAllowedError', `${caller.ref} may read only: sign in with the access token to change something`)
  if (plugin === 'catalog') return answerCatalog(request, path, catalog)
  if (plugin === 'scaffolder' && rest[0] === 'v2') return answerScaffolder(request, path.slice(3), { catalog, tasks, caller, signal: container.signal })
  if (plugin === 'kubernetes') return answerKubernetes(request, rest, portal)
  if (pathname === '/api/app/config') return Response.json({ title: configText(config, 'app.title') ?? 'Backstage', organization: configText(config, 'organization.name') ?? '', user: caller.ref, mayWrite: caller.mayWrite, ready: portal.ready })
  return undefined
}

async function answerAuth(request: Request, pathname: string, tokens: Tokens): Promise<Response | undefined> {
  if (pathname === '/api/auth/.well-known/jwks.json') return Response.json(tokens.jwks())
  if (pathname === '/api/auth/providers') return Response.json(tokens.providers)
  const [, provider] = /^\/api\/auth\/(guest|accessToken)\/refresh$/.exec(pathname) ?? []
  if (provider === undefined) return undefined
  const secret = provider === 'accessToken' && request.method === 'POST' ? (await objectBody(request))['token'] : undefined
  const made = tokens.signIn(provider as 'guest' | 'accessToken', typeof secret === 'string' ? secret : '')
  if (made === undefined) return errorAnswer(request, 'AuthenticationError', provider === 'guest' ? 'The guest provider is not configured' : 'The access token is wrong')
  return Response.json({ backstageIdentity: { token: made.token, expiresInSeconds: made.expiresInSeconds, identity: { type: 'user', userEntityRef: made.ref, ownershipEntityRefs: [made.ref] } }, profile: {} }, { headers: { 'cache-control': 'no-store' } })
}

async function answerKubernetes(request: Request, rest: readonly string[], { catalog, cluster, container }: Portal): Promise<Response | undefined> {
  const { client } = container
  if (client === undefined) return errorAnswer(request, 'NotImplementedError', 'the pod has no service account token')
  if (rest[0] === 'clusters') return Response.json({ items: [{ name: cluster, authProvider: 'serviceAccount' }] })
  if (rest[0] === 'runtime' && request.method === 'GET') {
    const [, kind = '', namespace = '', name = ''] = rest.map(decodeURIComponent)
    const entity = catalog.get(formatEntityRef({ kind, namespace, name }))
    return entity === undefined ? errorAnswer(request, 'NotFoundError', `Entity ${kind}:${namespace}/${name} not found`) : Response.json(await runtimeOf(client, entity))
  }
  if (request.method !== 'POST' || (rest[0] !== 'services' && rest.join('/') !== 'resources/workloads/query')) return undefined
  const body = await objectBody(request)
  // The catalog's own version counts, not what the caller says that the entity's annotations are.
  const asked = typeof body['entityRef'] === 'string' ? body['entityRef'] : ''
  const given = body['entity'] as { kind?: string; metadata?: { namespace?: string; name?: string } } | undefined
  const ref = asked !== '' ? asked.toLowerCase() : formatEntityRef({ kind: given?.kind ?? '', namespace: given?.metadata?.namespace ?? 'default', name: given?.metadata?.name ?? '' })
  const entity = catalog.get(ref)
  return entity === undefined ? errorAnswer(request, 'NotFoundError', `Entity ${ref} not found`) : Response.json(await kubernetesObjects(client, entity, cluster))
}
