// What happened in the last minutes, in one stream.
import { clock, el, keyed, plural, text, titleOf } from './dom.js'
import { objectLink } from './drawer.js'
import { collections, onChange } from './store.js'

const classes = { commit: 'commits', sync: 'syncs', admission: 'admission', pod: 'pods', secret: 'secrets', certificate: 'certificates', scan: 'scans', workflow: 'workflows', node: 'nodes', event: 'warnings' }
const off = new Set()
let [system, namespace] = ['', '']

export function timeline(main, _rest, { until }) {
  let held = false
  const filter = el('input', { type: 'search', placeholder: 'filter', 'aria-label': 'Filter the timeline', input: () => update() })
  const choose = (label, change) => el('select', { 'aria-label': label, change })
  const systems = choose('System', () => { system = systems.value; update() })
  const spaces = choose('Namespace', () => { namespace = spaces.value; update() })
  const hold = el('button', { type: 'button', 'aria-pressed': 'false', 'aria-keyshortcuts': 'Space', click: () => { held = !held; hold.setAttribute('aria-pressed', String(held)); text(hold, held ? 'Held' : 'Hold'); update() } }, 'Hold')
  const summary = el('span', { class: 'dim' })
  const chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'What is shown' }, Object.entries(classes).map(([name, words]) => el('button', { type: 'button', class: 'chip', 'aria-pressed': String(!off.has(name)), click(event) {
    if (!off.delete(name)) off.add(name)
    event.currentTarget.setAttribute('aria-pressed', String(!off.has(name)))
    update()
  } }, words)))
  const list = el('ol', { class: 'stream' })
  main.append(el('div', { class: 'bar' }, el('h1', {}, 'Timeline'), summary, systems, spaces, filter, hold), chips, el('div', { class: 'scroll' }, list))
  const opened = Date.now()

  const options = (select, label, values, chosen) => {
    const wanted = ['', ...values]
    if (select.childElementCount !== wanted.length) select.replaceChildren(...wanted.map((value) => el('option', { value }, value === '' ? label : value)))
    select.value = chosen
  }
  function update() {
    const all = [...collections.timeline.values()]
    options(systems, 'all systems', [...new Set(all.map((entry) => entry.system))].toSorted(), system)
    options(spaces, 'all namespaces', [...new Set(all.map((entry) => entry.namespace))].filter((one) => one !== '').toSorted(), namespace)
    if (held) return
    const words = filter.value.toLowerCase().split(/\s+/)
    const shown = all.filter((entry) => !off.has(entry.class) && (system === '' || entry.system === system) && (namespace === '' || entry.namespace === namespace) && words.every((word) => `${entry.title} ${entry.detail} ${entry.system} ${entry.ref ? titleOf(entry.ref) : ''}`.toLowerCase().includes(word))).toSorted((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    text(summary, plural(shown.length, 'entry', 'entries'))
    keyed(list, shown, (entry) => entry.id, row)
  }
  function row(entry) {
    const [time, title, detail] = [el('time'), el('b'), el('span', { class: 'what' })]
    const made = el('li', { class: `told-${entry.tone}${entry.at > opened ? ' new' : ''}` }, time, el('span', { class: 'system' }, entry.system), el('span', { class: 'told' }, title, entry.ref !== undefined && objectLink(entry.ref, `${entry.ref.kind} ${entry.ref.namespace ? `${entry.ref.namespace}/` : ''}${entry.ref.name}`), detail))
    made.update = (next) => { text(time, clock(next.at)); text(title, next.title); text(detail, next.detail) }
    return made
  }
  const keys = (event) => { if (event.key === ' ' && (event.target === document.body || event.target === main)) { event.preventDefault(); hold.click() } }
  addEventListener('keydown', keys)
  until(() => removeEventListener('keydown', keys))
  until(onChange((names) => { if (names.has('timeline')) update() }))
  update()
  return () => true
}
