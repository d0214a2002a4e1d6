// The details of an arrow, a box or an object, at the side; renewed while it is open.
import { ago, command, dot, el, titleOf } from './dom.js'
import { api, now, onChange, onLight } from './store.js'

const place = document.getElementById('drawer')
let end = () => {}
let before

export const drawerIsOpen = () => !place.hidden

export function closeDrawer() {
  end()
  end = () => {}
  if (place.hidden) return
  place.hidden = true
  place.replaceChildren()
  if (before?.isConnected) before.focus()
  before = undefined
}

/** Opens the drawer on what `load` gives, drawn by `draw`, and renews it when `renews(names, light)` says so. */
function open(load, draw, renews) {
  if (place.hidden) before = document.activeElement
  end()
  const body = el('div', { class: 'body' }, el('p', { class: 'dim' }, 'Loading'))
  const close = el('button', { type: 'button', class: 'quiet close', 'aria-label': 'Close', click: closeDrawer }, 'Close', el('kbd', {}, 'Esc'))
  place.hidden = false
  place.replaceChildren(close, body)
  close.focus({ preventScroll: true })
  let running = false
  let again = false
  let over = false
  const renew = async () => {
    if (running) { again = true; return }
    running = true
    try {
      const detail = await load()
      if (over) return
      const opened = new Set([...body.querySelectorAll('details[open]')].map((one) => one.dataset.key))
      const logs = new Map([...body.querySelectorAll('details.log')].map((one) => [one.dataset.key, one]))
      body.replaceChildren(...[draw(detail, logs)].flat(Infinity).filter(Boolean))
      for (const one of body.querySelectorAll('details')) if (opened.has(one.dataset.key)) one.open = true
    } catch (error) {
      if (!over) body.replaceChildren(el('p', { role: 'alert' }, error.message), el('p', { class: 'dim' }, error.remedy ?? ''))
    } finally {
      running = false
      if (again && !over) { again = false; later = setTimeout(renew, 400) }
    }
  }
  let later
  const stops = [onChange((names) => { if (renews(names)) void renew() }), onLight((light) => { if (renews(new Set(), light)) void renew() })]
  end = () => { over = true; clearTimeout(later); for (const stop of stops) stop() }
  void renew()
}

export function openArrow(id) {
  open(() => api(`arrows/${encodeURIComponent(id)}`), drawArrow, (names, light) => light?.arrows.includes(id) === true || names.has('boxes'))
}

export function openBox(diagram, box) {
  open(() => api(`boxes/${encodeURIComponent(diagram)}/${encodeURIComponent(box)}`), drawBox, (names) => names.has('boxes') || names.has('pods'))
}

export function openObject(ref) {
  const query = new URLSearchParams({ kind: ref.kind, name: ref.name, namespace: ref.namespace ?? '' })
  open(() => api(`objects?${query}`), drawObject, (names) => ['boxes', 'pods', 'applications', 'timeline'].some((name) => names.has(name)))
}

export function objectLink(ref, label = titleOf(ref)) {
  return el('button', { type: 'button', class: 'object', click: () => openObject(ref) }, label)
}

export const when = (at) => el('time', { datetime: typeof at === 'number' ? new Date(at).toISOString() : at, title: new Date(at).toLocaleString() }, `${ago(typeof at === 'number' ? at : Date.parse(at), now())}`)
export const section = (title, ...content) => el('section', {}, el('h3', {}, title), ...content)
const verdictWords = { 'proven': 'proven', 'failed': 'failed', 'not proven': 'not proven' }

function drawArrow({ from, to, label, proof, verdict, lights, count, events, check }, logs) {
  return [
    el('h2', {}, from.label, el('span', { class: 'dim' }, ' → '), to.label), label !== '' && el('p', { class: 'lead' }, label),
    section(count === 0 ? 'Seen now' : `Seen ${count} times since the console runs`, lights.length === 0 ? el('p', { class: 'dim' }, 'Nothing yet. It lights when the watch, Hubble or a counter shows that something flows.')
      : el('ol', { class: 'lights' }, lights.map((light) => el('li', {}, when(light.at), el('span', { class: 'source' }, light.source), light.ref === undefined ? light.says : objectLink(light.ref, light.says))))),
    section('Proof', el('p', {}, el('b', { class: `verdict ${(verdict?.verdict ?? 'none').replace(' ', '-')}` }, verdictWords[verdict?.verdict] ?? 'not verified yet'), verdict === undefined ? '' : ` in ${verdict.ms} ms: ${verdict.evidence}`),
      el('p', { class: 'dim' }, proof.does, check !== '' && el('span', {}, ' (check ', el('code', {}, check), ')'))),
    section('See it by hand', proof.look.map(command)),
    behind(from), behind(to), eventList(events), logList([...from.logs, ...to.logs].slice(0, 12), logs),
  ]
}

