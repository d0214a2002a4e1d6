// The doctor's chains, live.
import { command, dot, el, keyed, plural, text, titleOf } from './dom.js'
import { openObject } from './drawer.js'
import { collections, onChange } from './store.js'

export function problems(main, _rest, { until }) {
  const summary = el('span', { class: 'dim' })
  const areas = el('ul', { class: 'areas' })
  const list = el('ol', { class: 'problems' })
  const notices = el('div', { class: 'dim notices' })
  main.append(el('div', { class: 'bar' }, el('h1', {}, 'Problems'), summary), areas, list, notices)
  const update = () => {
    const rows = [...collections.problems].map(([id, row]) => ({ id, ...row })).toSorted((a, b) => a.order - b.order)
    const found = rows.filter((row) => row.kind === 'problem')
    text(summary, found.length === 0 ? 'none: everything that is judged is well' : `${plural(found.length, 'problem')}; the one that most hangs on comes first`)
    keyed(areas, rows.filter((row) => row.kind === 'area'), (row) => row.id, area)
    keyed(list, found, (row) => row.id, problem)
    const { unread = [], notices: told = [] } = collections.about.get('sources') ?? {}
    notices.replaceChildren(...told.map((one) => el('p', {}, one)), unread.length > 0 ? el('p', {}, `Not read (no permission, or their API does not answer): ${unread.join(', ')}`) : '')
  }
  until(onChange((names) => { if (names.has('problems') || names.has('about')) update() }))
  update()
  return () => true
}

function area({ area: name, well, total, healthy }) {
  const [state, count] = [dot(healthy ? 'healthy' : 'unhealthy'), el('span', { class: 'figure' })]
  const made = el('li', {}, state, el('span', {}, name), count)
  made.update = (row) => { state.update(row.healthy ? 'healthy' : 'unhealthy'); text(count, row.healthy ? String(row.total) : `${row.well} of ${row.total}`) }
  made.update({ healthy, well, total })
  return made
}

function problem() {
  const made = el('li')
  let shown = ''
  made.update = (row) => {
    const next = JSON.stringify(row)
    if (next === shown) return
    shown = next
    const steps = /^(?:kubectl|idp|\.\/idp|vault|git) /
    made.replaceChildren(el('ol', { class: 'chain' }, row.chain.map((link) => el('li', {}, link.ref === undefined ? el('b', {}, link.subject) : el('button', { type: 'button', class: 'object', click: () => openObject(link.ref) }, titleOf(link.ref)), ' ', link.says.split('\n').map((line, index) => (index === 0 ? line : el('code', { class: 'line' }, line)))))),
      el('p', { class: 'remedy' }, el('b', {}, 'To do: '), row.remedy), ...[row.remedy.split(': ').findLast((part) => steps.test(part))].filter(Boolean).map(command),
      row.also.length === 0 ? '' : el('p', { class: 'dim' }, `For the same cause: ${row.also.join(', ')}`))
  }
  return made
}
