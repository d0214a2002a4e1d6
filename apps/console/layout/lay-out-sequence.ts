import type { Diagram } from '@idp/platform'
import { boxFont, labelFont, labelLine, lineHeight, type DrawnArrow, type DrawnBox, type Drawing } from './drawing.ts'
import { textWidth } from './measure-text.ts'

const margin = 12, top = 12, gap = 28, loop = 34

/** Participants beside one another, messages below one another. */
export function layOutSequence({ nodes, arrows }: Pick<Diagram, 'nodes' | 'arrows'>, live: ReadonlySet<string>): Drawing {
  const ids = Object.keys(nodes)
  const widths = ids.map((id) => Math.max(104, textWidth(nodes[id] ?? '', boxFont) + 34))
  const centres = spaced(ids, widths, arrows)
  const height = 16 + lineHeight + (ids.some((id) => live.has(id)) ? lineHeight - 1 : 0)
  const boxes: DrawnBox[] = ids.map((id, index) => ({ id, x: Math.round((centres[index] ?? 0) - (widths[index] ?? 0) / 2), y: top, width: widths[index] ?? 0, height, lines: [nodes[id] ?? ''], live: live.has(id) }))
  let y = top + height + 12
  const drawn = arrows.map((arrow): DrawnArrow => {
    const lines = arrow.label?.split('\n') ?? []
    const [from, to] = [centres[ids.indexOf(arrow.from)] ?? 0, centres[ids.indexOf(arrow.to)] ?? 0]
    y += lines.length * labelLine + gap - 10
    if (from === to) {
      const path = `M${from} ${y}h${loop - 8}a8 8 0 0 1 8 8v4a8 8 0 0 1-8 8H${from + 2}`
      const label = { x: from + loop + 10 + Math.max(0, ...lines.map((line) => textWidth(line, labelFont))) / 2, y: y + 10, lines }
      y += 22
      return { path, both: false, mark: { x: from + loop, y: y - 12 }, ...(lines.length === 0 ? {} : { label }) }
    }
    const label = { x: (from + to) / 2, y: y - 4 - (lines.length * labelLine) / 2, lines }
    return { path: `M${from} ${y}H${to + (to > from ? -1 : 1)}`, both: arrow.both === true, mark: { x: (from + to) / 2, y }, ...(lines.length === 0 ? {} : { label }) }
  })
  const bottom = y + 24
  const right = Math.max(...boxes.map((box) => box.x + box.width), ...drawn.flatMap(({ label }) => (label === undefined ? [] : [label.x + Math.max(...label.lines.map((line) => textWidth(line, labelFont))) / 2])))
  return { width: Math.ceil(right) + margin, height: bottom, groups: [], boxes, arrows: drawn, lifelines: centres.map((x) => ({ x, from: top + height, to: bottom - 8 })) }
}

/** The middle of each participant: far enough for the boxes, and for every label between two that are next to one another. */
function spaced(ids: readonly string[], widths: readonly number[], arrows: Diagram['arrows']): number[] {
  const centres: number[] = []
  ids.forEach((id, index) => {
    const before = index - 1
    const boxes = before < 0 ? margin + (widths[0] ?? 0) / 2 : (centres[before] ?? 0) + ((widths[before] ?? 0) + (widths[index] ?? 0)) / 2 + 20
    const labels = arrows.flatMap(({ from, to, label }) => {
      const [a, b] = [ids.indexOf(from), ids.indexOf(to)].toSorted((x, y) => x - y)
      if (label === undefined || b !== index || a === undefined || a === b) return []
      return [(centres[a] ?? 0) + Math.max(...label.split('\n').map((line) => textWidth(line, labelFont))) + 24]
    })
    centres.push(Math.round(Math.max(boxes, ...labels)))
  })
  return centres
}
