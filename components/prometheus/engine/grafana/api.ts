import { CodedError, messageOf } from '@idp/kit'
import { readDashboard, slugOf, type DataSource, type StoredDashboard } from './dashboards.ts'

export interface GrafanaState {
  readonly dashboards: () => ReadonlyMap<string, StoredDashboard>
  readonly save: (dashboard: StoredDashboard) => Promise<void>
  readonly remove: (uid: string) => Promise<void>
  readonly dataSources: () => readonly DataSource[]
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly user: string
  readonly now: () => number
}

interface Asked { readonly request: Request; readonly url: URL; readonly state: GrafanaState; readonly rest: readonly string[] }
type Page = (asked: Asked) => unknown

const notFound = (message: string): Response => Response.json({ message, messageId: 'notFound', statusCode: 404 }, { status: 404 })

/** Answers `/api/…` for a user who is signed in. Undefined: no such page. */
export async function answerGrafana(request: Request, state: GrafanaState): Promise<Response | undefined> {
  const url = new URL(request.url)
  for (const [method, pattern, page] of pages) {
    const rest = method === request.method || method === '*' ? pattern.exec(url.pathname) : null
    if (rest === null) continue
    try {
      const answer = await page({ request, url, state, rest: rest.slice(1).map((part) => decodeURIComponent(part ?? '')) })
      return answer instanceof Response ? answer : Response.json(answer)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      return Response.json({ message: messageOf(error) }, { status: 400 })
    }
  }
  return undefined
}

const pages: readonly (readonly [method: string, pattern: RegExp, page: Page])[] = [
  ['GET', /^\/api\/org$/, () => ({ id: 1, name: 'Main Org.' })],
  ['GET', /^\/api\/user$/, ({ state }) => ({ id: 1, login: state.user, email: '', name: state.user, isGrafanaAdmin: true, orgId: 1 })],
  ['GET', /^\/api\/frontend\/settings$/, ({ state }) => ({ buildInfo: { version: '12.1.1', edition: 'idp stand-in' }, datasources: Object.fromEntries(state.dataSources().map((one) => [one.name, one])) })],
  ['GET', /^\/api\/datasources$/, ({ state }) => state.dataSources().map((one, index) => ({ id: index + 1, orgId: 1, readOnly: true, ...one }))],
  ['GET', /^\/api\/datasources\/(?:uid|name)\/([^/]+)$/, ({ state, rest: [name = ''] }) => dataSource(state, name) ?? notFound('Data source not found')],
  ['GET', /^\/api\/datasources\/uid\/([^/]+)\/health$/, ({ state, rest: [uid = ''] }) => health(state, uid)],
  ['*', /^\/api\/datasources\/(?:proxy\/uid\/([^/]+)|uid\/([^/]+)\/resources)\/(.*)$/, ({ request, url, state, rest: [proxied = '', resources = '', path = ''] }) => proxy(state, proxied === '' ? resources : proxied, path, url.search, request)],
  ['POST', /^\/api\/ds\/query$/, ({ request, state }) => dsQuery(request, state)],
  ['GET', /^\/api\/search$/, ({ url, state }) => search(url.searchParams, state)],
  ['GET', /^\/api\/folders$/, ({ state }) => [...new Set([...state.dashboards().values()].map(({ folder }) => folder))].filter((folder) => folder !== '').map((title) => ({ uid: slugOf(title), title }))],
  ['GET', /^\/api\/dashboards\/uid\/([^/]+)$/, ({ state, rest: [uid = ''] }) => {
    const found = state.dashboards().get(uid)
    return found === undefined ? notFound('Dashboard not found') : { meta: { slug: slugOf(found.dashboard.title), url: `/d/${uid}/${slugOf(found.dashboard.title)}`, folderTitle: found.folder, provisioned: found.provisioned, canEdit: !found.provisioned }, dashboard: found.dashboard }
  }],
  ['POST', /^\/api\/dashboards\/db$/, ({ request, state }) => saveDashboard(request, state)],
  ['DELETE', /^\/api\/dashboards\/uid\/([^/]+)$/, async ({ state, rest: [uid = ''] }) => {
    const found = state.dashboards().get(uid)
    if (found === undefined) return notFound('Dashboard not found')
    if (found.provisioned) throw new CodedError({ code: 'Provisioned', message: 'provisioned dashboard cannot be deleted' })
    await state.remove(uid)
    return { title: found.dashboard.title, message: `Dashboard ${found.dashboard.title} deleted` }
  }],
]

const dataSource = (state: GrafanaState, name: string): DataSource | undefined => state.dataSources().find((one) => one.uid === name || one.name === name)

function search(query: URLSearchParams, state: GrafanaState): unknown {
  const text = (query.get('query') ?? '').toLowerCase()
  const tags = query.getAll('tag')
  return [...state.dashboards().values()].filter(({ dashboard: { title, tags: own = [] } }) => title.toLowerCase().includes(text) && tags.every((tag) => own.includes(tag))).sort((a, b) => (a.dashboard.title < b.dashboard.title ? -1 : 1))
    .map(({ dashboard: { uid, title, tags: own = [] }, folder }) => ({ uid, title, uri: `db/${slugOf(title)}`, url: `/d/${uid}/${slugOf(title)}`, type: 'dash-db', tags: own, folderTitle: folder }))
}

