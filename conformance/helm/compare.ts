import { parseYaml, type Json } from '@idp/formats'
import { splitDocuments } from '@idp/render-helm'

/** Objects of a rendering by identity; each value is the parsed document. */
export type Objects = Map<string, Json[]>

/** Reads a rendering's text into objects by apiVersion, kind, namespace and name. */
export function readObjects(manifest: string): Objects {
  const objects: Objects = new Map()
  for (const text of splitDocuments(manifest)) {
    const value = parseYaml(text, { duplicateKeys: 'last' })
    if (value === null) continue
    const key = identity(value)
    const all = objects.get(key)
    if (all === undefined) objects.set(key, [value])
    else all.push(value)
  }
  return objects
}

function identity(value: Json): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'text'
  const metadata = value['metadata']
  const { namespace = '', name = '' } = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? metadata : {}
  return [value['apiVersion'], value['kind'], namespace, name].map((part) => String(part)).join(' ')
}

/** Paths of leaves that differ between two runs of the real program: what is random. */
export function randomPaths(a: Objects, b: Objects): Set<string> {
  const found = new Set<string>()
  for (const [key, left] of a) left.forEach((value, i) => walk(value, b.get(key)?.[i], `${key}[${i}]`, (path) => found.add(path)))
  return found
}

/** Gives objects whose very name is random a name that tells their place, in both renderings, so that they can be compared. */
export function maskRandomNames(want: Objects, again: Objects, got: Objects): void {
  const kindOf = (key: string) => key.split(' ').slice(0, 3).join(' ')
  const lost = [...want.keys()].filter((key) => !again.has(key) && !got.has(key))
  const found = [...got.keys()].filter((key) => !want.has(key))
  const repeated = [...again.keys()].filter((key) => !want.has(key))
  lost.forEach((key, i) => {
    const twin = found.find((other) => kindOf(other) === kindOf(key))
    const second = repeated.find((other) => kindOf(other) === kindOf(key))
    if (twin === undefined || second === undefined) return
    const name = `${kindOf(key)} random-${i}`
    for (const [objects, old] of [[want, key], [again, second], [got, twin]] as const) {
      objects.set(name, objects.get(old) ?? [])
      objects.delete(old)
    }
    found.splice(found.indexOf(twin), 1)
    repeated.splice(repeated.indexOf(second), 1)
  })
}

/** The first difference between want and got, where `random` leaves need only agree in type and length; undefined when there is none. */
export function difference(want: Objects, got: Objects, random: ReadonlySet<string>): string | undefined {
  for (const key of want.keys()) if (!got.has(key)) return `missing: ${key}`
  for (const key of got.keys()) if (!want.has(key)) return `extra: ${key}`
  for (const [key, left] of want) {
    const right = got.get(key) ?? []
    if (left.length !== right.length) return `${key}: ${left.length} objects, ours ${right.length}`
    for (const [i, value] of left.entries()) {
      let first: string | undefined
      walk(value, right[i], `${key}[${i}]`, (path, x, y) => {
        if (first !== undefined || (random.has(path) && sameShape(x, y))) return
        first = `${path}: want ${shown(x)}, got ${shown(y)}`
      })
      if (first !== undefined) return first
    }
  }
  return undefined
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

function sameShape(x: unknown, y: unknown): boolean {
  return typeof x === typeof y && (typeof x !== 'string' || Math.abs(x.length - (y as string).length) <= Math.max(64, x.length / 10))
}

function walk(x: unknown, y: unknown, path: string, differs: (path: string, x: unknown, y: unknown) => void): void {
  if (x === y) return
  if (Array.isArray(x) && Array.isArray(y) && x.length === y.length) {
    x.forEach((item, i) => walk(item, y[i], `${path}.${i}`, differs))
    return
  }
  if (isMap(x) && isMap(y)) {
    for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) walk(x[key], y[key], `${path}.${key}`, differs)
    return
  }
  differs(path, x, y)
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
