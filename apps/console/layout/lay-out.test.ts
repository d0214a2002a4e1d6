import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadDiagrams } from '@idp/platform'
import { fileURLToPath } from 'node:url'
import type { Drawing, Point, Rect } from './drawing.ts'
import { layOut } from './lay-out.ts'
import { placeInLayers } from './layers.ts'
import { rankItems } from './rank.ts'

const diagrams = await loadDiagrams(fileURLToPath(new URL('../../platform/diagrams', import.meta.url)))

test('layers: along the links; of links that close a circle the later ones point back', () => {
  assert.deepEqual(rankItems(4, [{ from: 0, to: 1 }, { from: 1, to: 2 }, { from: 2, to: 0 }, { from: 3, to: 1 }]), [0, 1, 2, 0])
  assert.deepEqual(rankItems(2, [{ from: 1, to: 0 }, { from: 0, to: 1 }]), [1, 0])
  assert.deepEqual(rankItems(3, []), [0, 0, 0])
})

test('an arrow over several layers gets a lane in each, and nothing else stands there', () => {
  const item = { along: 100, across: 40 }
  const edge = (from: number, to: number, arrow: number) => ({ from, to, arrow, fromOffset: 0.5, toOffset: 0.5, label: 0 })
  const { items, lanes } = placeInLayers([item, item, item], [edge(0, 1, 0), edge(1, 2, 1), edge(0, 2, 2)], { gap: 16, leastBetween: 50, most: 900 })
  assert.deepEqual(items.map(({ layer }) => layer), [0, 1, 2])
  const [lane] = lanes.get(2) ?? []
  const middle = items[1]?.across ?? 0
  assert.ok(lane !== undefined && (lane.across < middle || lane.across > middle + 40), JSON.stringify({ lane, middle }))
})

const overlap = (a: Rect, b: Rect): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
const inside = (inner: Rect, outer: Rect): boolean => inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height

/** Points on a path of cubic pieces. */
function pointsOf(path: string): Point[] {
  const numbers = [...path.matchAll(/-?\d+(?:\.\d+)?/g)].map(Number)
  const points: Point[] = []
  for (let at = 0; at + 7 < numbers.length; at += 6) {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = numbers.slice(at, at + 8)
    for (let t = 0; t <= 1; t += 0.05) points.push({ x: (1 - t) ** 3 * x0 + 3 * (1 - t) ** 2 * t * x1 + 3 * (1 - t) * t ** 2 * x2 + t ** 3 * x3, y: (1 - t) ** 3 * y0 + 3 * (1 - t) ** 2 * t * y1 + 3 * (1 - t) * t ** 2 * y2 + t ** 3 * y3 })
  }
  return points
}

/** Boxes that an arrow runs across although it neither begins nor ends there. */
function crossed(drawing: Drawing, path: string, ends: readonly string[]): string[] {
  const points = pointsOf(path)
  return drawing.boxes.filter(({ id }) => !ends.some((end) => end === id || id.startsWith(`${end}.`))).filter(({ x, y, width, height }) => points.some((p) => p.x > x + 3 && p.x < x + width - 3 && p.y > y + 3 && p.y < y + height - 3)).map(({ id }) => id)
}

for (const direction of ['right', 'down'] as const) {
  for (const diagram of diagrams) {
    test(`${diagram.name}, ${direction}: every box has its own place inside its group, and no arrow hides behind a box`, () => {
      const drawing = layOut(diagram, direction, new Set(Object.keys(diagram.nodes)))
      const whole = { x: 0, y: 0, width: drawing.width, height: drawing.height }
      assert.equal(drawing.arrows.length, diagram.arrows.length)
      for (const [index, box] of drawing.boxes.entries()) {
        assert.ok(inside(box, whole), box.id)
        for (const other of drawing.boxes.slice(index + 1)) assert.ok(!overlap(box, other), `${box.id} and ${other.id}`)
        for (const group of drawing.groups) assert.ok(box.id.startsWith(`${group.id}.`) ? inside(box, group) : !overlap(box, group), `${box.id} and group ${group.id}`)
      }
      if (diagram.shape === 'sequence') return
      const hidden = diagram.arrows.flatMap(({ from, to }, index) => crossed(drawing, drawing.arrows[index]?.path ?? '', [from, to]).map((id) => `${from} → ${to} behind ${id}`))
      assert.deepEqual(hidden, [])
    })
  }
}

test('the same diagram gives the same drawing', () => {
  const [diagram] = diagrams
  assert.ok(diagram !== undefined)
  assert.deepEqual(layOut(diagram, 'right', new Set()), layOut(diagram, 'right', new Set()))
})
