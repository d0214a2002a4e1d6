import { gateOf, lastBaseline } from '../analyse.ts'
import { ApiRefusal } from '../api-error.ts'
import { metrics } from '../measures.ts'
import { evaluateGate } from '../quality-gate.ts'
import type { Condition, Gate, State, Webhook } from '../state.ts'
import { dateTime, projectOf, type Params, type Routes } from './route.ts'

function gateNamed({ gates }: State, name: string): Gate {
  const gate = gates.find((one) => one.name === name)
  if (gate === undefined) throw new ApiRefusal(`No quality gate has been found for name ${name}`, 404)
  return gate
}

function editable(state: State, name: string): Gate {
  const gate = gateNamed(state, name)
  if (gate.isBuiltIn) throw new ApiRefusal(`Operation forbidden for built-in Quality Gate '${name}'`)
  return gate
}

function readCondition(params: Params, id: string): Condition {
  const metric = params.need('metric')
  if (!metrics.some(({ key, type }) => key === metric && type !== 'LEVEL')) throw new ApiRefusal(`Metric '${metric}' cannot be used to define a condition`)
  const op = params.get('op') ?? 'GT'
  if (op !== 'GT' && op !== 'LT') throw new ApiRefusal("Value of parameter 'op' must be one of: [LT, GT]")
  const error = params.need('error')
  if (Number.isNaN(Number(error))) throw new ApiRefusal(`Invalid value '${error}' for metric '${metric}'`)
  return { id, metric, op, error }
}

const gateWith = (state: State, id: string): Gate => {
  const gate = state.gates.find(({ conditions }) => conditions.some((one) => one.id === id))
  if (gate === undefined) throw new ApiRefusal(`No quality gate condition with id '${id}'`, 404)
  return editable(state, gate.name)
}

const shown = (state: State, { name, isBuiltIn, conditions }: Gate) => ({ name, isDefault: state.defaultGate === name, isBuiltIn, conditions })
const shownHook = ({ key, name, url, secret, latest }: Webhook) => ({ key, name, url, hasSecret: secret !== undefined, ...(latest === undefined ? {} : { latestDelivery: { at: dateTime(latest.at), success: latest.success, httpStatus: latest.httpStatus } }) })

export const gateRoutes: Routes = {
  'GET /api/qualitygates/list': { run: ({ server: { state } }) => ({ qualitygates: state.gates.map((gate) => shown(state, gate)), actions: { create: true } }) },
  'GET /api/qualitygates/show': { run: ({ params, server: { state } }) => shown(state, gateNamed(state, params.need('name'))) },
  'GET /api/qualitygates/get_by_project': { run({ params, server: { state } }) { const { name } = gateOf(state, projectOf(state, params.need('project'))); return { qualityGate: { name, default: name === state.defaultGate } } } },
  'POST /api/qualitygates/create': {
    async run({ params, server: { save, state } }) {
      const name = params.need('name')
      if (state.gates.some((gate) => gate.name === name)) throw new ApiRefusal('Name has already been taken')
      state.gates.push({ name, isBuiltIn: false, conditions: [] })
      await save()
      return { name }
    },
  },
  'POST /api/qualitygates/destroy': {
    async run({ params, server: { save, state } }) {
      const gate = editable(state, params.need('name'))
      if (gate.name === state.defaultGate) throw new ApiRefusal('The default quality gate cannot be removed')
      state.gates.splice(state.gates.indexOf(gate), 1)
      for (const project of Object.values(state.projects)) if (project.gate === gate.name) delete project.gate
      await save()
    },
  },
  'POST /api/qualitygates/create_condition': {
    async run({ params, server: { newKey, save, state } }) {
      const gate = editable(state, params.need('gateName'))
      const condition = readCondition(params, newKey())
      if (gate.conditions.some(({ metric }) => metric === condition.metric)) throw new ApiRefusal(`Condition on metric '${condition.metric}' already exists.`)
      gate.conditions.push(condition)
      await save()
      return condition
    },
  },
  'POST /api/qualitygates/update_condition': { async run({ params, server: { save, state } }) { const id = params.need('id'); const gate = gateWith(state, id); const condition = readCondition(params, id); gate.conditions = gate.conditions.map((one) => (one.id === id ? condition : one)); await save(); return condition } },
  'POST /api/qualitygates/delete_condition': { async run({ params, server: { save, state } }) { const gate = gateWith(state, params.need('id')); gate.conditions = gate.conditions.filter(({ id }) => id !== params.need('id')); await save() } },
  'POST /api/qualitygates/select': { async run({ params, server: { save, state } }) { projectOf(state, params.need('projectKey')).gate = gateNamed(state, params.need('gateName')).name; await save() } },
  'POST /api/qualitygates/deselect': { async run({ params, server: { save, state } }) { delete projectOf(state, params.need('projectKey')).gate; await save() } },
  'POST /api/qualitygates/set_as_default': { async run({ params, server: { save, state } }) { state.defaultGate = gateNamed(state, params.need('name')).name; await save() } },
  'GET /api/qualitygates/project_status': {
    run({ params, server: { state } }) {
      const analysisId = params.get('analysisId')
      const project = analysisId === undefined ? projectOf(state, params.need('projectKey')) : Object.values(state.projects).find(({ analyses }) => analyses.some(({ key }) => key === analysisId))
      if (project === undefined) throw new ApiRefusal(`Analysis with id '${analysisId}' is not found`, 404)
      const [latest] = project.analyses
      if (latest === undefined) return { projectStatus: { status: 'NONE', conditions: [], ignoredConditions: false } }
      const older = analysisId === undefined || analysisId === latest.key ? undefined : project.analyses.find(({ key }) => key === analysisId)
      // Of older analyses the verdict is kept, not the figures.
      if (older !== undefined) return { projectStatus: { status: older.gate, conditions: [], ignoredConditions: false } }
      const since = lastBaseline(project)
      return { projectStatus: { ...evaluateGate(gateOf(state, project), project.measures), ...(since === undefined ? {} : { period: { mode: 'PREVIOUS_VERSION', date: dateTime(since) } }) } }
    },
  },
  'POST /api/webhooks/create': {
    async run({ params, server: { newKey, save, state } }) {
      const url = URL.parse(params.need('url'))
      if (url === null || !['http:', 'https:'].includes(url.protocol)) throw new ApiRefusal(`Url parameter with value '${params.need('url')}' is not a valid url`)
      const project = params.get('project')
      const secret = params.get('secret')
      const hook: Webhook = { key: newKey(), name: params.need('name'), url: url.href, ...(secret === undefined ? {} : { secret }), ...(project === undefined ? {} : { project: projectOf(state, project).key }) }
      state.webhooks.push(hook)
      await save()
      return { webhook: shownHook(hook) }
    },
  },
  'POST /api/webhooks/delete': {
    async run({ params, server: { save, state } }) {
      const index = state.webhooks.findIndex(({ key }) => key === params.need('webhook'))
      if (index < 0) throw new ApiRefusal(`No webhook with key '${params.need('webhook')}'`, 404)
      state.webhooks.splice(index, 1)
      await save()
    },
  },
  'GET /api/webhooks/list': { run: ({ params, server: { state } }) => ({ webhooks: state.webhooks.filter(({ project }) => project === params.get('project')).map(shownHook) }) },
}
