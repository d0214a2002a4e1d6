import type { Arrow, Diagram } from '@idp/platform'
import { boxFont, labelFont, labelLine, lineHeight, type Direction, type DrawnBox, type DrawnGroup, type Drawing, type Rect } from './drawing.ts'
import { before, behind, placeInLayers, type Edge } from './layers.ts'
import { textWidth } from './measure-text.ts'
import { rankItems } from './rank.ts'
import { routeArrows, type Lane } from './route-arrows.ts'

export interface GraphOptions {
  readonly direction: Direction
  /** Boxes and groups beside one another take at most this much room across the arrows. */
  readonly most: number
  /** Boxes that get a line about live objects. */
  readonly live: ReadonlySet<string>
}

/** A box or a group of the diagram, with its place in the group around it. */
interface Branch { readonly id: string; readonly label: string; readonly children: readonly Branch[]; width: number; height: number; x: number; y: number; rank: number }

const padding = 14, heading = 30, between = 16, margin = 12

/** Places a diagram with groups inside groups. */
export function layOutGraph(diagram: Pick<Diagram, 'nodes' | 'arrows'>, options: GraphOptions): Drawing {
  const root = branchOf('', '', diagram.nodes)
  rankBranch(root, root, diagram.arrows)
  const lanes: PassedLanes[] = []
  place(root, { root, arrows: diagram.arrows, options, lanes })
  const rects = new Map<string, Rect>()
  const boxes: DrawnBox[] = []
  const groups: DrawnGroup[] = []
  const put = (branch: Branch, x: number, y: number, depth: number): void => {
    const rect = { x, y, width: branch.width, height: branch.height }
    rects.set(branch.id, rect)
    if (branch.children.length === 0) boxes.push({ id: branch.id, ...rect, lines: branch.label.split('\n'), live: options.live.has(branch.id) })
    else if (branch !== root) groups.push({ id: branch.id, ...rect, label: branch.label.replaceAll('\n', ' · '), depth })
    for (const child of branch.children) put(child, x + child.x, y + child.y, depth + 1)
  }
  put(root, 0, 0, -1)
  const absolute = new Map(diagram.arrows.map((arrow, index) => [index, trackOf(arrow, lanes.filter((one) => one.arrow === index), rects)] as const))
  const arrows = routeArrows(diagram.arrows, { rects, lanes: absolute, direction: options.direction, ahead: (arrow) => isAhead(root, arrow), boxes })
  return { width: root.width, height: root.height, groups, boxes, arrows, lifelines: [] }
}

function branchOf(id: string, label: string, nodes: Diagram['nodes']): Branch {
  const prefix = id === '' ? '' : `${id}.`
  const children = Object.entries(nodes).filter(([name]) => name.startsWith(prefix) && name !== id && !name.slice(prefix.length).includes('.'))
  return { id, label, children: children.map(([name, text]) => branchOf(name, text, nodes)), width: 0, height: 0, x: 0, y: 0, rank: 0 }
}

/** The innermost group around both ends of an arrow, and its two children in which they are. */
function meeting(root: Branch, { from, to }: Pick<Arrow, 'from' | 'to'>): readonly [Branch, Branch | undefined, Branch | undefined] {
  for (let group = root; ;) {
    const a = group.children.find((child) => within(child, from))
    const b = group.children.find((child) => within(child, to))
    if (a === undefined || b === undefined || a !== b || a.children.length === 0) return [group, a, b]
    group = a
  }
}

/** The lanes of an arrow inside one group, measured from the group's corner. */
interface PassedLanes { readonly arrow: number; readonly group: Branch; readonly lanes: readonly Lane[] }

interface Work { readonly root: Branch; readonly arrows: readonly Arrow[]; readonly options: GraphOptions; readonly lanes: PassedLanes[] }

const within = (branch: Branch, id: string): boolean => branch.id === '' || branch.id === id || id.startsWith(`${branch.id}.`)
const childWith = (branch: Branch, id: string): number => branch.children.findIndex((child) => within(child, id))

/** Ranks the children of every group; what is inside them does not matter for that. */
function rankBranch(branch: Branch, root: Branch, arrows: readonly Arrow[]): void {
  const links = arrows.flatMap((arrow) => {
    const [group, a, b] = meeting(root, arrow)
    return group !== branch || a === undefined || b === undefined ? [] : [{ from: branch.children.indexOf(a), to: branch.children.indexOf(b) }]
  })
  const ranks = rankItems(branch.children.length, links)
  branch.children.forEach((child, index) => {
    child.rank = ranks[index] ?? 0
    rankBranch(child, root, arrows)
  })
}

function isAhead(root: Branch, arrow: Arrow): boolean {
  const [, from, to] = meeting(root, arrow)
  return (to?.rank ?? 0) > (from?.rank ?? 0)
}