function drawBox(box, logs) {
  return [el('h2', {}, box.label), behind(box), eventList(box.events), logList(box.logs, logs)]
}

function behind({ label, objects }) {
  if (objects.length === 0) return undefined
  return section(`Behind ${label}`, el('ul', { class: 'objects' }, objects.map(({ ref, health, missing, simulated }) => el('li', {}, dot(health), missing ? el('span', { class: 'bad' }, `${titleOf(ref)} is missing`) : objectLink(ref), simulated && el('span', { class: 'tag standin' }, 'simulated')))))
}

function eventList(events) {
  if (events.length === 0) return undefined
  return section('Events', el('ol', { class: 'events' }, events.map((event) => el('li', { class: event.type === 'Warning' ? 'warn' : undefined }, when(event.at), el('span', {}, el('b', {}, event.reason), event.count > 1 && el('span', { class: 'dim' }, ` ×${event.count}`), ' ', event.message, el('span', { class: 'dim about' }, event.about))))))
}

function logList(pods, known) {
  if (pods.length === 0) return undefined
  return section('Logs', pods.flatMap(({ namespace, pod, containers }) => containers.map((container) => known.get(`log ${namespace}/${pod}/${container}`) ?? logOf(namespace, pod, container))))
}

function logOf(namespace, pod, container) {
  const lines = el('pre', { tabindex: 0, 'aria-label': `Log of ${pod}` })
  const key = `log ${namespace}/${pod}/${container}`
  const made = el('details', { class: 'log', 'data-key': key }, el('summary', {}, el('code', {}, pod), container !== '' && el('span', { class: 'dim' }, ` ${container}`)), lines)
  let timer
  const read = async () => {
    if (!made.isConnected || !made.open) return
    try {
      const { lines: found } = await api(`logs?${new URLSearchParams({ namespace, pod, container, tail: '80' })}`)
      const next = found.map((line) => line.replace(/^(\d{4}-\S+T)(\d\d:\d\d:\d\d)\S*Z /, '$2 ')).join('\n') || 'it has printed nothing'
      if (lines.textContent !== next) {
        const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 8
        lines.textContent = next
        if (atEnd) lines.scrollTop = lines.scrollHeight
      }
    } catch (error) {
      lines.textContent = error.message
    }
    clearTimeout(timer)
    timer = setTimeout(read, 2500)
  }
  made.addEventListener('toggle', () => void read())
  return made
}

function drawObject({ ref, there, health, facts, conditions, writers, events, owners, logs, look }, knownLogs) {
  return [
    el('p', { class: 'kind' }, ref.kind), el('h2', { class: 'object-name' }, dot(health), `${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`), !there && el('p', { class: 'bad' }, 'It is not there.'),
    facts.length > 0 && el('dl', { class: 'facts' }, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, name === 'stand-in' ? el('span', { class: 'tag standin' }, value) : value)])),
    owners.length > 0 && section('Belongs to', el('ul', { class: 'objects' }, owners.map((owner) => el('li', {}, objectLink(owner))))),
    conditions.length > 0 && section('Conditions', el('ul', { class: 'conditions' }, conditions.map((one) => el('li', { class: one.status }, el('b', {}, one.type), el('span', { class: 'status' }, one.status), one.reason !== '' && el('span', { class: 'dim' }, one.reason), one.message !== '' && el('p', {}, one.message), one.at !== '' && when(one.at))))),
    eventList(events),
    writers.length > 0 && section('Written by', el('ul', { class: 'writers' }, writers.map((one) => el('li', {}, el('code', {}, one.manager), el('span', { class: 'dim' }, one.what), one.at !== '' && when(one.at))))),
    logList(logs, knownLogs), section('See it by hand', look.map(command)),
  ]
}

