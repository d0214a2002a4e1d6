// The session, the stream of patches, and the collections that views read.
const sessionName = 'idp-console'

export const collections = { boxes: new Map(), arrows: new Map(), applications: new Map(), problems: new Map(), nodes: new Map(), pods: new Map(), timeline: new Map(), about: new Map() }
/** Difference of the server's clock to this one, and what the stream said of the cluster. */
export const about = { skew: 0, cluster: undefined, state: 'connecting' }
export const now = () => Date.now() + about.skew

const listeners = new Set()
let told = new Set()
let frame

/** Calls `listener(names)` once a frame with the names of the collections that changed. Returns what ends it. */
export function onChange(listener) {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const lightListeners = new Set()
/** Calls `listener(light)` for each light as it comes. */
export function onLight(listener) {
  lightListeners.add(listener)
  return () => lightListeners.delete(listener)
}

function changed(name) {
  told.add(name)
  frame ??= requestAnimationFrame(tell)
}

// A page that is not shown has no frames: what comes meanwhile is told when it is looked at, or at the next tick.
addEventListener('visibilitychange', () => { if (!document.hidden && told.size > 0) tell() })

function tell() {
  frame = undefined
  const names = told
  told = new Set()
  for (const listener of listeners) listener(names)
}

export class Refused extends Error {
  constructor(message, remedy) { super(message); this.remedy = remedy }
}

const session = { get value() { return localStorage.getItem(sessionName) ?? '' }, set value(text) { localStorage.setItem(sessionName, text) } }

/** Trades the token of the link for a session of this browser; the token leaves the address at once. */
export async function openSession() {
  const token = /^#([\w-]{20,})$/.exec(location.hash)?.[1]
  if (token === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  const response = await fetch('/api/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }) })
  if (response.ok) session.value = (await response.json()).session
}

export async function api(path, init = {}) {
  const response = await fetch(`/api/${path}`, { ...init, headers: { ...init.headers, authorization: `Bearer ${session.value}` } })
  const body = await response.json().catch(() => ({}))
  if (!response.ok) throw new Refused(body.message ?? `HTTP ${response.status}`, body.remedy)
  return body
}

function take(message) {
  if (message.c === 'hello') {
    about.skew = message.now - Date.now()
    about.cluster = message.cluster
    return changed('hello')
  }
  if (message.c === 'light') {
    for (const id of message.arrows) {
      const arrow = collections.arrows.get(id)
      if (arrow !== undefined) { arrow.last = message; arrow.count += 1 }
    }
    for (const listener of lightListeners) listener(message)
    return changed('arrows')
  }
  const rows = collections[message.c]
  if (rows === undefined) return
  if (message.all !== undefined) { rows.clear(); for (const [id, row] of Object.entries(message.all)) rows.set(id, row) }
  for (const [id, row] of Object.entries(message.set ?? {})) rows.set(id, row)
  for (const id of message.gone ?? []) rows.delete(id)
  changed(message.c)
}

function state(value) {
  about.state = value
  changed('state')
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** Follows the stream for as long as the page is open; comes back by itself when it ends. Throws Refused without a session. */
export async function follow() {
  for (let wait = 250; ;) {
    try {
      const quiet = new AbortController()
      let alarm
      const alive = () => { clearTimeout(alarm); alarm = setTimeout(() => quiet.abort(), 25_000) }
      const response = await fetch('/api/stream', { headers: { authorization: `Bearer ${session.value}` }, signal: quiet.signal })
      if (response.status === 401) { const { message, remedy } = await response.json(); throw new Refused(message, remedy) }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      let rest = ''
      alive()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        alive()
        if (about.state !== 'live') state('live')
        wait = 250
        const blocks = (rest + value).split('\n\n')
        rest = blocks.pop()
        for (const block of blocks) if (block.startsWith('data: ')) take(JSON.parse(block.slice(6)))
      }
      clearTimeout(alarm)
    } catch (error) {
      if (error instanceof Refused) throw error
    }
    state('away')
    await pause(wait)
    wait = Math.min(wait * 2, 4000)
  }
}
