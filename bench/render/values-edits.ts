import { isCoded } from '@idp/kit'

/** An edit of one file: `contents` differ each time. */
export interface ValuesEdit { readonly title: string; readonly path: string; readonly contents: (round: number) => string; readonly touched: number }

interface Leaf { readonly line: number; readonly path: string; readonly before: string; readonly value: string }

/** Edits of the chart's values.yaml: one that changes what one template writes, and the one found that changes most of them. */
export async function valuesEdits(files: Readonly<Record<string, Uint8Array>>, render: (files: Record<string, Uint8Array>) => Promise<Map<string, string>>): Promise<ValuesEdit[]> {
  const text = new TextDecoder().decode(files['values.yaml'] ?? new Uint8Array())
  const lines = text.split('\n')
  const contents = (leaf: Leaf) => (round: number) => lines.with(leaf.line, `${leaf.before}${another(leaf.value, round)}`).join('\n')
  const before = await render({ ...files })
  const found: { leaf: Leaf; touched: number }[] = []
  for (const leaf of sample(leavesOf(lines), 40)) {
    const touched = await touches(async () => render({ ...files, 'values.yaml': new TextEncoder().encode(contents(leaf)(1)) }), before)
    if (touched > 0) found.push({ leaf, touched })
  }
  const one = found.find(({ touched }) => touched === 1)
  const many = found.toSorted((a, b) => b.touched - a.touched)[0]
  return [
    ...(one === undefined ? [] : [{ title: `a value one template reads (${one.leaf.path})`, path: 'values.yaml', contents: contents(one.leaf), touched: 1 }]),
    ...(many === undefined ? [] : [{ title: `a value many read (${many.leaf.path})`, path: 'values.yaml', contents: contents(many.leaf), touched: many.touched }]),
  ]
}

async function touches(render: () => Promise<Map<string, string>>, before: ReadonlyMap<string, string>): Promise<number> {
  try {
    const after = await render()
    if (after.size !== before.size) return 0
    return [...after].filter(([path, text]) => before.get(path) !== text).length
  } catch (error) {
    // The chart does not take that value.
    if (isCoded(error)) return 0
    throw error
  }
}

/** Lines `key: scalar` of block mappings, with their paths. */
function leavesOf(lines: readonly string[]): Leaf[] {
  const leaves: Leaf[] = []
  const open: { indent: number; key: string }[] = []
  for (const [line, content] of lines.entries()) {
    const match = /^( *)([A-Za-z][\w-]*):(?: +(\S.*))?$/.exec(content)
    if (match === null) continue
    const [, spaces = '', key = '', value = ''] = match
    while ((open.at(-1)?.indent ?? -1) >= spaces.length) open.pop()
    if (value === '') open.push({ indent: spaces.length, key })
    else if (/^(?:[A-Za-z0-9][\w./:-]*|"[^"]*"|\d+)$/.test(value)) {
      leaves.push({ line, path: [...open.map((level) => level.key), key].join('.'), before: `${spaces}${key}: `, value })
    }
  }
  return leaves
}

function sample<T>(all: readonly T[], most: number): T[] {
  const step = Math.max(1, Math.floor(all.length / most))
  return all.filter((_, i) => i % step === 0).slice(0, most)
}

function another(value: string, round: number): string {
  if (value === 'true' || value === 'false') return round % 2 === 0 ? 'true' : 'false'
  if (/^\d+$/.test(value)) return String(Number(value) + round)
  return value.startsWith('"') ? `"${value.slice(1, -1)}x${round}"` : `${value}x${round}`
}
