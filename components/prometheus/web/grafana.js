// The browser's part of the Grafana stand-in: signing in, the list of dashboards, dashboards, exploring. It uses the HTTP API only.
const colours = ['#f05a28', '#3b82f6', '#22a06b', '#a855f7', '#d97706', '#0891b2', '#db2777', '#65a30d']
const ranges = { 'now-5m': 'Last 5 minutes', 'now-15m': 'Last 15 minutes', 'now-1h': 'Last 1 hour', 'now-6h': 'Last 6 hours', 'now-24h': 'Last 24 hours' }

/** An element with attributes, listeners (functions) and children. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value)
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

async function api(path, init) {
  const response = await fetch(path, init)
  if (response.status === 401 && location.pathname !== '/login') location.assign('/login')
  const body = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(body.message ?? body.error ?? `${response.status}`)
  return body
}

const units = {
  bytes: (v) => scaled(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']), decbytes: (v) => scaled(v, 1000, ['B', 'kB', 'MB', 'GB', 'TB']), Bps: (v) => `${scaled(v, 1000, ['B', 'kB', 'MB', 'GB'])}/s`,
  percent: (v) => `${short(v)}%`, percentunit: (v) => `${short(v * 100)}%`, s: (v) => (Math.abs(v) < 1 ? `${short(v * 1000)} ms` : `${short(v)} s`), ms: (v) => `${short(v)} ms`, reqps: (v) => `${short(v)} req/s`, dateTimeAsIso: (v) => new Date(v).toISOString(),
}
function scaled(value, base, names) {
  let at = 0
  while (Math.abs(value) >= base && at < names.length - 1) { value /= base; at++ }
  return `${short(value)} ${names[at]}`
}
const short = (value) => (Number.isFinite(value) ? (Math.abs(value) >= 1000 ? scaledPlain(value) : String(Number(value.toPrecision(3)))) : String(value))
const scaledPlain = (value) => { const names = ['', 'K', 'Mil', 'Bil']; let at = 0; while (Math.abs(value) >= 1000 && at < 3) { value /= 1000; at++ } return `${Number(value.toPrecision(3))}${at === 0 ? '' : ` ${names[at]}`}` }
const formatted = (value, unit) => (units[unit] ?? short)(value)

const view = { from: new URLSearchParams(location.search).get('from') ?? 'now-1h', variables: {} }
const seconds = (text) => { const [, amount = '1', unit = 'h'] = /^now-(\d+)([smhd])$/.exec(text) ?? []; return amount * { s: 1, m: 60, h: 3600, d: 86400 }[unit] }

/** Puts the values of variables where their names stand. */
function filled(text) {
  const range = seconds(view.from)
  const step = Math.max(15, Math.ceil(range / 300))
  const built = { __rate_interval: `${Math.max(step * 4, 240)}s`, __interval: `${step}s`, __range: `${range}s`, __range_s: String(range), __interval_ms: String(step * 1000) }
  return text.replace(/\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]/g, (whole, a, b, c) => { const name = a ?? b ?? c; const value = view.variables[name] ?? built[name]; return value === undefined ? whole : value === '$__all' ? '.*' : value })
}

let sources = []
const sourceOf = (reference) => { const uid = filled(typeof reference === 'string' ? reference : reference?.uid ?? ''); return sources.find((one) => one.uid === uid || one.name === uid || one.type === (reference?.type ?? '')) ?? sources.find((one) => one.isDefault) ?? sources[0] }

async function framesOf(panel) {
  const targets = (panel.targets ?? []).filter((target) => (target.expr ?? '') !== '' && target.hide !== true)
  const queries = targets.map((target) => ({ refId: target.refId ?? 'A', expr: filled(target.expr), datasource: { uid: sourceOf(target.datasource ?? panel.datasource)?.uid }, instant: target.instant === true || panel.type === 'table' || panel.type === 'stat' || panel.type === 'gauge' || panel.type === 'bargauge', intervalMs: Math.max(15, Math.ceil(seconds(view.from) / 300)) * 1000 }))
  if (queries.length === 0) return []
  const { results } = await api('/api/ds/query', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ queries, from: view.from, to: 'now' }) })
  return targets.flatMap((target) => {
    const result = results[target.refId ?? 'A']
    if (result?.error) throw new Error(result.error)
    return (result?.frames ?? []).map((frame) => ({ ...frame, legend: legendOf(frame, target) }))
  })
}

function legendOf(frame, { legendFormat = '' }) {
  const { labels = {} } = frame.schema.fields[1]
  if (legendFormat !== '' && legendFormat !== '__auto') return legendFormat.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (_, name) => labels[name] ?? '')
  const { __name__: name = '', ...rest } = labels
  return `${name}${Object.keys(rest).length === 0 ? (name === '' ? 'Value' : '') : `{${Object.entries(rest).map(([key, value]) => `${key}="${value}"`).join(', ')}}`}`
}

