// Applications: the list, and one with its tree, its differences, its operation and its history.
import { ago, attributes, dot, el, keyed, plural, say, text } from './dom.js'
import { objectLink, section, when } from './drawer.js'
import { api, collections, now, onChange } from './store.js'

const health = (app) => (app.health === 'Healthy' ? 'healthy' : app.health === 'Progressing' || app.health === 'Suspended' ? 'progressing' : 'unhealthy')
const well = (app) => app.sync === 'Synced' && app.health === 'Healthy'

export function applications(main, rest, context) {
  let shown = ''
  let end = () => {}
  const show = (path) => {
    const next = path.length >= 2 ? `${path[0]}/${path[1]}` : 'list'
    if (next === shown) return true
    end()
    main.replaceChildren()
    shown = next
    end = next === 'list' ? applicationList(main, context) : applicationPage(main, path)
    return true
  }
  context.until(() => end())
  show(rest)
  return show
}

function applicationList(main, { go }) {
  const filter = el('input', { type: 'search', placeholder: 'filter', 'aria-label': 'Filter Applications', input: () => update() })
  const summary = el('span', { class: 'dim' })
  const body = el('tbody')
  main.append(el('div', { class: 'bar' }, el('h1', {}, 'Applications'), summary, filter), el('div', { class: 'scroll' }, el('table', { class: 'rows' }, el('thead', {}, el('tr', {}, ['Name', 'Sync', 'Health', 'Source', 'Commit', 'Synced'].map((name, index) => el('th', { scope: 'col', class: ['', '', '', 'wide', 'wide', 'wide'][index] }, name)))), body)))
  function row(app) {
    const path = `/applications/${app.namespace}/${app.name}`
    const [state, sync, healthWord, age, commit] = [dot('neutral'), el('span'), el('span'), el('td', { class: 'wide dim' }), el('td', { class: 'wide' })]
    const cause = el('p', { class: 'cause' })
    const made = el('tr', { 'data-name': app.name, click: (event) => { if (event.target.closest('a') === null) go(path) } }, el('td', {}, state, el('a', { href: path }, app.name), cause), el('td', {}, sync), el('td', {}, healthWord), el('td', { class: 'wide mono dim' }, app.source), commit, age)
    made.update = (now_) => {
      state.update(health(now_))
      attributes(text(sync, now_.sync), { class: now_.sync === 'Synced' ? 'dim' : 'warn' })
      attributes(text(healthWord, now_.phase === 'Running' ? `${now_.health}, syncing` : now_.health), { class: now_.health === 'Healthy' ? 'dim' : health(now_) === 'progressing' ? 'warn' : 'bad' })
      text(commit, now_.revision.slice(0, 7))
      text(age, now_.synced === '' ? '' : ago(Date.parse(now_.synced), now()))
      cause.hidden = now_.cause === ''
      text(cause, now_.cause)
    }
    return made
  }
  const update = () => {
    const all = [...collections.applications.values()]
    const words = filter.value.toLowerCase().split(/\s+/)
    const shown = all.filter((app) => words.every((word) => `${app.name} ${app.sync} ${app.health} ${app.source} ${app.project}`.toLowerCase().includes(word))).toSorted((a, b) => Number(well(a)) - Number(well(b)) || a.name.localeCompare(b.name))
    text(summary, all.length === 0 ? 'there are none' : `${all.filter(well).length} of ${all.length} Synced and Healthy`)
    keyed(body, shown, (app) => `${app.namespace}/${app.name}`, row)
  }
  const stop = onChange((names) => { if (names.has('applications')) update() })
  const ticking = setInterval(update, 5000)
  const stopKeys = rowKeys(main)
  update()
  return () => { stop(); clearInterval(ticking); stopKeys() }
}

/** j and k move the focus along the links of a list. */
export function rowKeys(main) {
  const keys = (event) => {
    if ((event.key !== 'j' && event.key !== 'k') || event.target.matches?.('input, select') || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]') !== null) return
    const links = [...main.querySelectorAll('tbody a, tbody button.object')]
    const index = links.indexOf(document.activeElement)
    links[Math.max(0, Math.min(links.length - 1, index + (event.key === 'j' ? 1 : -1)))]?.focus()
  }
  addEventListener('keydown', keys)
  return () => removeEventListener('keydown', keys)
}

