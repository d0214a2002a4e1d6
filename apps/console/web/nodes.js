// Nodes and the pods on them, by pool.
import { ago, attributes, dot, el, keyed, plural, text } from './dom.js'
import { rowKeys } from './applications.js'
import { openObject } from './drawer.js'
import { collections, now, onChange } from './store.js'

export function nodes(main, _rest, { until }) {
  const filter = el('input', { type: 'search', placeholder: 'filter pods', 'aria-label': 'Filter pods', input: () => update() })
  const summary = el('span', { class: 'dim' })
  const map = el('div', { class: 'pools' })
  const body = el('tbody')
  main.append(el('div', { class: 'bar' }, el('h1', {}, 'Nodes and pods'), summary, filter), map,
    el('div', { class: 'scroll' }, el('table', { class: 'rows pods' }, el('thead', {}, el('tr', {}, [['Pod', ''], ['Ready', ''], ['Restarts', 'wide'], ['Runs', ''], ['Node', 'wide'], ['Image', 'wide'], ['Age', 'wide']].map(([name, kind]) => el('th', { scope: 'col', class: kind }, name)))), body)))
  const update = () => {
    const pods = [...collections.pods.values()]
    const words = filter.value.toLowerCase().split(/\s+/)
    const fits = (pod) => words.every((word) => `${pod.namespace}/${pod.name} ${pod.node} ${pod.phase} ${pod.standIn} ${pod.image}`.toLowerCase().includes(word))
    const simulated = pods.filter((pod) => pod.standIn === 'simulated').length
    const programs = pods.filter((pod) => pod.standIn === 'program').length
    text(summary, `${plural(collections.nodes.size, 'node')}, ${plural(pods.length, 'pod')}${programs > 0 ? `, ${programs} run programs of idp` : ''}${simulated > 0 ? `, ${simulated} simulated` : ''}`)
    keyed(map, [...collections.nodes.values()].toSorted((a, b) => a.pool.localeCompare(b.pool) || a.name.localeCompare(b.name)), (node) => node.name, nodeCard)
    for (const [name, card] of map.kept) card.pods(pods.filter((pod) => pod.node === name && pod.phase !== 'Succeeded' && pod.phase !== 'Failed'), fits)
    keyed(body, pods.filter(fits).toSorted((a, b) => rank(a) - rank(b) || a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)), (pod) => `${pod.namespace}/${pod.name}`, podRow)
  }
  until(onChange((names) => { if (names.has('pods') || names.has('nodes')) update() }))
  const ticking = setInterval(update, 10_000)
  until(() => clearInterval(ticking))
  until(rowKeys(main))
  update()
  return () => true
}

const rank = (pod) => ['unhealthy', 'progressing', 'healthy', 'neutral'].indexOf(pod.health) + (pod.phase === 'Succeeded' ? 5 : 0)
const open = (pod) => openObject({ kind: 'Pod', namespace: pod.namespace, name: pod.name })

function nodeCard(node) {
  const [state, facts] = [dot('neutral'), el('p', { class: 'dim' })]
  const cells = el('div', { class: 'cells' })
  const made = el('section', { class: 'node', 'aria-label': node.name }, el('h2', {}, state, el('button', { type: 'button', class: 'object', click: () => openObject({ kind: 'Node', name: node.name }) }, node.name), el('span', { class: 'tag' }, node.pool)), facts, cells)
  made.update = (next) => {
    state.update(next.ready ? (next.unschedulable ? 'progressing' : 'healthy') : 'unhealthy')
    text(facts, [`${next.pods} of ${next.most} pods`, `asked for: cpu ${next.cpu}, memory ${next.memory}`, next.address, next.version, next.unschedulable ? 'cordoned' : ''].filter((word) => word !== '').join(' · '))
  }
  made.pods = (pods, fits) => {
    keyed(cells, pods.toSorted((a, b) => a.namespace.localeCompare(b.namespace) || a.name.localeCompare(b.name)), (pod) => `${pod.namespace}/${pod.name}`, cell)
    for (const pod of pods) cells.kept.get(`${pod.namespace}/${pod.name}`)?.classList.toggle('out', !fits(pod))
  }
  return made
}

function cell(pod) {
  const made = el('button', { type: 'button', click: () => open(pod) })
  made.update = (next) => attributes(made, { class: `cell ${next.health}${next.standIn === 'simulated' ? ' simulated' : ''}`, title: `${next.namespace}/${next.name}\n${next.phase}${next.standIn === '' ? '' : `, ${next.standIn}`}`, 'aria-label': `Pod ${next.namespace}/${next.name}, ${next.phase}` })
  return made
}

function podRow(pod) {
  const [state, ready, restarts, runs, age, says] = [dot('neutral'), el('td'), el('td', { class: 'wide' }), el('td'), el('td', { class: 'wide dim' }), el('p', { class: 'cause' })]
  const made = el('tr', {}, el('td', {}, state, el('button', { type: 'button', class: 'object', click: () => open(pod) }, el('span', { class: 'dim' }, `${pod.namespace}/`), pod.name), says), ready, restarts, runs, el('td', { class: 'wide dim' }, pod.node), el('td', { class: 'wide mono dim image' }, pod.image), age)
  made.update = (next) => {
    state.update(next.health)
    text(ready, next.phase === 'Running' ? next.ready : next.phase)
    attributes(text(restarts, next.restarts === 0 ? '' : String(next.restarts)), { class: next.restarts > 0 ? 'wide warn' : 'wide' })
    const words = next.standIn === '' && next.phase === 'Pending' ? '' : standIns[next.standIn] ?? next.standIn
    if (runs.textContent !== words) runs.replaceChildren(next.standIn === '' ? words : el('span', { class: `tag ${next.standIn === 'simulated' ? 'standin' : ''}` }, words))
    text(age, ago(Date.parse(next.started), now()))
    says.hidden = next.says === ''
    text(says, next.says)
  }
  return made
}

const standIns = { program: 'program of idp', simulated: 'simulated', '': 'its image' }