function chart(frames, unit) {
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  svg.setAttribute('viewBox', '0 0 1000 300')
  svg.setAttribute('preserveAspectRatio', 'none')
  const points = frames.flatMap(({ data: { values: [times, values] } }) => times.map((t, i) => [t, values[i]])).filter(([, v]) => Number.isFinite(v))
  if (points.length === 0) return [el('p', {}, 'No data')]
  const [left, right] = [Math.min(...points.map(([t]) => t)), Math.max(...points.map(([t]) => t))]
  const [low, high] = [Math.min(0, ...points.map(([, v]) => v)), Math.max(...points.map(([, v]) => v))]
  const [wide, tall] = [right - left || 1, high - low || 1]
  frames.forEach(({ data: { values: [times, values] }, legend }, index) => {
    const line = document.createElementNS(space, 'polyline')
    line.setAttribute('fill', 'none')
    line.setAttribute('stroke', colours[index % colours.length])
    line.setAttribute('vector-effect', 'non-scaling-stroke')
    line.setAttribute('points', times.map((t, i) => [t, values[i]]).filter(([, v]) => Number.isFinite(v)).map(([t, v]) => `${((t - left) / wide * 1000).toFixed(1)},${(295 - (v - low) / tall * 290).toFixed(1)}`).join(' '))
    const title = document.createElementNS(space, 'title')
    title.textContent = `${legend}: ${formatted(values.at(-1), unit)}`
    line.append(title)
    svg.append(line)
  })
  return [svg, el('div', { class: 'legend' }, `max ${formatted(high, unit)}`, ...frames.slice(0, 12).map(({ legend, data: { values: [, values] } }) => el('span', {}, `${legend} ${formatted(values.at(-1), unit)}`)))]
}

const lastOf = ({ data: { values: [, values] } }) => values.at(-1)
const panels = {
  timeseries: chart, graph: chart, barchart: chart, heatmap: chart, 'state-timeline': chart,
  stat: (frames, unit) => [el('div', { class: 'stat' }, frames.length === 0 ? 'No data' : frames.length === 1 ? formatted(lastOf(frames[0]), unit) : frames.slice(0, 6).map((frame) => `${frame.legend} ${formatted(lastOf(frame), unit)}`).join(' · '))],
  table: (frames, unit) => { const names = [...new Set(frames.flatMap((frame) => Object.keys(frame.schema.fields[1].labels ?? {})))].filter((name) => name !== '__name__'); return [el('table', {}, el('tr', {}, ...names.map((name) => el('th', {}, name)), el('th', {}, 'Value')), ...frames.map((frame) => el('tr', {}, ...names.map((name) => el('td', {}, frame.schema.fields[1].labels?.[name] ?? '')), el('td', {}, formatted(lastOf(frame), unit)))))] },
  bargauge: (frames, unit) => { const most = Math.max(1e-9, ...frames.map(lastOf)); return frames.slice(0, 30).map((frame) => el('div', { class: 'bar' }, el('span', {}, frame.legend), el('progress', { max: String(most), value: String(lastOf(frame)) }), el('span', {}, formatted(lastOf(frame), unit)))) },
  logs: (frames) => [el('pre', {}, frames.flatMap(({ data: { values: [times, lines] } }) => times.map((t, i) => [t, lines[i]])).sort((a, b) => b[0] - a[0]).slice(0, 500).map(([t, line]) => `${new Date(t).toISOString()} ${line}`).join('\n'))],
}
panels.gauge = panels.stat
panels.piechart = panels.bargauge

async function draw(panel, body) {
  try {
    if (panel.type === 'text') { body.replaceChildren(el('pre', {}, panel.options?.content ?? panel.content ?? '')); return }
    const show = panels[panel.type]
    if (show === undefined) { body.replaceChildren(el('p', { class: 'error' }, `Panels of type "${panel.type}" are not drawn here.`)); return }
    body.replaceChildren(...show(await framesOf(panel), panel.fieldConfig?.defaults?.unit ?? panel.yaxes?.[0]?.format ?? ''))
  } catch (error) {
    body.replaceChildren(el('p', { class: 'error' }, error.message))
  }
}

function frame(...children) {
  const range = el('select', { 'aria-label': 'Time range', change: (event) => { const url = new URL(location); url.searchParams.set('from', event.target.value); location.assign(url) } }, ...Object.entries(ranges).map(([value, name]) => el('option', { value, selected: value === view.from }, name)))
  document.body.replaceChildren(el('header', {}, el('b', {}, 'Grafana'), el('a', { href: '/' }, 'Dashboards'), el('a', { href: '/explore' }, 'Explore'), el('small', {}, "idp's stand-in"), el('span', { class: 'end' }, range, el('a', { href: '/logout' }, 'Sign out'))), el('main', {}, ...children))
}

