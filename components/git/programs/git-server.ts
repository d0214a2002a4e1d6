import { createHash, timingSafeEqual } from 'node:crypto'
import { gitHttpHandler, type GitPush, type RefUpdate } from '@idp/git'
import type { Handler } from '@idp/http'
import { isCoded, messageOf } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'
import { deliverWebhooks } from './deliver-webhooks.ts'
import { pushEvent } from './push-event.ts'
import { openRepositories, type Repositories } from './repositories.ts'

const none = '0'.repeat(40)

/** The Git server: smart HTTP for one user, push webhooks, a listing. */
export const gitServer: Program = {
  images: ['docker.io/idp/git-server'],
  async main(container) {
    const { env, files, log, net, signal } = container
    const defaultBranch = env['GIT_DEFAULT_BRANCH'] ?? 'main'
    const root = await files.directory(env['GIT_DATA'] ?? '/data')
    await using repositories = await openRepositories(root, defaultBranch)
    const counts = { pushes: 0 }
    const deliveries = new Set<Promise<void>>()
    const git = gitHttpHandler({
      locate: (name, writing) => repositories.locate(name, writing),
      authorize: async (request) => ((await isAllowed(request, container)) ? { user: (await credentials(container)).username } : undefined),
      async pushed(push) {
        counts.pushes++
        log.info('push', { repository: push.repository, refs: push.updates.map((update) => `${update.ref} ${update.after.slice(0, 7)}`) })
        const delivery = announce(push, repositories, container).catch((error: unknown) => log.warn('webhooks failed', { error: messageOf(error) }))
        deliveries.add(delivery)
        void delivery.finally(() => deliveries.delete(delivery))
      },
    })
    await using _listener = await net.listen(8080, { handler: await handler(git, repositories, container, counts) })
    log.info('git-server is listening', { port: 8080, repositories: await repositories.names() })
    await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
    await Promise.all(deliveries)
    return 0
  },
}

async function handler(git: Handler, repositories: Repositories, container: Container, counts: { readonly pushes: number }): Promise<Handler> {
  return async (request, peer) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz') return new Response('ok')
    if (pathname === '/metrics') return new Response(`# HELP git_server_pushes_total Pushes that moved a ref.\n# TYPE git_server_pushes_total counter\ngit_server_pushes_total ${counts.pushes}\n`, { headers: { 'content-type': 'text/plain; version=0.0.4' } })
    if (pathname !== '/' && pathname !== '/api/repositories') return git(request, peer)
    if (!(await isAllowed(request, container))) return new Response('authentication required\n', { status: 401, headers: { 'www-authenticate': 'Basic realm="git"' } })
    return listing(request, await repositories.names(), baseUrl(container))
  }
}

function listing(request: Request, names: readonly string[], url: string): Response {
  const rows = names.map((name) => ({ name, clone_url: `${url}/${name}.git` }))
  const wantsJson = new URL(request.url).pathname !== '/' || (request.headers.get('accept') ?? '').includes('application/json')
  if (wantsJson) return Response.json({ items: rows })
  // Names are letters, digits, dots, dashes and underscores: nothing to escape.
  const items = rows.map(({ name, clone_url }) => `<li><b>${name}</b> <code>git clone ${clone_url}</code></li>`).join('')
  return new Response(`<!doctype html><meta charset="utf-8"><title>Git repositories</title><h1>Git repositories</h1><ul>${items === '' ? '<li>none yet; a push makes one</li>' : items}</ul>`, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'" } })
}

function baseUrl({ env }: Container): string {
  return (env['GIT_URL'] ?? 'http://git-server.git-system.svc.cluster.local').replace(/\/+$/, '')
}

interface Credentials { readonly username: string; readonly password: string }

/** Read for each request: the mounted Secret may change. */
async function credentials({ env, files }: Container): Promise<Credentials> {
  const folder = env['GIT_CREDENTIALS'] ?? '/etc/git-credentials'
  const [username, password] = await Promise.all([files.readText(`${folder}/username`), files.readText(`${folder}/password`)])
  return { username: username.trim(), password: password.trim() }
}

async function isAllowed(request: Request, container: Container): Promise<boolean> {
  const given = /^Basic (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (given === undefined) return false
  try {
    const { username, password } = await credentials(container)
    return password !== '' && same(Buffer.from(given, 'base64').toString(), `${username}:${password}`)
  } catch (error) {
    if (!isCoded(error, 'FileNotFound')) throw error
    container.log.error('the credentials are not there; nobody is let in', { where: error.where })
    return false
  }
}

function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

async function announce({ repository, updates, user }: GitPush, repositories: Repositories, container: Container): Promise<void> {
  const { clock, env, log, net, signal } = container
  const urls = (env['GIT_WEBHOOKS'] ?? '').split(/\s+/).filter((one) => one !== '')
  if (urls.length === 0) return
  const options = { fetch: (url: string, init: RequestInit) => net.fetch(url, init), clock, log, signal, secret: env['GIT_WEBHOOK_SECRET'] }
  for (const update of updates) {
    if (!/^refs\/(heads|tags)\//.test(update.ref)) continue
    const facts = await changes(update, repository, repositories)
    await deliverWebhooks(urls, pushEvent({ repository, url: baseUrl(container), defaultBranch: env['GIT_DEFAULT_BRANCH'] ?? 'main', update, user, ...facts }), options)
  }
}

async function changes({ before, after }: RefUpdate, name: string, repositories: Repositories) {
  const nothing = { added: [], modified: [], removed: [] }
  if (after === none) return { head: undefined, changed: nothing }
  const repository = repositories.open(name)
  const id = await repository.resolveRevision(after)
  const head = await repository.commit(id)
  const changed = before === none ? nothing : { ...nothing, modified: await repository.changedPaths(before, id) }
  return { head, changed }
}
