// The diagrams, drawn from what is there and lit by what happens.
import { ago, attributes, dot, el, healthWords, keyed, text } from './dom.js'
import { openArrow, openBox } from './drawer.js'
import { api, collections, now, onChange, onLight } from './store.js'
import { createWall } from './wall.js'

const litFor = 2600, recentFor = 45_000
const narrow = matchMedia('(max-width: 760px)')
const order = ['unhealthy', 'progressing', 'healthy', 'neutral']
const marks = { 'proven': ['✓', 'proven by the last idp verify'], 'failed': ['✗', 'failed in the last idp verify'], 'not proven': ['○', 'not proven by the last idp verify'], '': ['', 'not verified yet'] }

let known
const drawings = new Map()
const drawingOf = (name) => {
  const key = `${name}${narrow.matches ? '?narrow=1' : ''}`
  if (!drawings.has(key)) drawings.set(key, api(`diagrams/${key}`).catch((error) => { drawings.delete(key); throw error }))
  return drawings.get(key)
}

export function architecture(main, rest, { go, until }) {
  const rail = el('nav', { class: 'rail', 'aria-label': 'Diagrams' })
  const chooser = el('select', { class: 'chooser', 'aria-label': 'Diagram', change: () => go(`/architecture/${chooser.value}`) })
  const heading = el('h1', { class: 'title' })
  const proof = el('span', { class: 'proof' })
  const turn = el('button', { type: 'button', class: 'quiet', title: 'Arrange the other way', 'aria-keyshortcuts': 'v', click: () => board.turn() }, 'turn', el('kbd', {}, 'v'))
  const canvas = el('div', { class: 'canvas' })
  const list = el('ol', { class: 'arrows', 'aria-label': 'Arrows of this diagram' })
  const sources = el('p', { class: 'sources' })
  const wall = createWall()
  const all = { name: 'all', title: 'All diagrams' }
  main.append(rail, el('section', { class: 'stage' }, el('div', { class: 'bar' }, chooser, heading, proof, turn), canvas), el('section', { class: 'panel', 'aria-label': 'What flows' }, list, wall.list, sources))
  const board = createBoard(canvas)
  let current = ''
  let arrows = []

  const railUpdate = () => keyed(rail, known === undefined ? [] : [all, ...known], (one) => one.name, railLink)
  const listUpdate = () => (current === 'all' ? wall.update() : keyed(list, arrows, (arrow) => arrow.id, arrowRow))
  const state = () => {
    const ids = current === 'all' ? [...collections.arrows.keys()] : arrows.map(({ id }) => id)
    const verdicts = ids.map((id) => collections.arrows.get(id)?.verdict ?? '')
    const proven = verdicts.filter((verdict) => verdict === 'proven').length
    const at = collections.about.get('sources')?.verdictsAt ?? 0
    attributes(proof, { class: `proof${verdicts.includes('failed') ? ' bad' : ''}`, title: at === 0 ? 'idp verify --output json > FILE, then idp console --verdicts FILE' : `idp verify ended ${new Date(at).toLocaleString()}` })
    text(proof, at === 0 ? 'not verified yet' : `${proven} of ${ids.length} proven, ${ago(at, now())} ago`)
  }
  const sourcesUpdate = () => {
    const { objects = 0, unread = [], flows = '' } = collections.about.get('sources') ?? {}
    text(sources, [`${objects} objects watched`, flows === '' ? 'Hubble’s flows followed' : `no flows: ${flows}`, unread.length > 0 ? `not read: ${unread.join(', ')}` : ''].filter(Boolean).join(' · '))
  }
  const open = async (name) => {
    current = name
    railUpdate()
    chooser.value = name
    list.hidden = name === 'all'
    wall.list.hidden = name !== 'all'
    try {
      if (name === 'all') {
        text(heading, all.title)
        turn.hidden = true
        board.clear()
        canvas.replaceChildren(wall.element)
        state()
        wall.update()
        return await wall.draw()
      }
      const diagram = await drawingOf(name)
      if (current !== name) return
      arrows = diagram.arrows
      text(heading, diagram.title)
      turn.hidden = diagram.shape === 'sequence'
      board.draw(diagram)
      listUpdate()
      state()
    } catch (error) {
      canvas.replaceChildren(el('p', { role: 'alert', class: 'notice' }, error.message))
    }
  }
  const move = (path) => {
    if (known === undefined) return true
    const name = path[0] === 'all' || known.some((one) => one.name === path[0]) ? path[0] : '06-general-architecture'
    if (name !== current) void open(name)
    return true
  }
  const start = async () => {
    known ??= await api('diagrams')
    chooser.replaceChildren(...[all, ...known].map((one) => el('option', { value: one.name }, one === all ? one.title : `${Number.parseInt(one.name, 10)}  ${one.title}`)))
    move(rest)
  }
  start().catch(() => {})
  sourcesUpdate()

  const step = (by) => {
    const every = known === undefined ? [] : [all, ...known]
    const next = every[(every.findIndex((one) => one.name === current) + by + every.length) % every.length]
    if (next !== undefined) go(`/architecture/${next.name}`)
  }
  const keys = (event) => {
    if (event.target.matches?.('input, textarea, select') || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]') !== null) return
    if (event.key === 'j') step(1)
    else if (event.key === 'k') step(-1)
    else if (event.key === 'v') board.turn()
  }
  addEventListener('keydown', keys)
  const renarrow = () => { const name = current; current = ''; if (name !== '') void open(name) }
  narrow.addEventListener('change', renarrow)
  const ticking = setInterval(() => { listUpdate(); state() }, 1000)
  until(() => { removeEventListener('keydown', keys); narrow.removeEventListener('change', renarrow); clearInterval(ticking); board.end() })
  until(onChange((names) => {
    if (names.has('boxes')) { board.boxes(); wall.paint(); railUpdate() }
    if (names.has('arrows')) { listUpdate(); board.verdicts(); state() }
    if (names.has('about')) { state(); sourcesUpdate() }
  }))
  until(onLight((light) => {
    board.light(light)
    if (current === 'all') wall.light(light)
    for (const name of new Set(light.arrows.map((id) => id.split(':')[0]))) flash(rail.kept?.get(name))
  }))

  function railLink(one) {
    const health = dot('neutral')
    const made = el('a', { href: `/architecture/${one.name}` }, health, el('span', { class: 'name' }, one !== all && el('span', { class: 'number' }, `${Number.parseInt(one.name, 10)} `), one.title), el('span', { class: 'pulse', 'aria-hidden': 'true' }))
    made.update = () => {
      const states = [...collections.boxes].filter(([id]) => one === all || id.startsWith(`${one.name}/`)).map(([, box]) => box.health)
      health.update(order.find((word) => states.includes(word)) ?? 'neutral')
      attributes(made, { 'aria-current': one.name === current ? 'page' : undefined })
    }
    return made
  }

  function arrowRow(arrow) {
    const mark = el('span', { class: 'mark' })
    const age = el('span', { class: 'age' })
    const evidence = el('span', { class: 'evidence' })
    const made = el('li', {}, el('button', { type: 'button', click: () => openArrow(arrow.id), focus: () => board.point(arrow.id, true), blur: () => board.point(arrow.id, false) },
      el('span', { class: 'ends' }, mark, el('b', {}, arrow.from), ' → ', el('b', {}, arrow.to)), arrow.label !== '' && el('span', { class: 'label' }, arrow.label), el('span', { class: 'last' }, age, evidence)))
    made.addEventListener('pointerenter', () => board.point(arrow.id, true))
    made.addEventListener('pointerleave', () => board.point(arrow.id, false))
    made.update = () => {
      const { verdict = '', last } = collections.arrows.get(arrow.id) ?? {}
      const [sign, means] = marks[verdict] ?? marks['']
      attributes(text(mark, sign), { class: `mark ${verdict.replace(' ', '-')}`, title: means })
      const since = last ? now() - last.at : Infinity
      attributes(made, { class: since < litFor ? 'lit' : since < recentFor ? 'recent' : undefined })
      text(age, last ? ago(last.at, now()) : '')
      text(evidence, last ? last.says : '')
    }
    return made
  }
}

