// The pages of the portal: each gives the children of <main>.
import { api, el, events, go } from './backstage.js'

const refPath = (ref) => { const [, kind, namespace, name] = /^([^:]+):([^/]+)\/(.+)$/.exec(ref) ?? []; return `/catalog/${namespace}/${kind}/${name}` }
const pathOf = ({ kind, metadata }) => `/catalog/${encodeURIComponent(metadata.namespace ?? 'default')}/${kind.toLowerCase()}/${encodeURIComponent(metadata.name)}`
const nameOf = ({ metadata }) => metadata.title ?? metadata.name
const entityLink = (ref) => el('a', { href: refPath(ref) }, ref.replace(/^([^:]+):default\//, '$1:'))
const ownerOf = (entity) => (entity.relations ?? []).find(({ type }) => type === 'ownedBy')?.targetRef
const badge = (text, good) => el('span', { class: `badge ${good === undefined ? '' : good ? 'good' : 'bad'}` }, text)
const queryOf = (pairs) => new URLSearchParams(Object.entries(pairs).filter(([, value]) => value !== '' && value !== undefined)).toString()

async function home() {
  const [{ facets }, templates] = await Promise.all([api('catalog/entity-facets?facet=kind'), api('catalog/entities?filter=kind=template')])
  const field = el('input', { type: 'search', name: 'q', id: 'search', placeholder: 'Name, owner, tag …' })
  return [el('h1', {}, 'Home'),
    el('form', { role: 'search', class: 'row', submit: (event) => { event.preventDefault(); go(`/catalog?${queryOf({ q: field.value, kind: 'all' })}`) } }, el('label', { for: 'search' }, 'Search the catalog'), field, el('button', {}, 'Search')),
    el('h2', {}, 'Catalog'), el('ul', { class: 'tiles' }, facets.kind.map(({ value, count }) => el('li', {}, el('a', { href: `/catalog?kind=${value.toLowerCase()}` }, el('strong', {}, String(count)), ` ${value}`)))),
    el('h2', {}, 'Templates'), templates.length === 0 ? el('p', {}, 'None yet.') : templateCards(templates)]
}

const select = (name, label, values, chosen, change) => el('label', {}, label, ' ', el('select', { name, change: (event) => change(event.target.value) }, values.map(([value, text]) => el('option', { value, selected: value === chosen }, text))))

async function catalogPage(_parts, { query }) {
  const kind = query.get('kind') ?? 'component'
  const asked = { kind, owner: query.get('owner') ?? '', lifecycle: query.get('lifecycle') ?? '', q: query.get('q') ?? '' }
  const filter = [kind === 'all' ? '' : `kind=${kind}`, asked.owner && `relations.ownedby=${asked.owner}`, asked.lifecycle && `spec.lifecycle=${asked.lifecycle}`].filter((one) => one !== '').join(',')
  const params = new URLSearchParams({ limit: '50', ...(filter === '' ? {} : { filter }), ...(asked.q === '' ? {} : { fullTextFilterTerm: asked.q }), orderField: 'metadata.name,asc' })
  if (query.has('cursor')) params.set('cursor', query.get('cursor'))
  const [{ items, totalItems, pageInfo }, { facets }, failed] = await Promise.all([api(`catalog/entities/by-query?${params}`), api('catalog/entity-facets?facet=kind&facet=relations.ownedBy&facet=spec.lifecycle'), api('catalog/entities/unprocessed/failed')])
  const change = (name) => (value) => go(`/catalog?${queryOf({ ...asked, [name]: value })}`)
  const field = el('input', { type: 'search', name: 'q', id: 'search', value: asked.q })
  const page = (cursor, text) => cursor !== undefined && el('a', { href: `/catalog?${queryOf({ ...asked, cursor })}` }, text)
  return [el('h1', {}, 'Catalog'),
    el('form', { class: 'row', role: 'search', submit: (event) => { event.preventDefault(); change('q')(field.value) } },
      select('kind', 'Kind', [['all', 'All'], ...facets.kind.map(({ value }) => [value.toLowerCase(), value])], kind, change('kind')),
      select('owner', 'Owner', [['', 'All'], ...facets['relations.ownedBy'].map(({ value }) => [value, value])], asked.owner, change('owner')),
      select('lifecycle', 'Lifecycle', [['', 'All'], ...facets['spec.lifecycle'].map(({ value }) => [value, value])], asked.lifecycle, change('lifecycle')),
      el('label', { for: 'search' }, 'Search'), field, el('button', {}, 'Search')),
    failed.entities.length > 0 && el('details', { class: 'problem' }, el('summary', {}, `${failed.entities.length} could not be read`), el('ul', {}, failed.entities.map(({ entityRef, location, errors }) => el('li', {}, el('b', {}, entityRef || location), ` ${errors[0]?.message ?? ''}`, el('br'), el('small', {}, location))))),
    el('p', { role: 'status' }, `${totalItems} found`),
    el('table', {}, el('thead', {}, el('tr', {}, ['Name', 'Kind', 'Type', 'Owner', 'Lifecycle', 'Description'].map((one) => el('th', { scope: 'col' }, one)))),
      el('tbody', {}, items.map((one) => el('tr', {}, el('th', { scope: 'row' }, el('a', { href: pathOf(one) }, nameOf(one)), one.status?.items?.length > 0 && badge('error', false)), el('td', {}, one.kind), el('td', {}, one.spec?.type ?? ''), el('td', {}, ownerOf(one) === undefined ? '' : entityLink(ownerOf(one))), el('td', {}, one.spec?.lifecycle ?? ''), el('td', {}, one.metadata.description ?? ''))))),
    el('p', { class: 'row' }, page(pageInfo.prevCursor, 'Previous'), page(pageInfo.nextCursor, 'Next'))]
}

async function entityPage([namespace, kind, name]) {
  const entity = await api(`catalog/entities/by-name/${kind}/${namespace}/${encodeURIComponent(name)}`)
  const runtime = await api(`kubernetes/runtime/${kind}/${namespace}/${encodeURIComponent(name)}`).catch((error) => ({ problem: error.message }))
  const { metadata, spec = {}, relations = [], status } = entity
  const facts = [['Owner', ownerOf(entity) && entityLink(ownerOf(entity))], ['Type', spec.type], ['Lifecycle', spec.lifecycle], ['Tags', metadata.tags?.join(', ')], ['Source', metadata.annotations?.['backstage.io/view-url'] ?? metadata.annotations?.['backstage.io/managed-by-location']], ['Members', spec.profile?.email]]
  return [el('p', {}, el('a', { href: `/catalog?kind=${kind}` }, `${entity.kind}s`)), el('h1', {}, nameOf(entity)), el('p', {}, metadata.description ?? ''),
    (status?.items ?? []).map(({ message }) => el('p', { role: 'alert', class: 'problem' }, message)),
    metadata.annotations?.['backstage.io/orphan'] === 'true' && el('p', { class: 'problem' }, 'An orphan: no location names it any more.'),
    el('div', { class: 'cards' },
      el('section', { class: 'card' }, el('h2', {}, 'About'), el('dl', {}, facts.filter(([, value]) => value !== undefined && value !== '').flatMap(([term, value]) => [el('dt', {}, term), el('dd', {}, value)])),
        el('button', { type: 'button', click: async (event) => { event.target.disabled = true; await api('catalog/refresh', { method: 'POST', body: JSON.stringify({ entityRef: `${entity.kind}:${metadata.namespace ?? 'default'}/${metadata.name}` }) }).catch(() => undefined); go(location.pathname) } }, 'Refresh')),
      (metadata.links ?? []).length > 0 && el('section', { class: 'card' }, el('h2', {}, 'Links'), el('ul', {}, metadata.links.map(({ url, title }) => el('li', {}, el('a', { href: /^https?:/.test(url) ? url : undefined, rel: 'noopener noreferrer', target: '_blank' }, title ?? url))))),
      kind === 'template' && el('section', { class: 'card' }, el('h2', {}, 'Template'), el('a', { href: `/create/templates/${namespace}/${metadata.name}` }, 'Use this template')),
      el('section', { class: 'card' }, el('h2', {}, 'Relations'), relations.length === 0 ? el('p', {}, 'None.') : relationGraph(nameOf(entity), relations), el('ul', { class: 'plain' }, relations.map(({ type, targetRef }) => el('li', {}, `${type} `, entityLink(targetRef))))),
      runtimeCard(runtime)),
    typeof spec.definition === 'string' && el('section', { class: 'card' }, el('h2', {}, 'Definition'), el('pre', { tabindex: '0' }, spec.definition))]
}

function runtimeCard(runtime) {
  if (runtime.problem !== undefined) return el('section', { class: 'card' }, el('h2', {}, 'Kubernetes'), el('p', { class: 'problem' }, runtime.problem))
  const { application, pods, selector } = runtime
  if (application === null && selector === null) return undefined
  return el('section', { class: 'card' }, el('h2', {}, 'Kubernetes'),
    application !== null && el('p', {}, `Argo CD ${application.name} `, badge(application.sync, application.sync === 'Synced'), ' ', badge(application.health, application.health === 'Healthy'), application.revision === '' ? '' : el('small', {}, ` ${application.revision.slice(0, 7)}`), application.message === '' ? '' : el('br'), application.message),
    selector !== null && (pods.length === 0 ? el('p', {}, `No pods with ${selector}.`) : el('table', {}, el('thead', {}, el('tr', {}, ['Pod', 'Status', 'Restarts', 'Node'].map((one) => el('th', { scope: 'col' }, one)))),
      el('tbody', {}, pods.map((pod) => el('tr', {}, el('th', { scope: 'row' }, pod.name, pod.standIn === null ? '' : el('small', {}, ` stand-in: ${pod.standIn}`)), el('td', {}, badge(pod.waiting ?? (pod.ready ? 'Ready' : pod.phase), pod.ready || pod.phase === 'Succeeded')), el('td', {}, String(pod.restarts)), el('td', {}, pod.node)))))))
}

/** The entity in the middle column, what it points to and what points to it in rows beside it. */
function relationGraph(name, relations) {
  const shown = relations.slice(0, 12)
  const height = Math.max(60, shown.length * 34 + 10)
  const box = (x, y, width, text, className) => el('g', { class: className }, el('rect', { x, y: y - 12, width, height: 24, rx: 4 }), el('title', {}, text), el('text', { x: x + 8, y: y + 4 }, text.length > width / 7 ? `${text.slice(0, Math.floor(width / 7) - 1)}…` : text))
  return el('svg', { viewBox: `0 0 620 ${height}`, role: 'img', 'aria-label': `${relations.length} relations of ${name}; the list below names them`, class: 'graph' },
    shown.map(({ type, targetRef }, index) => { const y = index * 34 + 22; return el('g', {}, el('line', { x1: 190, y1: height / 2, x2: 360, y2: y }), el('text', { x: 282, y: (height / 2 + y) / 2 + (y < height / 2 ? -3 : 10), class: 'edge' }, type), box(360, y, 250, targetRef, 'node')) }), box(5, height / 2, 185, name, 'node self'))
}

const templateCards = (templates) => el('div', { class: 'cards' }, templates.map((one) => el('section', { class: 'card' }, el('h3', {}, nameOf(one)), el('p', {}, one.metadata.description ?? ''), el('a', { href: `/create/templates/${one.metadata.namespace ?? 'default'}/${one.metadata.name}` }, `Choose ${nameOf(one)}`))))

async function createPage() {
  const [templates, { tasks }] = await Promise.all([api('catalog/entities?filter=kind=template'), api('scaffolder/v2/tasks?limit=10')])
  return [el('h1', {}, 'Create'), templates.length === 0 ? el('p', {}, 'The catalog has no templates.') : templateCards(templates),
    el('h2', {}, 'Tasks'), tasks.length === 0 ? el('p', {}, 'None since this portal started.') : el('ul', { class: 'plain' }, tasks.map((one) => el('li', {}, el('a', { href: `/create/tasks/${one.id}` }, `${one.spec.templateInfo.entityRef} ${one.createdAt}`), ' ', badge(one.status, one.status === 'completed'))))]
}

async function templatePage([namespace, name], { config }) {
  const { title, description, steps } = await api(`scaffolder/v2/templates/${namespace}/template/${name}/parameter-schema`)
  const read = []
  const problem = el('p', { role: 'alert', class: 'problem' })
  const sections = await Promise.all(steps.map(async ({ title: heading, schema }) => el('fieldset', {}, el('legend', {}, heading), await Promise.all(Object.entries(schema.properties ?? {}).map(([key, one]) => fieldOf(key, one, (schema.required ?? []).includes(key), read))))))
  const submit = async (event) => {
    event.preventDefault()
    problem.textContent = ''
    try {
      const values = Object.fromEntries(read.map(([key, value]) => [key, value()]).filter(([, value]) => value !== undefined && value !== ''))
      const { id } = await api('scaffolder/v2/tasks', { method: 'POST', body: JSON.stringify({ templateRef: `template:${namespace}/${name}`, values }) })
      go(`/create/tasks/${id}`)
    } catch (error) { problem.textContent = error.message }
  }
  return [el('h1', {}, title), el('p', {}, description ?? ''), !config.mayWrite && el('p', { class: 'problem' }, 'Guests may look at this form. Sign out and in again with the access token to create.'), problem, el('form', { class: 'template', submit }, ...sections, el('button', {}, 'Create'))]
}

/** One field of a form: choices for enums and entities, a box for booleans, YAML-free text for the rest; arrays are one line each. */
async function fieldOf(key, schema, required, read) {
  const id = `field-${key}`
  const help = schema['ui:help'] ?? schema.description
  const attributes = { id, name: key, required: required && schema.type !== 'boolean', 'aria-describedby': help === undefined ? undefined : `${id}-help` }
  const kinds = { OwnerPicker: ['group', 'user'], EntityPicker: ['component', 'system', 'api', 'resource', 'domain', 'group', 'user'] }[schema['ui:field']]
  let input
  if (kinds !== undefined) {
    const wanted = [schema['ui:options']?.catalogFilter?.kind ?? schema['ui:options']?.allowedKinds ?? kinds].flat()
    const found = await api(`catalog/entities?fields=kind,metadata&${wanted.map((one) => `filter=kind=${encodeURIComponent(String(one).toLowerCase())}`).join('&')}`)
    const refs = found.map((one) => `${one.kind.toLowerCase()}:${one.metadata.namespace ?? 'default'}/${one.metadata.name}`)
    input = el('select', attributes, !required && el('option', { value: '' }, ''), refs.map((one) => el('option', { value: one, selected: one === schema.default }, one)))
  } else if (Array.isArray(schema.enum)) input = el('select', attributes, !required && el('option', { value: '' }, ''), schema.enum.map((one, index) => el('option', { value: String(one), selected: one === schema.default }, schema.enumNames?.[index] ?? String(one))))
  else if (schema.type === 'boolean') input = el('input', { ...attributes, type: 'checkbox', checked: schema.default === true })
  else if (schema.type === 'array' || schema['ui:widget'] === 'textarea') input = el('textarea', { ...attributes, rows: 4 }, Array.isArray(schema.default) ? schema.default.join('\n') : schema.default ?? '')
  else input = el('input', { ...attributes, type: schema.type === 'integer' || schema.type === 'number' ? 'number' : 'text', value: schema.default ?? '', pattern: browserPattern(schema.pattern), minlength: schema.minLength, maxlength: schema.maxLength, min: schema.minimum, max: schema.maximum })
  const numeric = schema.type === 'integer' || schema.type === 'number'
  read.push([key, () => (schema.type === 'boolean' ? input.checked : schema.type === 'array' ? input.value.split('\n').filter((one) => one !== '') : numeric ? (input.value === '' ? undefined : Number(input.value)) : input.value)])
  return el('div', { class: 'field' }, el('label', { for: id }, `${schema.title ?? key}${required ? ' *' : ''}`), input, help !== undefined && el('small', { id: `${id}-help` }, help))
}

/** Browsers read patterns with the flag v, which refuses some that JSON schema allows; the server checks them all. */
function browserPattern(pattern) {
  try { return pattern === undefined || new RegExp(pattern, 'v') ? pattern : undefined } catch { return undefined }
}

async function taskPage([id], { signal }) {
  const task = await api(`scaffolder/v2/tasks/${id}`)
  const rows = new Map(task.spec.steps.map((step) => [step.id, badge('waiting')]))
  const log = el('pre', { tabindex: '0', role: 'log', 'aria-live': 'polite' })
  const result = el('div', { role: 'status' })
  const follow = async () => {
    for await (const { body, type } of events(`scaffolder/v2/tasks/${id}/eventstream`, signal)) {
      log.append(`${body.stepId === undefined ? '' : `[${body.stepId}] `}${body.message}\n`)
      const row = rows.get(body.stepId)
      if (row !== undefined && body.status !== undefined) { row.textContent = body.status; row.className = `badge ${body.status === 'completed' ? 'good' : body.status === 'failed' ? 'bad' : ''}` }
      if (type !== 'completion') continue
      const { status, output } = await api(`scaffolder/v2/tasks/${id}`)
      result.replaceChildren(el('p', {}, badge(status, status === 'completed'), body.error === undefined ? '' : ` ${body.error.message}`),
        el('ul', {}, (output.links ?? []).map(({ title, url, entityRef }) => el('li', {}, entityRef === undefined ? el('a', { href: /^(https?:|\/)/.test(url) ? url : undefined }, title ?? url) : el('a', { href: refPath(entityRef.toLowerCase()) }, title ?? entityRef)))), (output.text ?? []).map(({ title, content }) => el('section', {}, el('h3', {}, title), el('p', {}, content))))
    }
  }
  follow().catch((error) => { if (!signal.aborted) log.append(`${error.message}\n`) })
  return [el('h1', {}, `Task of ${task.spec.templateInfo.entityRef}`), el('ol', {}, task.spec.steps.map((step) => el('li', {}, `${step.name} `, rows.get(step.id)))), result, el('h2', {}, 'Log'), log]
}

export const pages = [
  [/^\/$/, home], [/^\/catalog$/, catalogPage], [/^\/catalog\/([^/]+)\/([^/]+)\/([^/]+)$/, entityPage], [/^\/create$/, createPage],
  [/^\/create\/templates\/([^/]+)\/([^/]+)$/, templatePage], [/^\/create\/tasks\/([^/]+)$/, taskPage],
]
