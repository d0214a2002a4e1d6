// One field that finds everything: views, diagrams, Applications, objects.
import { el, titleOf } from './dom.js'
import { openObject } from './drawer.js'
import { api } from './store.js'

const pages = [['Architecture', '/architecture'], ['Applications', '/applications'], ['Problems', '/problems'], ['Timeline', '/timeline'], ['Nodes and pods', '/nodes']]

export function openSearch(go) {
  const field = el('input', { type: 'search', placeholder: 'Find a diagram, an Application, any object', 'aria-label': 'Search', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'found', autocomplete: 'off', spellcheck: 'false' })
  const list = el('ul', { id: 'found', role: 'listbox' })
  const dialog = el('dialog', { class: 'search', 'aria-label': 'Search', close() { dialog.remove() }, click(event) { if (event.target === dialog) dialog.close() } }, field, list)
  let found = []
  let chosen = 0
  let asked = 0
  let searching
  const diagrams = api('diagrams').catch(() => [])

  const choose = (index) => {
    chosen = Math.max(0, Math.min(found.length - 1, index))
    for (const [place, item] of [...list.children].entries()) item.setAttribute('aria-selected', String(place === chosen))
    list.children[chosen]?.scrollIntoView({ block: 'nearest' })
    field.setAttribute('aria-activedescendant', found.length === 0 ? '' : `found-${chosen}`)
  }
  const take = (entry) => {
    dialog.close()
    entry.act()
  }
  const search = async () => {
    const mine = ++asked
    const words = field.value.toLowerCase().split(/\s+/).filter((word) => word !== '')
    const fits = (text) => words.every((word) => text.toLowerCase().includes(word))
    const known = [...pages.map(([title, path]) => ({ kind: 'view', title, act: () => go(path) })), { kind: 'view', title: 'All diagrams', act: () => go('/architecture/all') }, ...(await diagrams).map((one) => ({ kind: 'diagram', title: one.title, act: () => go(`/architecture/${one.name}`) }))].filter((entry) => fits(`${entry.kind} ${entry.title}`))
    if (mine !== asked) return
    showFound(known, [])
    const objects = words.length === 0 ? [] : await api(`find?q=${encodeURIComponent(field.value)}`).catch(() => [])
    if (mine === asked) showFound(known, objects)
  }
  const showFound = (known, objects) => {
    const before = found[chosen]?.title
    found = [...known, ...objects.map((ref) => ({ kind: ref.kind, title: `${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`, label: titleOf(ref), act: () => (ref.kind === 'Application' ? go(`/applications/${ref.namespace}/${ref.name}`) : openObject(ref)) }))].slice(0, 40)
    list.replaceChildren(...found.map((entry, index) => el('li', { role: 'option', id: `found-${index}`, 'aria-label': entry.label, click: () => take(entry), pointermove: () => { if (chosen !== index) choose(index) } }, el('span', { class: 'kind' }, entry.kind), entry.title)))
    if (found.length === 0) list.replaceChildren(el('li', { class: 'dim', role: 'option', 'aria-disabled': 'true' }, 'nothing has that name'))
    choose(Math.max(0, found.findIndex((entry) => entry.title === before)))
  }
  field.addEventListener('input', () => { chosen = 0; found = []; searching = search() })
  field.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') { event.preventDefault(); choose(chosen + 1) }
    else if (event.key === 'ArrowUp') { event.preventDefault(); choose(chosen - 1) }
    else if (event.key === 'Enter') {
      event.preventDefault()
      // Who types faster than the answer comes means the answer, not what was listed before.
      void searching.then(() => { if (found[chosen] !== undefined) take(found[chosen]) })
    }
  })
  document.body.append(dialog)
  dialog.showModal()
  field.focus()
  searching = search()
}
