/**
 * The script of the page, as the browser gets it. Rows come from `/api/v1/stream/rows`; a row is drawn again only when it changed, so that focus,
 * selected text and a scrolled message survive other rows' news. Applications that are not well come first.
 */
export const pageScript = `
const find = (selector) => document.querySelector(selector)
const rows = new Map(), drawn = new Map()
const table = find('tbody'), filter = find('#filter'), state = find('#state'), count = find('#count'), live = find('#live'), notice = find('#notice')
const make = (tag, css, ...parts) => { const one = document.createElement(tag); if (css) one.className = css; one.append(...parts); return one }
const say = (text) => { notice.textContent = text }
notice.addEventListener('click', () => say(''))
const call = async (method, path, body) => {
  const answer = await fetch(path, { method, headers: { 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) }).catch((error) => new Response(JSON.stringify({ message: 'the server does not answer: ' + error.message }), { status: 503 }))
  if (answer.status === 401) location.href = '/login'
  say(answer.ok ? '' : (await answer.json().catch(() => ({ message: answer.statusText }))).message)
}
const button = (label, title, run) => {
  const one = make('button', '', label)
  one.title = title
  one.addEventListener('click', async () => { one.disabled = true; try { await run() } finally { one.disabled = false } })
  return one
}
const isWell = (row) => row.sync === 'Synced' && (row.health === 'Healthy' || row.health === 'Suspended') && row.message === ''
const elements = (row) => {
  const path = '/api/v1/applications/' + encodeURIComponent(row.name)
  const source = make('td', 'source dim', row.source, make('div', '', make('span', 'revision', row.revision), row.syncedAt ? ' \\u00b7 synced ' + new Date(row.syncedAt).toLocaleString([], { dateStyle: 'short', timeStyle: 'medium' }) : ''))
  source.title = row.repository
  const sync = button(row.running ? 'Syncing\\u2026' : 'Sync', 'Apply what Git says', () => call('POST', path + '/sync', { prune: true }))
  sync.disabled = row.running
  const main = make('tr', 'app', make('td', '', row.name, make('div', 'dim', row.project + ' \\u2192 ' + row.namespace)), make('td', 'state ' + row.sync, row.sync), make('td', 'state ' + row.health, row.health), source,
    make('td', 'actions', button('Refresh', 'Look at Git now', () => call('GET', path + '?refresh=normal')), ' ', sync))
  main.dataset.name = row.name
  if (row.message === '') return [main]
  const cell = make('td', '', make('p', 'message', row.message))
  cell.colSpan = 5
  return [main, make('tr', 'wrong', cell)]
}
const elementsOf = (row) => {
  const text = JSON.stringify(row), before = drawn.get(row.name)
  if (before?.text !== text) drawn.set(row.name, { text, list: elements(row) })
  return drawn.get(row.name).list
}
const place = (wanted) => {
  const keep = new Set(wanted)
  for (const child of [...table.children]) if (!keep.has(child)) child.remove()
  wanted.forEach((one, at) => { if (table.children[at] !== one) table.insertBefore(one, table.children[at] ?? null) })
}
const empty = (text) => { const cell = make('td', 'empty', text); cell.colSpan = 5; return [make('tr', '', cell)] }
let opened = false
const draw = () => {
  const all = [...rows.values()], text = filter.value.trim().toLowerCase(), wanted = state.value
  const shown = all.filter((row) => [row.name, row.project, row.namespace, row.source, row.message].join(' ').toLowerCase().includes(text))
    .filter((row) => wanted === '' || row.sync === wanted || row.health === wanted || (wanted === 'wrong' && !isWell(row)))
    .sort((a, b) => isWell(a) - isWell(b) || (a.name < b.name ? -1 : 1))
  const wrong = all.filter((row) => !isWell(row)).length
  count.textContent = (shown.length === all.length ? all.length : shown.length + ' of ' + all.length) + (all.length === 1 ? ' Application' : ' Applications') + (wrong === 0 ? ', all well' : ', ' + wrong + ' not well')
  document.title = (wrong === 0 ? '' : '(' + wrong + ') ') + 'Applications \\u00b7 Argo CD stand-in'
  if (shown.length > 0) place(shown.flatMap(elementsOf))
  else if (opened) place(empty(all.length === 0 ? 'There is no Application yet. Push one to the platform repository, or apply one with kubectl.' : 'No Application fits the filter.'))
}
let drawing = false
const later = () => { if (!drawing) { drawing = true; requestAnimationFrame(() => { drawing = false; draw() }) } }
filter.addEventListener('input', draw); state.addEventListener('change', draw)
const show = (text, css) => { live.textContent = text; live.className = css }
const connect = () => {
  const events = new EventSource('/api/v1/stream/rows')
  events.addEventListener('row', (event) => { const row = JSON.parse(event.data); rows.set(row.name, row); later() })
  events.addEventListener('gone', (event) => { const { name } = JSON.parse(event.data); rows.delete(name); drawn.delete(name); later() })
  events.addEventListener('open', () => { rows.clear(); opened = true; show('live', 'live'); later() })
  events.addEventListener('error', async () => {
    show('reconnecting\\u2026', 'error')
    // The browser gives up where the answer is no stream: the session ended, or only the gateway answers.
    if (events.readyState !== EventSource.CLOSED) return
    const answer = await fetch('/api/v1/session/userinfo').catch(() => undefined)
    if (answer?.status === 401) location.href = '/login'
    else setTimeout(connect, 1000)
  })
}
connect()
const root = document.documentElement
const stored = localStorage.getItem('theme')
if (stored) root.dataset.theme = stored
find('#theme').addEventListener('click', () => { const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches; root.dataset.theme = dark ? 'light' : 'dark'; localStorage.setItem('theme', root.dataset.theme) })
find('#logout').addEventListener('click', async () => { await call('DELETE', '/api/v1/session'); location.href = '/login' })
`
