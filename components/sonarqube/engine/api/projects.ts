import { messageOf } from '@idp/kit'
import { analyse, lastBaseline } from '../analyse.ts'
import { ApiRefusal } from '../api-error.ts'
import { metrics } from '../measures.ts'
import type { Project, Task } from '../state.ts'
import { callWebhooks } from '../webhooks.ts'
import { dateTime, paged, projectOf, type Call, type Routes } from './route.ts'

const shown = ({ key, name, visibility, analyses }: Project) => ({ key, name, qualifier: 'TRK', visibility, ...(analyses[0] === undefined ? {} : { lastAnalysisDate: dateTime(analyses[0].date), ...(analyses[0].revision === undefined ? {} : { revision: analyses[0].revision }) }) })
const matches = (query: string | undefined) => ({ key, name }: Project): boolean => query === undefined || `${key}\n${name}`.toLowerCase().includes(query.toLowerCase())
const shownTask = ({ id, project, status, at, analysis, error }: Task) => ({ id, type: 'REPORT', componentKey: project, status, submittedAt: dateTime(at), executedAt: dateTime(at), ...(analysis === undefined ? {} : { analysisId: analysis }), ...(error === undefined ? {} : { errorMessage: error }), executionTimeMs: 0 })

/** Keys as upstream allows them. */
function checkKey(key: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,400}$/.test(key) || /^\d+$/.test(key)) throw new ApiRefusal(`Malformed key for Project: '${key}'. Allowed characters are alphanumeric, '-', '_', '.' and ':', with at least one non-digit.`)
  if (key === '__proto__') throw new ApiRefusal('that key is reserved')
  return key
}

function create({ params, server: { now, state } }: Call, key: string, name: string): Project {
  const visibility = params.get('visibility') === 'private' ? 'private' : 'public'
  return state.projects[checkKey(key)] = { key, name, visibility, created: now(), issues: [], measures: {}, analyses: [] }
}

export const projectRoutes: Routes = {
  'POST /api/projects/create': {
    async run(call) {
      const { params, server } = call
      const key = params.need('project')
      if (Object.hasOwn(server.state.projects, key)) throw new ApiRefusal(`Could not create Project with key: "${key}". A similar key already exists: "${key}"`)
      const project = create(call, key, params.need('name'))
      await server.save()
      return { project: { key, name: project.name, qualifier: 'TRK', visibility: project.visibility } }
    },
  },
  'POST /api/projects/delete': { async run({ params, server: { save, state } }) { delete state.projects[projectOf(state, params.need('project')).key]; await save() } },
  'GET /api/projects/search': { run({ params, server: { state } }) { const wanted = params.list('projects'); const { items, paging } = paged(Object.values(state.projects).filter(matches(params.get('q'))).filter(({ key }) => wanted === undefined || wanted.includes(key)), params.page()); return { paging, components: items.map(shown) } } },
  'GET /api/components/search': { run({ params, server: { state } }) { const { items, paging } = paged(Object.values(state.projects).filter(matches(params.get('q'))), params.page()); return { paging, components: items.map(shown) } } },
  'GET /api/components/show': { run: ({ params, server: { state } }) => ({ component: shown(projectOf(state, params.need('component'))), ancestors: [] }) },
  'GET /api/project_analyses/search': { run({ params, server: { state } }) { const { items, paging } = paged(projectOf(state, params.need('project')).analyses, params.page()); return { paging, analyses: items.map(({ key, date, version, revision }) => ({ key, date: dateTime(date), projectVersion: version, ...(revision === undefined ? {} : { revision }), events: [] })) } } },
  'GET /api/measures/component': {
    run({ params, server: { state } }) {
      const project = projectOf(state, params.need('component'))
      const wanted = params.need('metricKeys').split(',')
      const unknown = wanted.filter((key) => !metrics.some((metric) => metric.key === key))
      if (unknown.length > 0) throw new ApiRefusal(`The following metric keys are not found: ${unknown.join(', ')}`, 404)
      const since = lastBaseline(project)
      return {
        component: { key: project.key, name: project.name, qualifier: 'TRK', measures: wanted.flatMap((metric) => { const value = project.measures[metric]; return value === undefined ? [] : [metric.startsWith('new_') ? { metric, period: { index: 1, value } } : { metric, value }] }) },
        ...(since === undefined ? {} : { period: { mode: 'PREVIOUS_VERSION', date: dateTime(since) } }),
      }
    },
  },
  // The only way in: upstream's scanners send protobuf archives, which are refused by name below.
  'POST /api/idp/analyses': {
    async run(call) {
      const { params, request, server } = call
      const body = await readJson(request)
      const key = String(body['projectKey'] ?? params.get('projectKey') ?? '')
      const known = Object.hasOwn(server.state.projects, key) ? projectOf(server.state, key) : undefined
      const name = String(body['projectName'] ?? known?.name ?? key)
      const project = known ?? { key: checkKey(key), name, visibility: 'public' as const, created: server.now(), issues: [], measures: {}, analyses: [] }
      const { analysis, gate } = analyse(server.state, project, body as Parameters<typeof analyse>[2], { now: server.now(), newKey: server.newKey })
      project.name = name
      server.state.projects[key] = project
      const task: Task = { id: server.newKey(), project: key, status: 'SUCCESS', at: server.now(), analysis: analysis.key }
      server.state.tasks.unshift(task)
      server.state.tasks.splice(1_000)
      await server.save()
      // The sender does not wait for those who listen.
      callWebhooks(server, project, { task, analysis, gate }).catch((error: unknown) => server.log.error('the webhooks could not all be called', { project: key, error: messageOf(error) }))
      return { taskId: task.id, analysisId: analysis.key, projectKey: key, qualityGate: gate.status }
    },
  },
  'POST /api/ce/submit': { run() { throw new ApiRefusal("this stand-in cannot read the report of sonar-scanner (a zip of protobuf messages): send results in the generic formats to POST /api/idp/analyses") } },
  'GET /api/ce/task': { run({ params, server: { state } }) { const task = state.tasks.find(({ id }) => id === params.need('id')); if (task === undefined) throw new ApiRefusal(`No activity found for task '${params.need('id')}'`, 404); return { task: shownTask(task) } } },
  'GET /api/ce/component': { run({ params, server: { state } }) { const { key } = projectOf(state, params.need('component')); const current = state.tasks.find(({ project }) => project === key); return { queue: [], ...(current === undefined ? {} : { current: shownTask(current) }) } } },
  'GET /api/ce/activity': { run({ params, server: { state } }) { const { items, paging } = paged(state.tasks.filter(({ project }) => params.get('component') === undefined || project === params.get('component')), params.page()); return { tasks: items.map(shownTask), paging } } },
}

async function readJson(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => { throw new ApiRefusal('the body is not JSON') })
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new ApiRefusal('the body must be a JSON object')
  return body as Record<string, unknown>
}
