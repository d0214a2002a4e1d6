import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'

/** The page that lists the applications live: one document, one style sheet, one script, all from here; no request leaves the server. */

const icon = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#0b68cb"/><path d="M4 8.5l2.5 2.5L12 5.5" fill="none" stroke="#fff" stroke-width="2"/></svg>'

const head = (title: string): string => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><link rel="icon" href="/assets/icon.svg"><link rel="stylesheet" href="/assets/style.css"></head>`

const states = ['OutOfSync', 'Unknown', 'Progressing', 'Degraded', 'Missing', 'Suspended'].map((state) => `<option>${state}</option>`).join('')

const applicationsPage = `${head('Applications · Argo CD stand-in')}<body><header><h1>Applications</h1><span class="dim">idp's stand-in for Argo CD</span><span id="count" role="status"></span><span id="live" class="waiting" role="status">connecting…</span>
<label><input id="filter" type="search" aria-label="Filter" placeholder="filter by name, path, message" autofocus></label>
<select id="state" aria-label="Show"><option value="">all</option><option value="wrong">not well</option>${states}</select>
<button id="theme" title="Dark or light" aria-label="Dark or light">◐</button><button id="logout">Log out</button></header>
<main><table><thead><tr><th>Name</th><th>Sync</th><th>Health</th><th>Source</th><th></th></tr></thead><tbody></tbody></table></main><div id="notice" role="alert" title="Click to close"></div><script type="module" src="/assets/applications.js"></script></body></html>`

const loginPage = (message: string): string => `${head('Log in · Argo CD stand-in')}<body><form class="login" method="post" action="/login"><h1>Log in to Argo CD</h1><p class="dim">idp's stand-in for its console</p>${message === '' ? '' : `<p class="error" role="alert">${message}</p>`}
<label>User<input name="username" value="admin" autocomplete="username" required></label><label>Password<input name="password" type="password" autocomplete="current-password" required autofocus></label><button>Log in</button>
<p class="dim"><code>idp secret argocd</code> prints the first password.</p></form></body></html>`

const security = { 'content-security-policy': "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'", 'x-frame-options': 'sameorigin', 'x-content-type-options': 'nosniff', 'referrer-policy': 'same-origin' }

function document(body: string, type: string, status = 200): Response {
  return new Response(body, { status, headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-cache', ...security } })
}

/** Files that need no login. */
export function asset(path: string): Response | undefined {
  if (path === '/assets/style.css') return document(pageStyle, 'text/css')
  if (path === '/assets/icon.svg') return document(icon, 'image/svg+xml')
  return path === '/assets/applications.js' ? document(pageScript, 'text/javascript') : undefined
}

export function applicationsDocument(): Response {
  return document(applicationsPage, 'text/html')
}

export function loginDocument(message = ''): Response {
  return document(loginPage(message), 'text/html', message === '' ? 200 : 401)
}
