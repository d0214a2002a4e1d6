import { gateOf, lastBaseline } from '../analyse.ts'
import { ApiRefusal } from '../api-error.ts'
import { evaluateGate } from '../quality-gate.ts'
import { issueMeasures } from '../measures.ts'
import { isOpen } from '../track-issues.ts'
import type { Issue, IssueStatus, Project, State } from '../state.ts'
import { dateTime, paged, projectOf, type Routes } from './route.ts'

const oldStatus: Readonly<Record<IssueStatus, { status: string; resolution?: string }>> = { OPEN: { status: 'OPEN' }, CONFIRMED: { status: 'CONFIRMED' }, FALSE_POSITIVE: { status: 'RESOLVED', resolution: 'FALSE-POSITIVE' }, ACCEPTED: { status: 'RESOLVED', resolution: 'WONTFIX' }, FIXED: { status: 'CLOSED', resolution: 'FIXED' } }
const transitions: Readonly<Record<string, IssueStatus>> = { confirm: 'CONFIRMED', unconfirm: 'OPEN', reopen: 'OPEN', falsepositive: 'FALSE_POSITIVE', accept: 'ACCEPTED', wontfix: 'ACCEPTED' }

const shown = (project: Project, { key, rule, type, severity, path, line, message, effortMinutes, created, updated, status }: Issue) => ({
  key, rule, type, severity, component: `${project.key}:${path}`, project: project.key, ...(line === undefined ? {} : { line, textRange: { startLine: line, endLine: line } }), message,
  ...oldStatus[status], issueStatus: status, effort: `${effortMinutes}min`, creationDate: dateTime(created), updateDate: dateTime(updated), tags: [],
})

/** Measures and gate of a project after somebody decided about an issue. */
function judgeAgain(state: State, project: Project): void {
  const ncloc = project.measures['ncloc']
  const kept = Object.entries(project.measures).filter(([key]) => key !== 'alert_status')
  const measures = { ...Object.fromEntries(kept), ...issueMeasures(project.issues, { ncloc: ncloc === undefined ? undefined : Number(ncloc), since: lastBaseline(project) }) }
  project.measures = { ...measures, alert_status: evaluateGate(gateOf(state, project), measures).status }
}

export const issueRoutes: Routes = {
  'GET /api/issues/search': {
    run({ params, server: { state } }) {
      const keys = params.list('componentKeys') ?? params.list('components') ?? params.list('projects')
      const projects = keys === undefined ? Object.values(state.projects) : keys.map((key) => projectOf(state, key))
      const [types, severities, statuses, rules, resolved] = [params.list('types'), params.list('severities'), params.list('issueStatuses') ?? params.list('statuses'), params.list('rules'), params.get('resolved')]
      const wantsNew = params.get('inNewCodePeriod') === 'true' || params.get('sinceLeakPeriod') === 'true'
      const all = projects.flatMap((project) => {
        const since = lastBaseline(project)
        return project.issues.filter((issue) => (types?.includes(issue.type) ?? true) && (severities?.includes(issue.severity) ?? true) && (rules?.includes(issue.rule) ?? true)
          && (statuses === undefined || statuses.includes(issue.status) || statuses.includes(oldStatus[issue.status].status)) && (resolved === undefined || (resolved === 'true') === !isOpen(issue))
          && (!wantsNew || (since !== undefined && issue.created > since))).map((issue) => ({ project, issue }))
      })
      const { items, paging } = paged(all, params.page())
      const facet = (property: string, of: (issue: Issue) => string) => ({ property, values: Object.entries(Object.groupBy(all, ({ issue }) => of(issue))).map(([val, list]) => ({ val, count: list?.length ?? 0 })) })
      const facets: Readonly<Record<string, (issue: Issue) => string>> = { types: ({ type }) => type, severities: ({ severity }) => severity, rules: ({ rule }) => rule, issueStatuses: ({ status }) => status, files: ({ path }) => path }
      return {
        total: all.length, p: paging.pageIndex, ps: paging.pageSize, paging, effortTotal: all.reduce((sum, { issue }) => sum + issue.effortMinutes, 0),
        issues: items.map(({ project, issue }) => shown(project, issue)), components: projects.map(({ key, name }) => ({ key, name, qualifier: 'TRK', enabled: true })),
        facets: (params.list('facets') ?? []).flatMap((name) => { const of = facets[name]; return of === undefined ? [] : [facet(name, of)] }),
      }
    },
  },
  'POST /api/issues/do_transition': {
    async run({ params, server: { now, save, state } }) {
      const status = transitions[params.need('transition')]
      if (status === undefined) throw new ApiRefusal(`Value of parameter 'transition' (${params.need('transition')}) must be one of: ${Object.keys(transitions).join(', ')}`)
      for (const project of Object.values(state.projects)) {
        const issue = project.issues.find(({ key }) => key === params.need('issue'))
        if (issue === undefined) continue
        if (issue.status === 'FIXED') throw new ApiRefusal('an issue that is fixed cannot be changed')
        issue.status = status
        issue.updated = now()
        judgeAgain(state, project)
        await save()
        return { issue: shown(project, issue) }
      }
      throw new ApiRefusal(`Issue with key '${params.need('issue')}' does not exist`, 404)
    },
  },
  'GET /api/rules/search': {
    run({ params, server: { state } }) {
      const query = params.get('q')?.toLowerCase()
      const [repositories, types] = [params.list('repositories'), params.list('types')]
      const { items, paging } = paged(Object.values(state.rules).filter((rule) => (query === undefined || `${rule.key} ${rule.name}`.toLowerCase().includes(query)) && (repositories?.includes(rule.repo) ?? true) && (types?.includes(rule.type) ?? true)), params.page())
      return { total: paging.total, p: paging.pageIndex, ps: paging.pageSize, paging, rules: items.map(({ key, repo, name, description, severity, type }) => ({ key, repo, name, htmlDesc: escapeHtml(description), severity, type, status: 'READY', isExternal: true })) }
    },
  },
  'GET /api/rules/show': { run({ params, server: { state } }) { const rule = state.rules[params.need('key')]; if (rule === undefined) throw new ApiRefusal(`Rule not found: ${params.need('key')}`, 404); return { rule: { ...rule, htmlDesc: escapeHtml(rule.description), isExternal: true }, actives: [] } } },
}

const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
