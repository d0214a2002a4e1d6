import type { Arrow } from '@idp/platform'
import { labelFont, labelLine, type Direction, type DrawnArrow, type DrawnLabel, type Point, type Rect } from './drawing.ts'
import { textWidth } from './measure-text.ts'

/** Where an arrow passes a layer. */
export interface Lane { readonly from: Point; readonly to: Point }

export interface RouteOptions {
  readonly rects: ReadonlyMap<string, Rect>
  readonly lanes: ReadonlyMap<number, readonly Lane[]>
  readonly direction: Direction
  /** The arrow points the way of the diagram. */
  readonly ahead: (arrow: Arrow) => boolean
  /** Labels keep off these. */
  readonly boxes: readonly Rect[]
}

type Side = 'left' | 'right' | 'top' | 'bottom'
interface End { readonly arrow: number; readonly rect: Rect; readonly side: Side; /** Sorts ends on one side. */ readonly towards: number }

/** Most room between two arrows that end at one side. */
const spacing = 16

/** Smooth curves from side to side, ends spread along each side in the order of where they go. */
export function routeArrows(arrows: readonly Arrow[], options: RouteOptions): DrawnArrow[] {
  const { rects, lanes, direction, ahead } = options
  const nothing: Rect = { x: 0, y: 0, width: 0, height: 0 }
  const ends = arrows.map((arrow, index) => {
    const [from, to] = [rects.get(arrow.from) ?? nothing, rects.get(arrow.to) ?? nothing]
    const forward = ahead(arrow)
    const [out, into]: readonly [Side, Side] = direction === 'right' ? (forward ? ['right', 'left'] : ['left', 'right']) : forward ? ['bottom', 'top'] : ['top', 'bottom']
    const passed = lanes.get(index) ?? []
    const cross = (point: Point): number => (direction === 'right' ? point.y : point.x)
    return {
      start: { arrow: index, rect: from, side: out, towards: cross(passed[0]?.from ?? middle(to)) } satisfies End,
      end: { arrow: index, rect: to, side: into, towards: cross(passed.at(-1)?.to ?? middle(from)) } satisfies End,
    }
  })
  const points = spreadEnds(ends.flatMap(({ start, end }) => [start, end]))
  const taken: Rect[] = [...options.boxes]
  return arrows.map((arrow, index) => {
    const { start, end } = ends[index] as (typeof ends)[number]
    const [first, last] = [points.get(start) ?? middle(start.rect), points.get(end) ?? middle(end.rect)]
    const passed = (lanes.get(index) ?? []).flatMap(({ from, to }) => [from, to])
    const track = [first, ...passed, last]
    const label = arrow.label === undefined ? undefined : labelOn(track, arrow.label.split('\n'), direction, taken)
    const mark = onPiece(track[0] ?? first, track[1] ?? last, 0.5, direction)
    return { path: curve(track, direction), both: arrow.both === true, mark: { x: round(mark.x), y: round(mark.y) }, ...(label === undefined ? {} : { label }) }
  })
}

const middle = ({ x, y, width, height }: Rect): Point => ({ x: x + width / 2, y: y + height / 2 })

function spreadEnds(ends: readonly End[]): ReadonlyMap<End, Point> {
  const points = new Map<End, Point>()
  const sides = Map.groupBy(ends, ({ rect, side }) => `${rect.x} ${rect.y} ${rect.width} ${side}`)
  for (const members of sides.values()) {
    const sorted = members.toSorted((a, b) => a.towards - b.towards || a.arrow - b.arrow)
    sorted.forEach((end, index) => {
      const { x, y, width, height } = end.rect
      const upright = end.side === 'left' || end.side === 'right'
      const step = Math.min(spacing, ((upright ? height : width) - 12) / sorted.length)
      const shift = (index - (sorted.length - 1) / 2) * step
      points.set(end, upright ? { x: end.side === 'left' ? x : x + width, y: y + height / 2 + shift } : { x: x + width / 2 + shift, y: end.side === 'top' ? y : y + height })
    })
  }
  return points
}

const round = (value: number): number => Math.round(value * 10) / 10

/** A cubic piece between two points that leaves and arrives along the direction. */
function piece(a: Point, b: Point, direction: Direction): readonly [Point, Point] {
  const bend = direction === 'right' ? (b.x - a.x) / 2 : (b.y - a.y) / 2
  return direction === 'right' ? [{ x: a.x + bend, y: a.y }, { x: b.x - bend, y: b.y }] : [{ x: a.x, y: a.y + bend }, { x: b.x, y: b.y - bend }]
}

function curve(track: readonly Point[], direction: Direction): string {
  const [start = { x: 0, y: 0 }] = track
  return track.slice(1).reduce((path, point, index) => {
    const [c1, c2] = piece(track[index] ?? start, point, direction)
    return `${path}C${round(c1.x)} ${round(c1.y)} ${round(c2.x)} ${round(c2.y)} ${round(point.x)} ${round(point.y)}`
  }, `M${round(start.x)} ${round(start.y)}`)
}

function labelOn(track: readonly Point[], lines: readonly string[], direction: Direction, taken: Rect[]): DrawnLabel {
  const width = Math.max(...lines.map((line) => textWidth(line, labelFont))) + 6
  const height = lines.length * labelLine + 2
  const spots = [0, track.length - 2].flatMap((segment) => [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78].map((t) => onPiece(track[segment] ?? { x: 0, y: 0 }, track[segment + 1] ?? { x: 0, y: 0 }, t, direction)))
  const rectAt = ({ x, y }: Point): Rect => ({ x: x - width / 2, y: y - height / 2, width, height })
  const clash = (rect: Rect): number => taken.reduce((sum, other) => sum + overlap(rect, other), 0)
  const best = spots.map((spot, index) => ({ spot, cost: clash(rectAt(spot)) + index * 0.5 })).reduce((a, b) => (b.cost < a.cost ? b : a))
  taken.push(rectAt(best.spot))
  return { x: round(best.spot.x), y: round(best.spot.y), lines }
}

function overlap(a: Rect, b: Rect): number {
  const x = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const y = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  return x > 0 && y > 0 ? x * y : 0
}

function onPiece(a: Point, b: Point, t: number, direction: Direction): Point {
  const [c1, c2] = piece(a, b, direction)
  const at = (p: number, q: number, r: number, s: number): number => (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * q + 3 * (1 - t) * t ** 2 * r + t ** 3 * s
  return { x: at(a.x, c1.x, c2.x, b.x), y: at(a.y, c1.y, c2.y, b.y) }
}
