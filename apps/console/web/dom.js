// Making and keeping elements. Text from the cluster only ever becomes text nodes and attributes; markup is never parsed.
const svgTags = new Set(['svg', 'g', 'path', 'rect', 'circle', 'text', 'tspan', 'title', 'defs', 'marker', 'line'])

/** An element with attributes, listeners (functions) and children; `undefined` and `false` are left out. */
export function el(tag, attributes = {}, ...children) {
  const made = svgTags.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) set(made, name, value)
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== false && child !== null))
  return made
}

function set(element, name, value) {
  if (typeof value === 'function') element.addEventListener(name, value)
  else if (value === undefined || value === false || value === null) element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value === true ? '' : value)) element.setAttribute(name, value === true ? '' : String(value))
}

/** Sets attributes that may have changed. */
export function attributes(element, values) {
  for (const [name, value] of Object.entries(values)) set(element, name, value)
  return element
}

export function text(element, value) {
  if (element.textContent !== value) element.textContent = value
  return element
}

/**
 * Makes the children of `parent` one for each item, in order: known ones are moved and updated, not made anew, so that focus, selection and
 * scrolling stay. `make(item)` gives an element with an `update(item)` of its own.
 */
export function keyed(parent, items, keyOf, make) {
  const known = parent.kept ??= new Map()
  const wanted = new Set(items.map(keyOf))
  for (const [key, row] of known) if (!wanted.has(key)) { row.remove(); known.delete(key) }
  let place = parent.firstElementChild
  for (const item of items) {
    const key = keyOf(item)
    let row = known.get(key)
    if (row === undefined) { row = make(item); known.set(key, row) }
    row.update?.(item)
    if (row === place) place = place.nextElementSibling
    else parent.insertBefore(row, place)
  }
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`

/** How long ago, in the fewest words. */
export function ago(at, now) {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (!Number.isFinite(seconds)) return ''
  if (seconds < 2) return 'now'
  if (seconds < 90) return `${seconds} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`
}

export const clock = (at) => new Date(at).toLocaleTimeString([], { hour12: false })
export const titleOf = ({ kind, namespace, name }) => `${kind} ${namespace ? `${namespace}/` : ''}${name}`
export const healthWords = { healthy: 'healthy', progressing: 'under way', unhealthy: 'not well', neutral: 'no health of its own' }

/** A dot whose colour is also said. */
export function dot(health) {
  const made = el('span', { class: `dot ${health}`, role: 'img', 'aria-label': healthWords[health] ?? health })
  made.update = (now) => attributes(made, { class: `dot ${now}`, 'aria-label': healthWords[now] ?? now })
  return made
}

/** Puts a text on the clipboard and says so. */
export function copyButton(value) {
  return el('button', { type: 'button', class: 'copy', title: 'Copy', 'aria-label': `Copy ${value}`, async click(event) {
    await navigator.clipboard.writeText(value)
    say('copied')
    event.currentTarget.focus()
  } }, 'copy')
}

export function command(value) {
  return el('div', { class: 'command' }, el('code', {}, value), copyButton(value))
}

let fading
export function say(message) {
  const place = document.getElementById('say')
  text(place, message)
  place.classList.add('shown')
  clearTimeout(fading)
  fading = setTimeout(() => place.classList.remove('shown'), 2600)
}
