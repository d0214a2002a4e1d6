import { rankItems } from './rank.ts'

/** One thing to place: how long it is along the arrows, how long across them. */
export interface Item { readonly along: number; readonly across: number }

/** The end of an arrow outside of what is placed, on the side where arrows begin or where they go. */
export const before = -1, behind = -2

/** An arrow between two items, or from an item to `before` or `behind`; the offsets say where across the item its end is (0 to 1). */
export interface Edge { readonly from: number; readonly to: number; readonly arrow: number; readonly fromOffset: number; readonly toOffset: number; /** Room its label needs between two layers. */ readonly label: number }

export interface LayersOptions { readonly gap: number; readonly leastBetween: number; /** A layer longer than this is broken. */ readonly most: number }

export interface Placed {
  readonly items: readonly { readonly along: number; readonly across: number; readonly layer: number }[]
  /** By arrow: where a long one passes through the layers between its ends, in order from its beginning. */
  readonly lanes: ReadonlyMap<number, readonly { readonly from: number; readonly to: number; readonly across: number }[]>
  readonly along: number
  readonly across: number
}

/** A place in a layer: an item, or the lane of an arrow that passes. */
interface Slot { readonly item: number; readonly arrow: number; readonly size: number; at: number }

const laneSize = 14

/** Layers along the arrows, few crossings, ends of arrows near one another. Pure; the same input gives the same places. */
export function placeInLayers(items: readonly Item[], edges: readonly Edge[], { gap, leastBetween, most }: LayersOptions): Placed {
  const broken = brokenLayers(items, rankItems(items.length, edges), most, gap)
  const depth = Math.max(0, ...broken) + 1
  const layerOf = (item: number): number => (item === before ? -1 : item === behind ? depth : broken[item] ?? 0)
  const layers: Slot[][] = Array.from({ length: depth }, () => [])
  items.forEach((item, index) => layers[layerOf(index)]?.push({ item: index, arrow: -1, size: item.across, at: 0 }))
  const chains = edges.filter(({ from, to }) => from !== to).map((edge) => ({ edge, slots: chainOf(edge, layers, layerOf) }))
  const neighbours = joined(chains)
  order(layers, neighbours)
  spread(layers, neighbours, gap)

  const across = Math.max(0, ...layers.flat().map((slot) => slot.at + slot.size))
  const starts: number[] = []
  let along = 0
  layers.forEach((layer, index) => {
    starts[index] = along
    const between = Math.max(leastBetween, ...edges.filter((edge) => gapOf(edge, layerOf) === index).map((edge) => edge.label))
    along += Math.max(0, ...layer.map((slot) => items[slot.item]?.along ?? 0)) + (index === depth - 1 ? 0 : between)
  })
  const thickness = layers.map((layer) => Math.max(0, ...layer.map((slot) => items[slot.item]?.along ?? 0)))
  const place = new Map(layers.flatMap((layer) => layer.filter((slot) => slot.item >= 0).map((slot) => [slot.item, slot] as const)))
  return {
    along, across,
    items: items.map((item, index) => {
      const layer = layerOf(index)
      return { layer, along: (starts[layer] ?? 0) + ((thickness[layer] ?? 0) - item.along) / 2, across: place.get(index)?.at ?? 0 }
    }),
    lanes: new Map(chains.filter(({ slots }) => slots.some(({ slot }) => slot.arrow >= 0)).map(({ edge, slots }) => [edge.arrow, slots.filter(({ slot }) => slot.arrow >= 0).map(({ slot, layer }) => {
      const ends = [starts[layer] ?? 0, (starts[layer] ?? 0) + (thickness[layer] ?? 0)] as const
      const forward = layerOf(edge.to) > layerOf(edge.from)
      return { from: forward ? ends[0] : ends[1], to: forward ? ends[1] : ends[0], across: slot.at + laneSize / 2 }
    })])),
  }
}

/** The gap between layers in which the label of an edge stands: the first one from its beginning. */
function gapOf({ from, to }: Edge, layerOf: (item: number) => number): number {
  const [a, b] = [layerOf(from), layerOf(to)]
  return b > a ? a : a - 1
}

/** Layers that are too long become several; those behind move on. */
function brokenLayers(items: readonly Item[], rank: readonly number[], most: number, gap: number): number[] {
  const result: number[] = []
  let shift = 0
  for (let layer = 0; layer <= Math.max(0, ...rank); layer++) {
    const members = items.map((_, index) => index).filter((index) => rank[index] === layer)
    const total = members.reduce((sum, index) => sum + (items[index]?.across ?? 0) + gap, -gap)
    const target = total / Math.ceil(total / most)
    let filled = 0
    for (const index of members) {
      const size = items[index]?.across ?? 0
      if (total > most && filled > 0 && filled + size / 2 > target) {
        shift++
        filled = 0
      }
      filled += size + gap
      result[index] = layer + shift
    }
  }
  return result
}

interface Passed { readonly slot: Slot; readonly layer: number; readonly offset: number }

