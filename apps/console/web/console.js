// The frame around the views: addresses, keys, the state of the connection.
import { architecture } from './architecture.js'
import { applications } from './applications.js'
import { closeDrawer, drawerIsOpen } from './drawer.js'
import { attributes, el, text } from './dom.js'
import { nodes } from './nodes.js'
import { problems } from './problems.js'
import { openSearch } from './search.js'
import { about, collections, follow, onChange, openSession, Refused } from './store.js'
import { timeline } from './timeline.js'

const views = [
  { name: 'architecture', title: 'Architecture', show: architecture },
  { name: 'applications', title: 'Applications', show: applications, count: () => [...collections.applications.values()].filter((app) => app.sync !== 'Synced' || app.health !== 'Healthy').length },
  { name: 'problems', title: 'Problems', show: problems, count: () => [...collections.problems.values()].filter((row) => row.kind === 'problem').length },
  { name: 'timeline', title: 'Timeline', show: timeline },
  { name: 'nodes', title: 'Nodes and pods', show: nodes },
]
const main = document.getElementById('main')
const links = new Map(views.map((view, index) => [view.name, el('a', { href: `/${view.name}`, 'aria-keyshortcuts': String(index + 1) }, view.title, el('span', { class: 'count', hidden: true }))]))
document.getElementById('views').append(...links.values())

let leave = () => {}
let shown

/** Goes to an address of the console. */
export function go(path, { replace = false } = {}) {
  if (path !== location.pathname + location.search) history[replace ? 'replaceState' : 'pushState'](null, '', path)
  show()
}

function show() {
  const [, name = '', ...rest] = location.pathname.split('/').map(decodeURIComponent)
  const view = views.find((one) => one.name === name) ?? views[0]
  for (const [own, link] of links) attributes(link, { 'aria-current': own === view.name ? 'page' : undefined })
  links.get(view.name).scrollIntoView({ block: 'nearest', inline: 'nearest' })
  document.title = `${view.title} · ${about.cluster?.name ?? 'idp'}`
  if (shown?.view === view && shown.move?.(rest) === true) return
  leave()
  closeDrawer()
  main.replaceChildren()
  main.className = view.name
  const scope = []
  leave = () => { for (const end of scope.splice(0)) end() }
  shown = { view, move: view.show(main, rest, { go, until: (end) => scope.push(end) }) }
}

document.addEventListener('click', (event) => {
  const anchor = event.target.closest?.('a')
  if (!anchor || event.metaKey || event.ctrlKey || event.shiftKey || anchor.origin !== location.origin || anchor.getAttribute('href').startsWith('#')) return
  event.preventDefault()
  go(anchor.pathname + anchor.search)
})
addEventListener('popstate', show)

const typing = (target) => target.matches?.('input, textarea, select') === true
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && drawerIsOpen()) { closeDrawer(); event.preventDefault() }
  if (event.defaultPrevented || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null) return
  if (event.key === '/') { event.preventDefault(); openSearch(go) }
  else if (/^[1-5]$/.test(event.key)) go(`/${views[Number(event.key) - 1].name}`)
  else if (event.key === '?') help()
})
document.getElementById('find').addEventListener('click', () => openSearch(go))

const keys = [['/', 'search everything'], ['1 – 5', 'the views'], ['j  k', 'next and previous: diagram, row'], ['Enter', 'open what has the focus'], ['v', 'arrange a diagram the other way'], ['space', 'hold the timeline'], ['Esc', 'close'], ['?', 'these keys']]
function help() {
  const dialog = el('dialog', { class: 'help', close() { dialog.remove() }, click(event) { if (event.target === dialog) dialog.close() } }, el('h2', {}, 'Keys'), el('dl', {}, keys.map(([key, what]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, what)])))
  document.body.append(dialog)
  dialog.showModal()
}

onChange((names) => {
  if (names.has('hello')) {
    text(document.getElementById('cluster'), about.cluster.name)
    document.getElementById('cluster').title = `${about.cluster.engine} engine`
    show()
  }
  if (names.has('state') || names.has('about')) {
    const place = document.getElementById('live')
    attributes(place, { class: `state ${about.state}`, title: about.state === 'live' ? `${collections.about.get('sources')?.objects ?? 0} objects watched` : 'the console does not answer' })
    text(place, { live: 'live', away: 'reconnecting', connecting: 'connecting' }[about.state])
  }
  if (names.has('applications') || names.has('problems')) {
    for (const view of views) {
      const badge = links.get(view.name).querySelector('.count')
      const count = view.count?.() ?? 0
      badge.hidden = count === 0
      text(badge, String(count))
      attributes(badge, { 'aria-label': `${count} not well` })
    }
  }
})

try {
  await openSession()
  show()
  await follow()
} catch (error) {
  leave()
  main.className = 'refused'
  if (!(error instanceof Refused)) console.error(error)
  main.replaceChildren(el('section', { class: 'notice', role: 'alert' }, el('h1', {}, error instanceof Refused ? 'No session' : 'This page has failed'), el('p', {}, error.message), el('p', {}, error.remedy ?? '')))
}