/** The values a variable may take, the first being its value until another is chosen. */
async function optionsOf(variable) {
  if (variable.type === 'custom' || variable.type === 'interval') return String(variable.query ?? '').split(',').map((one) => one.trim())
  if (variable.type === 'constant' || variable.type === 'textbox') return [String(variable.query ?? '')]
  if (variable.type === 'datasource') return sources.filter((one) => one.type === variable.query).map((one) => one.uid)
  if (variable.type !== 'query') return []
  const query = filled(typeof variable.query === 'string' ? variable.query : variable.query?.query ?? variable.definition ?? '')
  const [, metric, label] = /^label_values\((?:(.*),\s*)?(\w+)\)$/.exec(query) ?? []
  const source = sourceOf(variable.datasource)
  if (label === undefined || source === undefined) return []
  const prefix = source.type === 'loki' ? 'loki/api/v1' : 'api/v1'
  const { data } = await api(`/api/datasources/proxy/uid/${source.uid}/${prefix}/label/${label}/values${metric === undefined ? '' : source.type === 'loki' ? `?query=${encodeURIComponent(metric)}` : `?match[]=${encodeURIComponent(metric)}`}`)
  return variable.includeAll === true ? ['$__all', ...data] : data
}

async function dashboardPage(uid) {
  const { dashboard, meta } = await api(`/api/dashboards/uid/${uid}`)
  document.title = `${dashboard.title} – Grafana`
  const bar = el('div', { class: 'vars' })
  const parameters = new URLSearchParams(location.search)
  for (const variable of dashboard.templating?.list ?? []) {
    const options = await optionsOf(variable).catch(() => [])
    const current = variable.current?.value
    view.variables[variable.name] = parameters.get(`var-${variable.name}`) ?? (options.includes(current) ? current : options[0] ?? (Array.isArray(current) ? current[0] : current) ?? '')
    if (variable.hide === 2) continue
    bar.append(el('label', {}, `${variable.label || variable.name} `, el('select', { change: (event) => { const url = new URL(location); url.searchParams.set(`var-${variable.name}`, event.target.value); location.assign(url) } }, ...options.map((one) => el('option', { value: one, selected: one === view.variables[variable.name] }, one === '$__all' ? 'All' : one)))))
  }
  const grid = el('div', { class: 'grid' })
  const all = (dashboard.panels ?? []).flatMap((panel) => (panel.type === 'row' ? [panel, ...(panel.panels ?? [])] : [panel]))
  frame(el('h1', {}, dashboard.title), el('p', {}, meta.folderTitle ?? ''), bar, grid)
  for (const panel of all) {
    if (panel.type === 'row') { grid.append(el('div', { class: 'row' }, filled(panel.title ?? ''))); continue }
    const body = el('div', { class: 'body' }, 'loading…')
    const box = el('section', { class: 'panel' }, el('h2', {}, filled(panel.title ?? '')), body)
    const { w = 12, h = 8 } = panel.gridPos ?? {}
    box.style.gridColumn = `span ${w}`
    box.style.gridRow = `span ${h}`
    grid.append(box)
    draw(panel, body)
    const every = /^(\d+)([sm])$/.exec(dashboard.refresh ?? '')
    if (every !== null) setInterval(() => draw(panel, body), every[1] * (every[2] === 'm' ? 60_000 : 1000))
  }
}

async function homePage() {
  const found = await api('/api/search')
  frame(el('h1', {}, 'Dashboards'), el('ul', { class: 'list' }, ...found.map((one) => el('li', {}, el('a', { href: one.url }, one.title), one.folderTitle === '' ? '' : ` · ${one.folderTitle}`))))
}

async function explorePage() {
  const parameters = new URLSearchParams(location.search)
  const source = sources.find((one) => one.uid === parameters.get('ds')) ?? sources[0]
  const body = el('div', { class: 'body' })
  frame(el('h1', {}, 'Explore'), el('form', { class: 'vars' }, el('select', { name: 'ds', 'aria-label': 'Data source' }, ...sources.map((one) => el('option', { value: one.uid, selected: one === source }, one.name))), el('input', { name: 'expr', value: parameters.get('expr') ?? '', size: '60', 'aria-label': 'Query' }), el('button', {}, 'Run query')), body)
  const expr = parameters.get('expr')
  if (expr) await draw({ type: source.type === 'loki' && expr.startsWith('{') ? 'logs' : 'timeseries', targets: [{ refId: 'A', expr, datasource: { uid: source.uid } }] }, body)
}

function loginPage() {
  const said = el('p', { class: 'error' })
  document.body.replaceChildren(el('form', { class: 'login', submit: async (event) => {
    event.preventDefault()
    const fields = new FormData(event.target)
    try {
      await api('/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: fields.get('user'), password: fields.get('password') }) })
      location.assign('/')
    } catch (error) {
      said.textContent = error.message
    }
  } }, el('h1', {}, 'Grafana'), el('input', { name: 'user', placeholder: 'user', autocomplete: 'username', autofocus: true }), el('input', { name: 'password', type: 'password', placeholder: 'password', autocomplete: 'current-password' }), el('button', {}, 'Log in'), said))
}

async function start() {
  if (location.pathname === '/login') return loginPage()
  sources = await api('/api/datasources')
  const [, uid] = /^\/d\/([^/]+)/.exec(location.pathname) ?? []
  if (uid !== undefined) return dashboardPage(decodeURIComponent(uid))
  return location.pathname === '/explore' ? explorePage() : homePage()
}
start().catch((error) => frame(el('p', { class: 'error' }, error.message)))