async function saveDashboard(request: Request, state: GrafanaState): Promise<unknown> {
  const { dashboard: given, overwrite = false } = await request.json() as { dashboard?: unknown; overwrite?: boolean }
  const dashboard = readDashboard(given, 'request')
  const known = state.dashboards().get(dashboard.uid)
  if (known?.provisioned === true) throw new CodedError({ code: 'Provisioned', message: 'Cannot save provisioned dashboard' })
  if (known !== undefined && !overwrite && known.dashboard['version'] !== dashboard['version']) return Response.json({ message: 'The dashboard has been changed by someone else', status: 'version-mismatch' }, { status: 412 })
  const version = Number(known?.dashboard['version'] ?? 0) + 1
  await state.save({ dashboard: { ...dashboard, version }, folder: known?.folder ?? '', provisioned: false })
  return { uid: dashboard.uid, slug: slugOf(dashboard.title), url: `/d/${dashboard.uid}/${slugOf(dashboard.title)}`, status: 'success', version }
}

async function proxy(state: GrafanaState, uid: string, path: string, search: string, request: Request): Promise<Response> {
  const found = dataSource(state, uid)
  if (found === undefined) return notFound('Unable to find datasource')
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : await request.text()
  const type = request.headers.get('content-type')
  const answer = await state.fetch(`${found.url}/${path}${search}`, { method: request.method, headers: type === null ? {} : { 'content-type': type }, ...(body === undefined ? {} : { body }) })
  return new Response(answer.body, { status: answer.status, headers: { 'content-type': answer.headers.get('content-type') ?? 'application/json' } })
}

const probes: Readonly<Record<string, { readonly path: string; readonly said: string }>> = {
  prometheus: { path: '/api/v1/query?query=1%2B1', said: 'Successfully queried the Prometheus API.' }, loki: { path: '/loki/api/v1/labels', said: 'Data source successfully connected.' }, alertmanager: { path: '/api/v2/status', said: 'Health check passed.' },
}

async function health(state: GrafanaState, uid: string): Promise<Response> {
  const found = dataSource(state, uid)
  if (found === undefined) return notFound('Data source not found')
  const probe = probes[found.type]
  if (probe === undefined) return Response.json({ status: 'ERROR', message: `data sources of type ${JSON.stringify(found.type)} are not supported by the stand-in` }, { status: 400 })
  try {
    const answer = await state.fetch(`${found.url}${probe.path}`)
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`${found.url} answered ${answer.status}`)
    return Response.json({ status: 'OK', message: probe.said })
  } catch (error) {
    return Response.json({ status: 'ERROR', message: messageOf(error) }, { status: 400 })
  }
}

interface DsQuery { refId?: string; datasource?: { uid?: string }; expr?: string; instant?: boolean; range?: boolean; intervalMs?: number; maxLines?: number }
interface Frame { readonly schema: unknown; readonly data: { readonly values: readonly unknown[] } }

/** `/api/ds/query`: expressions of Prometheus and Loki as data frames. */
async function dsQuery(request: Request, state: GrafanaState): Promise<Response> {
  const { queries = [], from = 'now-1h', to = 'now' } = await request.json() as { queries?: DsQuery[]; from?: string; to?: string }
  const now = state.now()
  const [start, end] = [timeOf(from, now), timeOf(to, now)]
  const results: Record<string, unknown> = {}
  for (const query of queries) {
    const found = dataSource(state, query.datasource?.uid ?? '') ?? state.dataSources().find(({ isDefault }) => isDefault)
    try {
      if (found === undefined) throw new CodedError({ code: 'NoDataSource', message: 'data source not found' })
      results[query.refId ?? 'A'] = { status: 200, frames: await framesOf(found, query, start, end, state) }
    } catch (error) {
      results[query.refId ?? 'A'] = { status: 400, error: messageOf(error), frames: [] }
    }
  }
  return Response.json({ results })
}

function timeOf(text: string, now: number): number {
  const [, amount, unit = ''] = /^now(?:-(\d+)([smhdw]))?$/.exec(text) ?? []
  if (text.startsWith('now')) return now - Number(amount ?? 0) * ({ s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }[unit] ?? 0)
  return Number(text)
}

async function framesOf({ type, url }: DataSource, query: DsQuery, start: number, end: number, state: GrafanaState): Promise<Frame[]> {
  const step = Math.max(1, Math.ceil(Math.max(query.intervalMs ?? 0, (end - start) / 1000) / 1000))
  const base = type === 'loki' ? `${url}/loki/api/v1` : `${url}/api/v1`
  const instant = query.instant === true && query.range !== true
  const parameters = new URLSearchParams(instant ? { query: query.expr ?? '', time: String(end / 1000) } : { query: query.expr ?? '', start: String(start / 1000), end: String(end / 1000), step: String(step), ...(type === 'loki' ? { limit: String(query.maxLines ?? 1000) } : {}) })
  const answer = await state.fetch(`${base}/${instant ? 'query' : 'query_range'}?${parameters}`)
  const text = await answer.text()
  if (!answer.ok) throw new CodedError({ code: 'QueryFailed', message: text.slice(0, 500) })
  const { data } = JSON.parse(text) as { data: { resultType: string; result: { metric?: Record<string, string>; stream?: Record<string, string>; value?: [number, string]; values?: [number | string, string][] }[] } }
  return data.result.map(({ metric, stream, value, values = value === undefined ? [] : [value] }) => {
    const labels = metric ?? stream ?? {}
    const lines = data.resultType === 'streams'
    return {
      schema: { refId: query.refId ?? 'A', name: labels['__name__'] ?? '', fields: [{ name: 'Time', type: 'time' }, { name: lines ? 'Line' : 'Value', type: lines ? 'string' : 'number', labels }] },
      data: { values: [values.map(([at]) => (lines ? Math.floor(Number(at) / 1e6) : Number(at) * 1000)), values.map(([, one]) => (lines ? one : Number(one)))] },
    }
  })
}
