/** The page that lists the applications live: one document, one style sheet, one script, all from here; no request leaves the server. */

const style = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1c2430;--dim:#5d6b7e;--line:#dfe4ea;--ok:#18794e;--warn:#a35200;--bad:#c62a2f;--info:#0b68cb}
@media(prefers-color-scheme:dark){:root{--bg:#11151a;--card:#1a2027;--text:#e6eaf0;--dim:#93a0b1;--line:#2b343f;--ok:#4cc38a;--warn:#ffb224;--bad:#ff6369;--info:#52a9ff}}
:root[data-theme=light]{color-scheme:light;--bg:#f6f7f9;--card:#fff;--text:#1c2430;--dim:#5d6b7e;--line:#dfe4ea;--ok:#18794e;--warn:#a35200;--bad:#c62a2f;--info:#0b68cb}
:root[data-theme=dark]{color-scheme:dark;--bg:#11151a;--card:#1a2027;--text:#e6eaf0;--dim:#93a0b1;--line:#2b343f;--ok:#4cc38a;--warn:#ffb224;--bad:#ff6369;--info:#52a9ff}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;padding:.75rem 1.25rem;background:var(--card);border-bottom:1px solid var(--line)}
header h1{font-size:1.1rem;margin:0 auto 0 0}main{padding:1.25rem;max-width:1400px;margin:auto}
input,select,button{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:6px;padding:.35rem .65rem}
button{cursor:pointer}button:hover{border-color:var(--info)}:focus-visible{outline:2px solid var(--info);outline-offset:1px}
table{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:8px}
th,td{text-align:left;padding:.55rem .75rem;border-top:1px solid var(--line);vertical-align:top}thead th{border-top:0;color:var(--dim);font-weight:600}
td.message{white-space:pre-line;overflow-wrap:anywhere;color:var(--dim);max-width:44rem}.dim{color:var(--dim);font-size:.85em}
.Synced,.Healthy{color:var(--ok)}.OutOfSync,.Progressing,.Missing{color:var(--warn)}.Degraded,.error{color:var(--bad)}.Suspended{color:var(--info)}.Unknown{color:var(--dim)}
.actions{white-space:nowrap}form.login{max-width:22rem;margin:12vh auto;padding:1.5rem;background:var(--card);border:1px solid var(--line);border-radius:10px;display:grid;gap:.75rem}
.note{padding:.5rem 1.25rem;color:var(--dim)}@media(max-width:760px){td.message{max-width:none}th:nth-child(4),td:nth-child(4){display:none}}
`

const script = `
const rows = new Map()
const body = document.querySelector('tbody'), filter = document.querySelector('#filter'), state = document.querySelector('#state'), count = document.querySelector('#count'), live = document.querySelector('#live')
const cell = (text, css) => { const td = document.createElement('td'); td.textContent = text; if (css) td.className = css; return td }
const button = (label, title, run) => { const b = document.createElement('button'); b.textContent = label; b.title = title; b.addEventListener('click', async () => { b.disabled = true; try { await run() } finally { b.disabled = false } }); return b }
const call = async (method, path, body) => {
  const answer = await fetch(path, { method, headers: { 'content-type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) })
  if (answer.status === 401) location.href = '/login'
  if (!answer.ok) alert((await answer.json().catch(() => ({ message: answer.statusText }))).message)
}
const draw = () => {
  const text = filter.value.toLowerCase(), wanted = state.value
  const shown = [...rows.values()].filter((row) => (row.name + ' ' + row.project + ' ' + row.namespace + ' ' + row.message).toLowerCase().includes(text))
    .filter((row) => wanted === '' || row.sync === wanted || row.health === wanted || (wanted === 'wrong' && (row.sync !== 'Synced' || row.health !== 'Healthy')))
    .sort((a, b) => a.name < b.name ? -1 : 1)
  count.textContent = shown.length + ' of ' + rows.size
  body.replaceChildren(...shown.map((row) => {
    const tr = document.createElement('tr')
    const name = cell(row.name); const where = document.createElement('div'); where.className = 'dim'; where.textContent = row.project + ' \\u2192 ' + row.namespace; name.append(where)
    const source = cell(row.source, 'dim'); const rev = document.createElement('div'); rev.textContent = row.revision; source.append(rev)
    const act = cell('', 'actions'), path = '/api/v1/applications/' + encodeURIComponent(row.name)
    act.append(button('Refresh', 'Look at Git now', () => call('GET', path + '?refresh=normal')), ' ', button('Sync', 'Apply what Git says', () => call('POST', path + '/sync', { prune: true })))
    tr.append(name, cell(row.running ? row.sync + ' (syncing)' : row.sync, row.sync), cell(row.health, row.health), source, cell(row.message, 'message'), act)
    return tr
  }))
}
let drawing = false
const later = () => { if (!drawing) { drawing = true; requestAnimationFrame(() => { drawing = false; draw() }) } }
filter.addEventListener('input', draw); state.addEventListener('change', draw)
const events = new EventSource('/api/v1/stream/rows')
events.addEventListener('row', (event) => { const row = JSON.parse(event.data); rows.set(row.name, row); later() })
events.addEventListener('gone', (event) => { rows.delete(JSON.parse(event.data).name); later() })
events.addEventListener('open', () => { rows.clear(); live.textContent = 'live'; live.className = 'Healthy' })
events.addEventListener('error', () => { live.textContent = 'reconnecting\\u2026'; live.className = 'Degraded' })
const theme = document.querySelector('#theme'), root = document.documentElement
root.dataset.theme = localStorage.getItem('theme') ?? ''
theme.addEventListener('click', () => { const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches; root.dataset.theme = dark ? 'light' : 'dark'; localStorage.setItem('theme', root.dataset.theme) })
document.querySelector('#logout').addEventListener('click', async () => { await call('DELETE', '/api/v1/session'); location.href = '/login' })
`

const head = (title: string): string => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><link rel="stylesheet" href="/assets/style.css"></head>`

const applicationsPage = `${head('Applications · Argo CD stand-in')}<body><header><h1>Applications</h1><span id="live" class="Unknown" role="status">connecting…</span><span id="count" class="dim"></span>
<label>Filter <input id="filter" type="search" placeholder="name, project, message" autofocus></label>
<label>Show <select id="state"><option value="">all</option><option value="wrong">not well</option><option>OutOfSync</option><option>Unknown</option><option>Progressing</option><option>Degraded</option><option>Missing</option></select></label>
<button id="theme" title="Dark or light">◐</button><button id="logout">Log out</button></header>
<p class="note">This is idp's stand-in for Argo CD's console.</p>
<main><table><thead><tr><th>Name</th><th>Sync</th><th>Health</th><th>Source</th><th>What is wrong</th><th></th></tr></thead><tbody></tbody></table></main><script type="module" src="/assets/applications.js"></script></body></html>`

const loginPage = (message: string): string => `${head('Log in · Argo CD stand-in')}<body><form class="login" method="post" action="/login"><h1>Log in</h1>${message === '' ? '' : `<p class="error" role="alert">${message}</p>`}
<label>User<br><input name="username" value="admin" autocomplete="username" required></label><label>Password<br><input name="password" type="password" autocomplete="current-password" required autofocus></label><button>Log in</button>
<p class="dim">Read the first password with <code>idp secret argocd</code>.</p></form></body></html>`

const security = { 'content-security-policy': "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'", 'x-frame-options': 'sameorigin', 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' }

function document(body: string, type: string, status = 200): Response {
  return new Response(body, { status, headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache', ...security } })
}

/** Files that need no login. */
export function asset(path: string): Response | undefined {
  if (path === '/assets/style.css') return document(style, 'text/css')
  return path === '/assets/applications.js' ? document(script, 'text/javascript') : undefined
}

export function applicationsDocument(): Response {
  return document(applicationsPage, 'text/html')
}

export function loginDocument(message = ''): Response {
  return document(loginPage(message), 'text/html', message === '' ? 200 : 401)
}