/** The slots of an edge from its beginning to its end; lanes are made where it passes a layer. */
function chainOf(edge: Edge, layers: Slot[][], layerOf: (item: number) => number): Passed[] {
  const [a, b] = [layerOf(edge.from), layerOf(edge.to)]
  const slotOf = (item: number, layer: number): Slot => layers[layer]?.find((slot) => slot.item === item) ?? { item, arrow: -1, size: 0, at: 0 }
  const passed: Passed[] = edge.from < 0 ? [] : [{ slot: slotOf(edge.from, a), layer: a, offset: edge.fromOffset }]
  for (let layer = a + Math.sign(b - a); layer !== b; layer += Math.sign(b - a)) {
    const slot: Slot = { item: -1, arrow: edge.arrow, size: laneSize, at: 0 }
    layers[layer]?.push(slot)
    passed.push({ slot, layer, offset: 0.5 })
  }
  return edge.to < 0 ? passed : [...passed, { slot: slotOf(edge.to, b), layer: b, offset: edge.toOffset }]
}

interface Neighbour { readonly slot: Slot; readonly offset: number; readonly own: number; readonly layer: number }

function joined(chains: readonly { readonly slots: readonly Passed[] }[]): ReadonlyMap<Slot, readonly Neighbour[]> {
  const found = new Map<Slot, Neighbour[]>()
  const add = (one: Passed, other: Passed): void => void found.set(one.slot, [...(found.get(one.slot) ?? []), { slot: other.slot, offset: other.offset, own: one.offset, layer: other.layer }])
  for (const { slots } of chains) slots.forEach((one, index) => {
    const other = slots[index + 1]
    if (other === undefined) return
    add(one, other)
    add(other, one)
  })
  return found
}

/** Sorts every layer by the mean place of what its members are joined to; a few sweeps there and back. */
function order(layers: readonly Slot[][], neighbours: ReadonlyMap<Slot, readonly Neighbour[]>): void {
  const number = (): void => layers.forEach((layer) => layer.forEach((slot, index) => { slot.at = index - layer.length / 2 }))
  number()
  for (let sweep = 0; sweep < 6; sweep++) {
    const forward = sweep % 2 === 0
    for (const index of forward ? layers.keys() : [...layers.keys()].toReversed()) {
      const layer = layers[index] ?? []
      const wanted = new Map(layer.map((slot) => {
        const near = (neighbours.get(slot) ?? []).filter((one) => (forward ? one.layer < index : one.layer > index))
        return [slot, near.length === 0 ? slot.at : near.reduce((sum, one) => sum + one.slot.at + one.offset - one.own, 0) / near.length]
      }))
      const before = new Map(layer.map((slot, place) => [slot, place]))
      layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || (before.get(a) ?? 0) - (before.get(b) ?? 0))
      layer.forEach((slot, place) => { slot.at = place - layer.length / 2 })
    }
  }
}

/** Gives each member of a layer a place across, near what it is joined to, in order and without overlap. */
function spread(layers: readonly Slot[][], neighbours: ReadonlyMap<Slot, readonly Neighbour[]>, gap: number): void {
  for (const layer of layers) {
    const total = layer.reduce((sum, slot) => sum + slot.size + gap, -gap)
    let at = -total / 2
    for (const slot of layer) {
      slot.at = at
      at += slot.size + gap
    }
  }
  for (let pass = 0; pass < 8; pass++) {
    for (const index of pass % 2 === 0 ? layers.keys() : [...layers.keys()].toReversed()) {
      const layer = layers[index] ?? []
      const wish = layer.map((slot) => {
        const near = neighbours.get(slot) ?? []
        const mean = near.length === 0 ? slot.at : near.reduce((sum, one) => sum + one.slot.at + one.offset * one.slot.size - one.own * slot.size, 0) / near.length
        return { slot, mean, weight: slot.item < 0 ? 4 : near.length === 0 ? 0.2 : 1 }
      })
      settle(wish, gap)
    }
  }
  const top = Math.min(0, ...layers.flat().map((slot) => slot.at))
  for (const slot of layers.flat()) slot.at = Math.round(slot.at - top)
}

/** Least squares under "one after the other": neighbours that would overlap move together. */
function settle(wish: readonly { readonly slot: Slot; readonly mean: number; readonly weight: number }[], gap: number): void {
  const blocks: { mean: number; weight: number; members: { slot: Slot; shift: number }[] }[] = []
  let shift = 0
  for (const { slot, mean, weight } of wish) {
    let block = { mean: mean - shift, weight, members: [{ slot, shift }] }
    for (let last = blocks.at(-1); last !== undefined && last.mean > block.mean; last = blocks.at(-1)) {
      blocks.pop()
      const sum = last.weight + block.weight
      block = { mean: (last.mean * last.weight + block.mean * block.weight) / sum, weight: sum, members: [...last.members, ...block.members] }
    }
    blocks.push(block)
    shift += slot.size + gap
  }
  for (const { mean, members } of blocks) for (const { slot, shift: own } of members) slot.at = mean + own
}
