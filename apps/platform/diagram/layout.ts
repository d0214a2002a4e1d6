import type { Graph, GraphNode } from './graph.ts'

export interface Placed { readonly node: GraphNode; readonly x: number; readonly y: number; readonly width: number; readonly height: number }
export interface Layout { readonly boxes: ReadonlyMap<string, Placed>; readonly width: number; readonly height: number }

/** Pixels. */
const boxHeight = 50, rowGap = 16, columnGap = 90, margin = 24, titleHeight = 36, letter = 7.2, padding = 24, leastWidth = 110
/** A layer longer than this is broken into columns. */
const longest = 24

/** Boxes in layers from left to right, along the arrows; inside a layer near what they are joined to. Arrows of a circle that point back do not count. */
export function layOut({ nodes, edges }: Graph): Layout {
  const layers = columnsOf(nodes, rankOf(nodes, edges), edges)
  const boxes = new Map<string, Placed>()
  const tallest = Math.max(0, ...layers.map((layer) => layer.length)) * (boxHeight + rowGap) - rowGap
  let x = margin
  for (const layer of layers) {
    const width = Math.max(leastWidth, ...layer.map((node) => widest(node) * letter + padding))
    const top = margin + titleHeight + (tallest - (layer.length * (boxHeight + rowGap) - rowGap)) / 2
    layer.forEach((node, row) => boxes.set(node.id, { node, x, y: Math.round(top + row * (boxHeight + rowGap)), width: Math.round(width), height: boxHeight }))
    x += Math.round(width) + columnGap
  }
  return { boxes, width: Math.max(x - columnGap, margin + leastWidth) + margin, height: Math.max(tallest, 0) + 2 * margin + titleHeight }
}

const widest = ({ label, group, simulated }: GraphNode): number => Math.max(...label.split('\n').map((line) => line.length), (group ?? '').length + (simulated === true ? 12 : 0))

function rankOf(nodes: Graph['nodes'], edges: Graph['edges']): ReadonlyMap<string, number> {
  const next = Map.groupBy(edges.filter((edge) => edge.from !== edge.to), (edge) => edge.from)
  const state = new Map<string, 'open' | 'done'>()
  const order: string[] = []
  const back = new Set<unknown>()
  const visit = (id: string): void => {
    state.set(id, 'open')
    for (const edge of next.get(id) ?? []) {
      if (state.get(edge.to) === 'open') back.add(edge)
      else if (!state.has(edge.to)) visit(edge.to)
    }
    state.set(id, 'done')
    order.unshift(id)
  }
  for (const { id } of nodes) if (!state.has(id)) visit(id)
  const rank = new Map(nodes.map(({ id }) => [id, 0]))
  for (const id of order) for (const edge of next.get(id) ?? []) if (!back.has(edge)) rank.set(edge.to, Math.max(rank.get(edge.to) ?? 0, (rank.get(id) ?? 0) + 1))
  return rank
}

function columnsOf(nodes: Graph['nodes'], rank: ReadonlyMap<string, number>, edges: Graph['edges']): GraphNode[][] {
  const layers: GraphNode[][] = []
  for (const node of nodes) (layers[rank.get(node.id) ?? 0] ??= []).push(node)
  const place = new Map<string, number>()
  const incoming = Map.groupBy(edges, (edge) => edge.to)
  for (const layer of layers) {
    const pull = (node: GraphNode, index: number): number => {
      const from = (incoming.get(node.id) ?? []).map((edge) => place.get(edge.from)).filter((at) => at !== undefined)
      return from.length === 0 ? index / layer.length : from.reduce((sum, at) => sum + at, 0) / from.length
    }
    const wanted = new Map(layer.map((node, index) => [node.id, pull(node, index)]))
    layer.sort((a, b) => (wanted.get(a.id) ?? 0) - (wanted.get(b.id) ?? 0))
    layer.forEach((node, index) => place.set(node.id, layer.length === 1 ? 0.5 : index / (layer.length - 1)))
  }
  return layers.flatMap((layer) => Array.from({ length: Math.ceil(layer.length / longest) }, (_, part) => layer.slice(part * longest, (part + 1) * longest)))
}
