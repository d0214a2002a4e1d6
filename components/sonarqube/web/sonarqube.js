// Projects, their gates and issues; everything comes from the web API.
const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}
const xsrf = () => /(?:^|;\s*)XSRF-TOKEN=([0-9a-f]+)/.exec(document.cookie)?.[1] ?? ''
const call = async (path, parameters, method = 'GET') => {
  const query = new URLSearchParams(parameters)
  const response = await fetch(method === 'GET' ? `${path}?${query}` : path, method === 'GET' ? {} : { method, body: query, headers: { 'x-xsrf-token': xsrf() } })
  const text = await response.text()
  const body = text === '' ? undefined : JSON.parse(text)
  if (!response.ok) throw new Error(body?.errors?.[0]?.msg ?? `status ${response.status}`)
  return body
}
const rating = (value) => (value === undefined ? '–' : make('span', { class: `rating r${parseInt(value, 10)}` }, 'ABCDE'[parseInt(value, 10) - 1] ?? '?'))
const gate = (status) => make('span', { class: `gate ${status === 'OK' ? 'ok' : status === 'ERROR' ? 'error' : 'none'}` }, status === 'OK' ? 'Passed' : status === 'ERROR' ? 'Failed' : 'Not computed')
const figures = [['bugs', 'Bugs', 'reliability_rating'], ['vulnerabilities', 'Vulnerabilities', 'security_rating'], ['code_smells', 'Code smells', 'sqale_rating'], ['coverage', 'Coverage %'], ['duplicated_lines_density', 'Duplications %'], ['ncloc', 'Lines of code']]
const measuresOf = async (key) => {
  const { component } = await call('/api/measures/component', { component: key, metricKeys: ['alert_status', 'new_violations', ...figures.flatMap(([metric, , of]) => [metric, ...of ? [of] : []])].join(',') })
  return Object.fromEntries(component.measures.map(({ metric, value, period }) => [metric, value ?? period?.value]))
}
const figureRow = (measures) => make('dl', { class: 'figures' }, ...figures.map(([metric, name, of]) => make('div', {}, make('dt', {}, name), make('dd', {}, measures[metric] ?? '–', ' ', ...of ? [rating(measures[of])] : []))))

async function projects() {
  const { components } = await call('/api/projects/search', { ps: 500 })
  if (components.length === 0) return [make('h1', {}, 'Projects'), make('p', {}, 'No project yet. POST /api/projects/create makes one, POST /api/idp/analyses gives it results.')]
  const cards = await Promise.all(components.map(async ({ key, name, lastAnalysisDate }) => {
    const measures = await measuresOf(key)
    return make('article', {}, make('h2', {}, make('a', { href: `/dashboard?id=${encodeURIComponent(key)}` }, name), ' ', gate(measures.alert_status)), make('p', { class: 'faint' }, lastAnalysisDate ? `last analysis ${lastAnalysisDate}` : 'not analysed yet'), figureRow(measures))
  }))
  return [make('h1', {}, `Projects (${components.length})`), ...cards]
}

async function project(key) {
  const [{ component }, measures, { projectStatus }, found] = await Promise.all([call('/api/components/show', { component: key }), measuresOf(key), call('/api/qualitygates/project_status', { projectKey: key }), call('/api/issues/search', { components: key, resolved: 'false', ps: 500 })])
  const conditions = projectStatus.conditions.map((one) => make('li', { class: one.status === 'OK' ? '' : 'bad' }, `${one.metricKey} is ${one.actualValue}, must not be ${one.comparator === 'GT' ? 'above' : 'below'} ${one.errorThreshold}`))
  const decide = (issue, transition) => make('button', { onclick: async () => { await call('/api/issues/do_transition', { issue, transition }, 'POST'); await draw() } }, transition === 'accept' ? 'Accept' : 'False positive')
  const issues = found.issues.map((one) => make('tr', {}, make('td', {}, one.severity), make('td', {}, one.type.replace('_', ' ').toLowerCase()), make('td', {}, one.message, make('div', { class: 'faint' }, one.rule)), make('td', {}, `${one.component.slice(key.length + 1)}${one.line ? `:${one.line}` : ''}`), make('td', {}, decide(one.key, 'accept'), ' ', decide(one.key, 'falsepositive'))))
  return [
    make('p', {}, make('a', { href: '/projects' }, 'Projects')), make('h1', {}, component.name, ' ', gate(projectStatus.status)), figureRow(measures),
    make('h2', {}, 'Quality gate'), conditions.length > 0 ? make('ul', {}, ...conditions) : make('p', { class: 'faint' }, 'No condition could be computed yet.'),
    make('h2', {}, `Open issues (${found.total})`), make('table', {}, make('thead', {}, make('tr', {}, ...['Severity', 'Type', 'Message', 'Where', ''].map((name) => make('th', {}, name)))), make('tbody', {}, ...issues)),
  ]
}

function signIn() {
  const note = make('p', { class: 'bad', role: 'alert' })
  const form = make('form', { onsubmit: async (event) => {
    event.preventDefault()
    try { await call('/api/authentication/login', Object.fromEntries(new FormData(form)), 'POST'); await draw() } catch (error) { note.textContent = error.message }
  } }, make('h1', {}, 'Log in to SonarQube'), make('label', {}, 'Login', make('input', { name: 'login', autocomplete: 'username', value: 'admin' })), make('label', {}, 'Password', make('input', { name: 'password', type: 'password', autocomplete: 'current-password' })), make('button', {}, 'Log in'), note)
  return [form]
}

async function draw() {
  const { valid } = await call('/api/authentication/validate', {})
  const key = new URLSearchParams(location.search).get('id')
  let content
  try { content = !valid ? signIn() : key === null ? await projects() : await project(key) } catch (error) { content = [make('p', { class: 'bad', role: 'alert' }, error.message)] }
  const out = make('button', { onclick: async () => { await call('/api/authentication/logout', {}, 'POST'); await draw() } }, 'Log out')
  document.body.replaceChildren(make('header', {}, make('a', { href: '/projects' }, 'SonarQube'), make('span', { class: 'faint' }, 'stand-in of idp'), ...valid ? [out] : []), make('main', {}, ...content))
}
await draw()
