import { readFileSync } from 'node:fs'
import { ConfigMap } from '@idp/api'
import { informer } from '@idp/controller'
import { parseYaml } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Container, type Program } from '@idp/sandbox'
import { answerGrafana, type GrafanaState } from '../engine/grafana/api.ts'
import { readDashboard, readDataSources, type DataSource, type StoredDashboard } from '../engine/grafana/dashboards.ts'
import { createSessions, type Sessions } from '../engine/grafana/sessions.ts'

const assets = Object.fromEntries([['grafana.js', 'text/javascript'], ['grafana.css', 'text/css']].map(([name = '', type]) => [`/public/${name}`, { type: `${type}; charset=utf-8`, body: readFileSync(new URL(`../web/${name}`, import.meta.url)) }]))
const shell = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Grafana</title><link rel="stylesheet" href="/public/grafana.css"><body><script type="module" src="/public/grafana.js"></script></body></html>'
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'"

/** Stands in for Grafana: dashboards and data sources from labelled ConfigMaps, its HTTP API, pages that draw dashboards. */
export const grafana: Program = {
  images: ['docker.io/grafana/grafana', 'grafana/grafana'],
  async main(container) {
    const { clock, env, log, net, random, signal } = container
    const user = env['GF_SECURITY_ADMIN_USER'] ?? 'admin'
    const sessions = createSessions({ user, password: env['GF_SECURITY_ADMIN_PASSWORD'] ?? '', clock, random })
    if ((env['GF_SECURITY_ADMIN_PASSWORD'] ?? '') === '') log.warn('GF_SECURITY_ADMIN_PASSWORD is empty: nobody can sign in')
    const state = await openState(container, user)
    await using _listener = await net.listen(Number(env['GF_SERVER_HTTP_PORT'] ?? 3000), { handler: (request) => answer(request, sessions, state) })
    log.info('Grafana is listening', { dashboards: state.dashboards().size, datasources: state.dataSources().length })
    await untilAborted(signal)
    return 0
  },
}

async function openState(container: Container, user: string): Promise<GrafanaState> {
  const { client, clock, env, files, log, net, pod, signal } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const data = env['GF_PATHS_DATA'] ?? '/var/lib/grafana'
  const saved = new Map<string, StoredDashboard>()
  const keptFile = `${data}/dashboards.json`
  if (await files.exists(keptFile)) for (const one of JSON.parse(await files.readText(keptFile)) as StoredDashboard[]) saved.set(one.dashboard.uid, one)
  const keep = (): Promise<void> => files.write(keptFile, JSON.stringify([...saved.values()]))
  const label = (name: string) => informer<ConfigMap>(client, ConfigMap, { clock, log, signal, query: { labelSelector: name } })
  const [boards, sources] = [label(env['GF_SIDECAR_DASHBOARD_LABEL'] ?? 'grafana_dashboard'), label(env['GF_SIDECAR_DATASOURCE_LABEL'] ?? 'grafana_datasource')]
  await Promise.all([boards.synced, sources.synced])
  const read = <T>(map: ConfigMap, name: string, text: string, each: (text: string, where: string) => T): T | undefined => {
    const where = `ConfigMap ${map.metadata.namespace}/${map.metadata.name}: ${name}`
    try {
      return each(text, where)
    } catch (error) {
      log.error('a provisioned file could not be read', { where, error: messageOf(error) })
      return undefined
    }
  }
  // Read again when something has changed, not for each request.
  let provisioned: ReadonlyMap<string, StoredDashboard> | undefined
  let dataSources: readonly DataSource[] | undefined
  boards.onChange(() => { provisioned = undefined })
  sources.onChange(() => { dataSources = undefined })
  return {
    user, now: () => clock.now(), fetch: (url, init) => net.fetch(url, { ...init, signal }),
    dashboards: () => new Map([...saved, ...provisioned ??= new Map(boards.cache.list().flatMap((map) => Object.entries(map.data ?? {}).flatMap(([name, text]) => {
      const dashboard = read(map, name, text, (json, where) => readDashboard(JSON.parse(json), where))
      return dashboard === undefined ? [] : [[dashboard.uid, { dashboard, folder: map.metadata.annotations?.['grafana_folder'] ?? '', provisioned: true }] as const]
    })))]),
    dataSources: () => dataSources ??= sources.cache.list().flatMap((map) => Object.entries(map.data ?? {}).flatMap(([name, text]) => read(map, name, text, (yaml, where) => readDataSources(parseYaml(yaml, { source: where }), where)) ?? [])),
    async save(one) { saved.set(one.dashboard.uid, one); await keep() },
    async remove(uid) { saved.delete(uid); await keep() },
  }
}

async function answer(request: Request, sessions: Sessions, state: GrafanaState): Promise<Response> {
  const { pathname } = new URL(request.url)
  const asset = assets[pathname]
  if (asset !== undefined) return new Response(asset.body, { headers: { 'content-type': asset.type, 'cache-control': 'max-age=300' } })
  if (pathname === '/api/health') return Response.json({ database: 'ok', version: '12.1.1', commit: 'idp' })
  if (pathname === '/metrics') return new Response(`# HELP grafana_stat_totals_dashboard total amount of dashboards\n# TYPE grafana_stat_totals_dashboard gauge\ngrafana_stat_totals_dashboard ${state.dashboards().size}\n# HELP grafana_build_info A metric with a constant 1 value labeled by version.\n# TYPE grafana_build_info gauge\ngrafana_build_info{version="12.1.1",edition="idp stand-in"} 1\n`, { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
  if (pathname === '/login' && request.method === 'POST') {
    const { user = '', password = '' } = await request.json() as { user?: string; password?: string }
    const cookie = sessions.signIn(user, password)
    return cookie === undefined ? Response.json({ message: 'Invalid username or password', messageId: 'password-auth.failed' }, { status: 401 }) : Response.json({ message: 'Logged in', redirectUrl: '/' }, { headers: { 'set-cookie': cookie } })
  }
  if (pathname === '/logout') {
    sessions.signOut(request)
    return new Response(null, { status: 302, headers: { location: '/login', 'set-cookie': 'grafana_session=; Path=/; Max-Age=0' } })
  }
  const signedIn = sessions.isSignedIn(request)
  if (pathname.startsWith('/api/')) {
    if (!signedIn) return Response.json({ message: 'Unauthorized', messageId: 'auth.unauthorized', statusCode: 401, traceID: '' }, { status: 401 })
    return await answerGrafana(request, state) ?? Response.json({ message: 'Not found' }, { status: 404 })
  }
  if (!signedIn && pathname !== '/login') return new Response(null, { status: 302, headers: { location: `/login` } })
  return new Response(shell, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy } })
}
