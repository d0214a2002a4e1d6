import { CodedError } from '@idp/kit'
import { certificates } from './views/certificates.ts'
import { controlLoops } from './views/control-loops.ts'
import { platform } from './views/platform.ts'
import { resourceTree } from './views/resource-tree.ts'
import { secrets } from './views/secrets.ts'
import { traffic } from './views/traffic.ts'
import type { World } from '../doctor/world.ts'
import type { Graph } from './graph.ts'
import { writeD2 } from './write-d2.ts'
import { writeMermaid } from './write-mermaid.ts'
import { writeSvg } from './write-svg.ts'

const views: Readonly<Record<string, (world: World) => Graph>> = { platform, traffic, secrets, certificates, 'control-loops': controlLoops }

/** The views there are, beside `application NAME`. */
export const diagramViews: readonly string[] = Object.keys(views)

export const diagramFormats = { d2: writeD2, mermaid: writeMermaid, svg: writeSvg } as const
export type DiagramFormat = keyof typeof diagramFormats

/** One view of the live state: a name of `diagramViews`, or `application` with the Application's name. Throws CodedError `NoSuchView`, `NoSuchApplication`. */
export function drawView(world: World, view: string, application?: string): Graph {
  if (view === 'application') return resourceTree(world, application ?? '')
  const draw = Object.hasOwn(views, view) ? views[view] : undefined
  if (draw === undefined) throw new CodedError({ code: 'NoSuchView', message: `there is no view '${view}'`, remedy: `There are ${diagramViews.join(', ')} and 'application NAME'` })
  return draw(world)
}
