// All diagrams at once, small: where something is wrong, and where something flows.
import { ago, attributes, el, healthWords, keyed, plural, text } from './dom.js'
import { objectLink } from './drawer.js'
import { api, collections, now, onLight } from './store.js'

const litFor = 2600
const order = ['unhealthy', 'progressing', 'healthy', 'neutral']
let loaded
/** The last lights of all diagrams, newest first; kept while the page is open. */
const feed = []
onLight((light) => {
  const known = feed.findIndex((one) => one.says === light.says)
  const [before] = known < 0 ? [] : feed.splice(known, 1)
  feed.unshift({ ...light, times: (before?.times ?? 0) + 1 })
  feed.length = Math.min(feed.length, 60)
})

/** What was seen before this page was opened, below what it has seen itself. */
function recall() {
  const seen = new Map(feed.map((light) => [light.says, light]))
  for (const [id, { last }] of collections.arrows) {
    if (!last || seen.get(last.says)?.times > 0) continue
    const entry = seen.get(last.says) ?? { ...last, arrows: [], times: 0 }
    if (!entry.arrows.includes(id)) entry.arrows.push(id)
    seen.set(last.says, entry)
  }
  feed.splice(0, feed.length, ...[...seen.values()].toSorted((a, b) => b.at - a.at).slice(0, 60))
}

/** The wall, and the list of what flows anywhere. */
export function createWall() {
  const element = el('ul', { class: 'wall' })
  const list = el('ol', { class: 'feed', 'aria-label': 'What flows anywhere' })
  const cards = new Map()
  const draw = async () => {
    loaded ??= api('diagrams?drawn=1').catch((error) => { loaded = undefined; throw error })
    for (const diagram of await loaded) cards.set(diagram.name, card(diagram))
    element.replaceChildren(...[...cards.values()].map((one) => one.element))
    paint()
    update()
  }
  const paint = () => { for (const one of cards.values()) one.paint() }
  let recalled = false
  const update = () => {
    if (!recalled && collections.arrows.size > 0) { recall(); recalled = true }
    keyed(list, feed, (light) => light.says, feedRow)
  }
  return {
    element, list, draw, paint, update,
    light(light) {
      for (const id of light.arrows) cards.get(id.split(':')[0])?.light(Number(id.split(':')[1]))
      update()
    },
  }
}

function card({ name, title, drawing }) {
  const says = el('span', { class: 'dim' })
  const lines = drawing.arrows.map((path) => el('path', { d: path }))
  const boxes = new Map(drawing.boxes.map(({ id, x, y, width, height }) => [id, el('rect', { class: 'neutral', x, y, width, height, rx: 6 })]))
  const element = el('li', {}, el('a', { href: `/architecture/${name}` }, el('svg', { viewBox: `0 0 ${drawing.width} ${drawing.height}`, 'aria-hidden': 'true' },
    el('g', { class: 'groups' }, drawing.groups.map(({ x, y, width, height }) => el('rect', { x, y, width, height, rx: 10 }))), el('g', { class: 'lines' }, lines), el('g', { class: 'boxes' }, [...boxes.values()])),
  el('span', { class: 'caption' }, el('b', {}, `${Number.parseInt(name, 10)} ${title}`), says)))
  return {
    element,
    paint() {
      const states = [...boxes].map(([id, rect]) => { const health = collections.boxes.get(`${name}/${id}`)?.health ?? 'neutral'; attributes(rect, { class: health }); return health })
      const worst = order.find((word) => states.includes(word)) ?? 'neutral'
      const bad = states.filter((state) => state === worst).length
      text(says, worst === 'healthy' || worst === 'neutral' ? '' : `${plural(bad, 'box', 'boxes')} ${healthWords[worst]}`)
      attributes(element, { class: worst })
    },
    light(index) {
      const line = lines[index]
      if (line === undefined) return
      line.classList.add('lit')
      clearTimeout(line.fading)
      line.fading = setTimeout(() => line.classList.remove('lit'), litFor)
    },
  }
}

function feedRow(light) {
  const age = el('span', { class: 'age' })
  const times = el('span', { class: 'dim' })
  const made = el('li', {}, age, el('span', { class: 'evidence' }, light.ref === undefined ? light.says : objectLink(light.ref, light.says), times, el('span', { class: 'dim where' }, `${plural(new Set(light.arrows.map((id) => id.split(':')[0])).size, 'diagram')}, ${light.source}`)))
  made.update = (next) => {
    text(age, ago(next.at, now()))
    text(times, next.times > 1 ? ` ×${next.times}` : '')
    attributes(made, { class: now() - next.at < litFor ? 'lit' : undefined })
  }
  return made
}