function applicationPage(main, [namespace, name]) {
  const body = el('div', { class: 'detail' })
  const status = el('span', { class: 'dim' })
  const act = (action, label, hint) => el('button', { type: 'button', title: hint, async click() {
    try {
      await api(`applications/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${action}`, { method: 'POST' })
      say(`${label} asked for`)
    } catch (error) { say(error.message) }
  } }, label)
  main.append(el('div', { class: 'bar' }, el('a', { href: '/applications', class: 'back' }, 'Applications'), el('h1', {}, name), status, el('span', { class: 'actions' }, act('refresh', 'Refresh', 'compare with Git now'), act('hard-refresh', 'Hard refresh', 'render again, without caches'), act('sync', 'Sync', 'apply what Git says, with the Application’s own options'))), body)
  let over = false
  const renew = async () => {
    const row = collections.applications.get(`${namespace}/${name}`)
    if (row !== undefined) text(status, `${row.sync}, ${row.health}${row.phase === 'Running' ? ', syncing' : ''}`)
    try {
      const detail = await api(`applications/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`)
      if (!over) draw(body, detail)
    } catch (error) { if (!over) body.replaceChildren(el('p', { role: 'alert', class: 'notice' }, error.message)) }
  }
  const stop = onChange((names) => { if (names.has('applications')) void renew() })
  void renew()
  return () => { over = true; stop() }
}

function draw(body, { facts, conditions, operation, history, differ, tree }) {
  const left = el('div', {},
    conditions.length > 0 && section('Told by Argo CD', conditions.map((one) => el('p', { class: one.type.endsWith('Error') ? 'bad' : 'warn' }, el('b', {}, `${one.type}: `), one.message))),
    section(differ.length === 0 ? 'No difference to Git' : `${plural(differ.length, 'resource')} not as in Git`, differ.length > 0 && el('ul', { class: 'plain' }, differ.map((one) => el('li', {}, el('code', {}, one.what), el('span', { class: 'warn' }, ` ${one.status}`), one.message !== '' && el('p', { class: 'dim' }, one.message))))),
    operation !== undefined && section('Last operation', el('p', {}, el('b', { class: operation.phase === 'Succeeded' ? 'good' : operation.phase === 'Running' ? 'warn' : 'bad' }, operation.phase), ' ', operation.message), el('p', { class: 'dim' }, operation.revision.slice(0, 7), operation.by !== '' && ` by ${operation.by}`, operation.started !== '' && [', started ', when(operation.started), ' ago']),
      operation.results.length > 0 && el('details', { 'data-key': 'results', open: operation.phase !== 'Succeeded' }, el('summary', {}, plural(operation.results.length, 'resource')), el('ul', { class: 'plain' }, operation.results.map((one) => el('li', {}, el('code', {}, one.what), el('span', { class: one.status === 'SyncFailed' || one.status === 'Failed' ? 'bad' : 'dim' }, ` ${one.message || one.status}`)))))),
    section('Facts', el('dl', { class: 'facts' }, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))),
    history.length > 0 && section('History', el('ol', { class: 'plain' }, history.map((one) => el('li', {}, el('code', {}, one.revision.slice(0, 7)), ' ', when(one.at), ' ago', one.by !== '' && el('span', { class: 'dim' }, ` ${one.by}`))))))
  const right = section(`${plural(tree.filter((row) => row.depth === 0).length, 'resource')} and what came of them`, el('ul', { class: 'tree' }, tree.map(({ ref, depth, sync, health: state, says, simulated }) => el('li', { class: `d${Math.min(depth, 4)}` }, dot(state), objectLink(ref, el('span', {}, el('span', { class: 'dim' }, `${ref.kind} `), ref.name)), sync !== '' && sync !== 'Synced' && el('span', { class: 'warn' }, sync), simulated && el('span', { class: 'tag standin' }, 'simulated'), says !== '' && el('span', { class: 'dim says' }, says)))))
  const open = new Set([...body.querySelectorAll('details[open]')].map((one) => one.dataset.key))
  body.replaceChildren(left, right)
  for (const one of body.querySelectorAll('details')) if (open.has(one.dataset.key)) one.open = true
}