/** The lanes of an arrow from its beginning to its end: out of the groups around its beginning, through the one that holds both ends, into those around its end. */
function trackOf({ from }: Arrow, passed: readonly PassedLanes[], rects: ReadonlyMap<string, Rect>): readonly Lane[] {
  const leaving = passed.filter(({ group }) => group.id !== '' && within(group, from)).toSorted((a, b) => b.group.id.length - a.group.id.length)
  const entering = passed.filter((one) => !leaving.includes(one)).toSorted((a, b) => a.group.id.length - b.group.id.length)
  return [...leaving, ...entering].flatMap(({ group, lanes }) => {
    const origin = rects.get(group.id) ?? { x: 0, y: 0 }
    return lanes.map((lane) => ({ from: { x: lane.from.x + origin.x, y: lane.from.y + origin.y }, to: { x: lane.to.x + origin.x, y: lane.to.y + origin.y } }))
  })
}

/** The arrows between the children of a group, and those that lead out of it or into it. */
function edgesOf(branch: Branch, { root, arrows, options }: Work): Edge[] {
  const right = options.direction === 'right'
  return arrows.flatMap((arrow, index): Edge[] => {
    const [a, b] = [childWith(branch, arrow.from), childWith(branch, arrow.to)]
    if ((a < 0 && b < 0) || a === b || branch.id === arrow.from || branch.id === arrow.to) return []
    const ahead = isAhead(root, arrow)
    const lines = a < 0 || b < 0 ? [] : arrow.label?.split('\n') ?? []
    const label = lines.length === 0 ? 0 : right ? Math.max(...lines.map((line) => textWidth(line, labelFont))) + 36 : lines.length * labelLine + 40
    const offsetOf = (child: number, id: string): number => { const found = branch.children[child]; return found === undefined ? 0.5 : offset(found, id, right) }
    return [{ from: a >= 0 ? a : ahead ? before : behind, to: b >= 0 ? b : ahead ? behind : before, arrow: index, fromOffset: offsetOf(a, arrow.from), toOffset: offsetOf(b, arrow.to), label }]
  })
}

/** Sizes a branch and places its children, inside out. */
function place(branch: Branch, work: Work): void {
  const { options, lanes, root } = work
  const right = options.direction === 'right'
  if (branch.children.length === 0) {
    const lines = branch.label.split('\n')
    branch.width = Math.max(96, ...lines.map((line, index) => textWidth(line, index === 0 ? boxFont : labelFont) + 34), options.live.has(branch.id) ? 128 : 0)
    branch.height = 16 + lines.length * lineHeight + (options.live.has(branch.id) ? lineHeight - 1 : 0)
    return
  }
  for (const child of branch.children) place(child, work)
  // Boxes below one another are as wide as the widest: a column, not a ragged edge.
  const leaves = branch.children.filter((child) => child.children.length === 0)
  if (right && branch !== root) for (const leaf of leaves) leaf.width = Math.max(...leaves.map(({ width }) => width))
  const items = branch.children.map(({ width, height }) => (right ? { along: width, across: height } : { along: height, across: width }))
  const edges = edgesOf(branch, work)
  const placed = placeInLayers(items, edges, { gap: between, leastBetween: edges.some(({ from, to }) => from >= 0 && to >= 0) ? (right ? 56 : 46) : between, most: options.most })
  const pad = branch === root ? { left: margin, top: margin, end: margin } : { left: padding, top: heading, end: padding }
  branch.children.forEach((child, index) => {
    const at = placed.items[index] ?? { along: 0, across: 0 }
    child.x = Math.round(pad.left + (right ? at.along : at.across))
    child.y = Math.round(pad.top + (right ? at.across : at.along))
  })
  for (const [arrow, list] of placed.lanes) {
    lanes.push({ arrow, group: branch, lanes: list.map(({ from, to, across }) => (right
      ? { from: { x: pad.left + from, y: pad.top + across }, to: { x: pad.left + to, y: pad.top + across } }
      : { from: { x: pad.left + across, y: pad.top + from }, to: { x: pad.left + across, y: pad.top + to } })) })
  }
  const [width, height] = right ? [placed.along, placed.across] : [placed.across, placed.along]
  branch.width = Math.ceil(Math.max(width, branch === root ? 0 : textWidth(branch.label, labelFont)) + pad.left + pad.end)
  branch.height = Math.ceil(height + pad.top + pad.end)
}

/** Where across a branch the middle of one of its boxes is, from 0 to 1. */
function offset(branch: Branch, id: string, right: boolean): number {
  if (branch.id === id) return 0.5
  let [x, y] = [0, 0]
  let inner: Branch | undefined = branch
  while (inner !== undefined && inner.id !== id) {
    const next: Branch | undefined = inner.children.find((child) => child.id === id || id.startsWith(`${child.id}.`))
    x += next?.x ?? 0
    y += next?.y ?? 0
    inner = next
  }
  return right ? (y + (inner?.height ?? 0) / 2) / branch.height : (x + (inner?.width ?? 0) / 2) / branch.width
}
