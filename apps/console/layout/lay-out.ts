import type { Diagram } from '@idp/platform'
import type { Direction, Drawing } from './drawing.ts'
import { layOutGraph } from './lay-out-graph.ts'
import { layOutSequence } from './lay-out-sequence.ts'

/** Room across the arrows, in pixels: a desk's window is wide, a phone's narrow. */
const most: Readonly<Record<Direction, number>> = { right: 900, down: 860 }

/** A place for everything in a diagram of the seeds. `narrow`: for a phone. Pure. */
export function layOut(diagram: Diagram, direction: Direction, live: ReadonlySet<string>, narrow = false): Drawing {
  if (diagram.shape === 'sequence') return layOutSequence(diagram, live)
  return layOutGraph(diagram, { direction, most: narrow ? 400 : most[direction], live })
}
