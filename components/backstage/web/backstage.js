// The browser's part of the Backstage stand-in: signing in, and finding the page. It uses the HTTP API only.
import { pages } from './pages.js'

const svgTags = new Set(['svg', 'g', 'line', 'rect', 'text', 'title', 'path'])

/** An element with attributes, listeners (functions) and children. */
export function el(tag, attributes = {}, ...children) {
  const made = svgTags.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value))
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== false))
  return made
}

export const session = {
  get token() { return sessionStorage.getItem('backstage.token') ?? '' },
  set token(value) { if (value === '') sessionStorage.removeItem('backstage.token'); else sessionStorage.setItem('backstage.token', value) },
}

export class Refused extends Error {
  constructor(message, body) { super(message); this.body = body }
}

export async function api(path, init = {}) {
  const response = await fetch(`/api/${path}`, { ...init, headers: { ...init.headers, ...(session.token === '' ? {} : { authorization: `Bearer ${session.token}` }), ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) } })
  if (response.status === 401 && !path.startsWith('auth/')) { session.token = ''; show() }
  const text = await response.text()
  const body = text === '' ? {} : JSON.parse(text)
  if (!response.ok) throw new Refused(body.error?.message ?? body.errors?.map((one) => one.stack ?? one.message).join('; ') ?? `HTTP ${response.status}`, body)
  return body
}

/** The lines of a stream of server-sent events, as objects. */
export async function* events(path, signal) {
  const response = await fetch(`/api/${path}`, { headers: { authorization: `Bearer ${session.token}` }, signal })
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (rest + value).split('\n\n')
    rest = blocks.pop()
    for (const block of blocks) { const data = block.split('\n').find((line) => line.startsWith('data: ')); if (data !== undefined) yield JSON.parse(data.slice(6)) }
  }
}

export function go(path) { history.pushState(null, '', path); show() }

function link(path, text, attributes = {}) { return el('a', { href: path, ...attributes }, text) }

document.addEventListener('click', (event) => {
  const anchor = event.target.closest?.('a')
  if (anchor === null || anchor === undefined || event.metaKey || event.ctrlKey || anchor.origin !== location.origin || anchor.hasAttribute('download') || anchor.target !== '') return
  event.preventDefault()
  go(anchor.pathname + anchor.search)
})
addEventListener('popstate', () => show())

async function signIn(provider, token) {
  const { backstageIdentity } = await api(`auth/${provider}/refresh`, token === undefined ? {} : { method: 'POST', body: JSON.stringify({ token }) })
  session.token = backstageIdentity.token
  show()
}

function signInPage(providers) {
  const problem = el('p', { role: 'alert', class: 'problem' })
  const secret = el('input', { type: 'password', name: 'token', id: 'token', autocomplete: 'current-password', required: true })
  const attempt = (work) => (event) => { event.preventDefault(); work().catch((error) => { problem.textContent = error.message }) }
  return el('main', { class: 'signin', id: 'main' }, el('h1', {}, 'Sign in'), problem,
    providers.includes('guest') && el('section', { class: 'card' }, el('h2', {}, 'Guest'), el('p', {}, 'Look at everything; change nothing.'), el('button', { type: 'button', id: 'enter', click: attempt(() => signIn('guest')) }, 'Enter as guest')),
    providers.includes('accessToken') && el('form', { class: 'card', submit: attempt(() => signIn('accessToken', secret.value)) }, el('h2', {}, 'Access token'), el('p', {}, 'Create services and change the catalog. The token is backendSecret of Secret backstage-app-secrets.'), el('label', { for: 'token' }, 'Token'), secret, el('button', {}, 'Sign in')))
}

let leave = new AbortController()

/** Draws the page that the address names. */
async function show() {
  leave.abort()
  const here = leave = new AbortController()
  if (session.token === '') {
    const providers = await api('auth/providers').catch(() => [])
    document.body.replaceChildren(el('header', {}, el('b', {}, 'Backstage')), signInPage(providers))
    return
  }
  const main = el('main', { id: 'main', tabindex: '-1' }, el('p', { role: 'status' }, 'Loading …'))
  const config = await api('app/config').catch(() => undefined)
  if (config === undefined || here.signal.aborted) return
  const current = (path) => (location.pathname === path || (path !== '/' && location.pathname.startsWith(path)) ? { 'aria-current': 'page' } : {})
  document.body.replaceChildren(
    el('a', { class: 'skip', href: '#main', click: (event) => { event.preventDefault(); event.stopPropagation(); main.focus() } }, 'Skip to content'),
    el('header', {}, el('b', {}, config.title), el('nav', { 'aria-label': 'Main' }, link('/', 'Home', current('/')), link('/catalog', 'Catalog', current('/catalog')), link('/create', 'Create', current('/create'))),
      el('span', { class: 'end' }, `${config.user}${config.mayWrite ? '' : ' (read only)'}`, el('button', { type: 'button', click: () => { session.token = ''; go('/') } }, 'Sign out'))), main)
  const page = pages.find(([pattern]) => pattern.test(location.pathname))
  try {
    const parts = page === undefined ? [] : (page[0].exec(location.pathname) ?? []).slice(1).map(decodeURIComponent)
    const content = page === undefined ? [el('h1', {}, 'Not found')] : await page[1](parts, { config, query: new URLSearchParams(location.search), signal: here.signal })
    if (here.signal.aborted) return
    main.replaceChildren(...content.flat().filter((child) => child !== undefined && child !== false))
    document.title = `${main.querySelector('h1')?.textContent ?? ''} · ${config.title}`
  } catch (error) {
    if (!here.signal.aborted) main.replaceChildren(el('h1', {}, 'That did not work'), el('p', { role: 'alert', class: 'problem' }, error.message))
  }
}

show()