function flash(element) {
  if (element === undefined) return
  element.classList.add('lit')
  clearTimeout(element.fading)
  element.fading = setTimeout(() => element.classList.remove('lit'), litFor)
}

/** The drawing and its live parts. */
function createBoard(canvas) {
  let diagram
  let chosen
  let svg
  let shown
  const boxes = new Map()
  const arrows = new Map()
  const turned = new Map()

  const best = () => {
    const { width, height } = canvas.getBoundingClientRect()
    const scale = (one) => Math.min(width / one.width, height / one.height)
    return Math.min(1.1, scale(diagram.right)) >= Math.min(1.1, scale(diagram.down)) ? 'right' : 'down'
  }
  const fit = () => {
    if (diagram === undefined) return
    const way = turned.get(diagram.name) ?? best()
    if (way !== chosen) { chosen = way; render() }
    const { width, height } = canvas.getBoundingClientRect()
    const scale = Math.min(1.3, Math.max(narrow.matches ? 0.82 : 0.74, Math.min((width - 2) / shown.width, (height - 2) / shown.height)))
    attributes(svg, { width: Math.round(shown.width * scale), height: Math.round(shown.height * scale) })
  }
  const resized = new ResizeObserver(() => fit())
  resized.observe(canvas)

  function render() {
    shown = diagram[chosen]
    boxes.clear()
    arrows.clear()
    const head = (id) => el('marker', { id, viewBox: '0 0 8 8', refX: 7.4, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto-start-reverse', markerUnits: 'userSpaceOnUse' }, el('path', { d: 'M0 .6 7.6 4 0 7.4z', class: id }))
    svg = el('svg', { viewBox: `0 0 ${shown.width} ${shown.height}`, class: `diagram ${diagram.shape}`, role: 'group', 'aria-label': diagram.title }, el('defs', {}, head('head'), head('head-lit')),
      shown.groups.toSorted((a, b) => a.depth - b.depth).map(({ x, y, width, height, label, depth }) => el('g', { class: `group depth${Math.min(depth, 2)}` }, el('rect', { x: x + 0.5, y: y + 0.5, width, height, rx: 8 }), el('text', { x: x + 14, y: y + 19 }, label))),
      shown.lifelines.map(({ x, from, to }) => el('line', { class: 'lifeline', x1: x, x2: x, y1: from, y2: to })),
      shown.arrows.map((arrow, index) => arrowOf(arrow, diagram.arrows[index])), shown.boxes.map(boxOf), shown.arrows.map((arrow, index) => labelOf(arrow, diagram.arrows[index])))
    canvas.replaceChildren(svg)
    paintBoxes()
    paintVerdicts()
    for (const { id } of diagram.arrows) {
      const last = collections.arrows.get(id)?.last
      if (last) glow(id, last)
    }
  }

  const pressed = (open) => ({ click: open, keydown: (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); open() } } })

  function arrowOf({ path, both }, { id, from, to, label }) {
    const made = el('g', { class: 'arrow', role: 'button', tabindex: 0, 'aria-label': `${from} to ${to}${label === '' ? '' : `: ${label}`}`, ...pressed(() => openArrow(id)) },
      el('path', { class: 'hit', d: path }), el('path', { class: 'line', d: path, 'marker-end': 'url(#head)', 'marker-start': both ? 'url(#head)' : undefined }), el('path', { class: 'flow', d: path, 'marker-end': 'url(#head-lit)', 'marker-start': both ? 'url(#head-lit)' : undefined }), el('path', { class: 'drops', d: path, pathLength: 100 }))
    arrows.set(id, { line: made })
    return made
  }

  function labelOf({ label, mark }, { id }) {
    const sign = el('tspan', { class: 'sign' })
    const lines = label?.lines ?? ['']
    const at = label ?? mark
    const top = at.y + 4 - ((lines.length - 1) * 13) / 2
    const made = el('g', { class: 'label', 'aria-hidden': 'true' }, lines.map((line, index) => el('text', { x: at.x, y: top + index * 13 }, line, index === lines.length - 1 && sign)))
    Object.assign(arrows.get(id), { label: made, sign, lead: label === undefined ? '' : ' ' })
    return made
  }

  function boxOf({ id, x, y, width, height, lines, live }) {
    const says = live ? el('text', { class: 'says', x: x + 24, y: y + 16 + lines.length * 16 + 3 }) : undefined
    const made = el('g', { class: 'box neutral', role: 'button', tabindex: 0, ...pressed(() => openBox(diagram.name, id)) },
      el('rect', { x: x + 0.5, y: y + 0.5, width, height, rx: 6 }), live && el('circle', { cx: x + 13, cy: y + 18, r: 3.5 }), lines.map((line, index) => el('text', { class: index === 0 ? 'name' : 'more', x: x + (live ? 24 : 14), y: y + 22 + index * 16 }, line)), says)
    boxes.set(id, { made, says, label: lines.join(' ') })
    return made
  }

  function paintBoxes() {
    for (const [id, { made, says, label }] of boxes) {
      const state = collections.boxes.get(`${diagram.name}/${id}`)
      attributes(made, { class: `box ${state?.health ?? 'neutral'}${state?.simulated ? ' simulated' : ''}`, 'aria-label': state === undefined ? label : `${label}: ${healthWords[state.health]}, ${state.says}${state.simulated ? ', simulated' : ''}` })
      if (says !== undefined && state !== undefined) text(says, state.says)
    }
  }

  function paintVerdicts() {
    for (const [id, { label, sign, lead }] of arrows) {
      const verdict = collections.arrows.get(id)?.verdict ?? ''
      const [mark] = marks[verdict] ?? marks['']
      text(sign, mark === '' ? '' : `${lead}${mark}`)
      attributes(label, { 'data-verdict': verdict === '' ? undefined : verdict })
    }
  }

  function glow(id, light) {
    const entry = arrows.get(id)
    if (entry === undefined) return
    const since = now() - light.at
    for (const element of [entry.line, entry.label]) {
      clearTimeout(element.fading)
      element.classList.toggle('recent', since < recentFor)
      element.classList.toggle('lit', since < litFor)
      if (since < recentFor) element.fading = setTimeout(() => glow(id, light), (since < litFor ? litFor : recentFor) - since)
    }
  }

  return {
    draw(next) {
      diagram = next
      chosen = undefined
      fit()
    },
    clear() {
      diagram = undefined
      boxes.clear()
      arrows.clear()
    },
    turn() {
      if (diagram === undefined || diagram.shape === 'sequence') return
      turned.set(diagram.name, chosen === 'right' ? 'down' : 'right')
      fit()
    },
    boxes() { if (diagram !== undefined) paintBoxes() },
    verdicts() { if (diagram !== undefined) paintVerdicts() },
    light(light) {
      // A light that the server saw a moment ago shines its full time here.
      for (const id of light.arrows) glow(id, { ...light, at: Math.max(light.at, now() - 400) })
    },
    point(id, on) {
      const entry = arrows.get(id)
      for (const element of entry === undefined ? [] : [entry.line, entry.label]) element.classList.toggle('pointed', on)
    },
    end() { resized.disconnect() },
  }
}
