import { writeFile } from 'node:fs/promises'
import { diagramFormats, diagramViews, drawView, readWorld, type DiagramFormat } from '@idp/platform'
import { CommanderError } from 'commander'
import { clusterClient } from '../cluster-client.ts'
import { runningTarget, type CommandContext } from '../context.ts'

export interface DiagramFlags { readonly format?: DiagramFormat; readonly outputFile?: string }

/** Draws one view of the live state, to standard output or into a file. */
export async function diagram(context: CommandContext, [view = 'platform', application]: readonly string[], { format = 'd2', outputFile }: DiagramFlags): Promise<void> {
  if (view === 'application' && application === undefined) wrongUsage("of which Application? 'idp diagram application NAME'")
  if (view !== 'application' && !diagramViews.includes(view)) wrongUsage(`there is no view '${view}'; there are ${diagramViews.join(', ')} and 'application NAME'`)
  const { directory } = await runningTarget(context)
  const { world } = await readWorld(await clusterClient(directory), context.clock)
  const graph = drawView(world, view, application)
  const text = diagramFormats[format](graph)
  if (outputFile !== undefined) await writeFile(outputFile, text)
  context.report.result(outputFile === undefined ? text.trimEnd() : `wrote ${outputFile}: ${graph.nodes.length} boxes, ${graph.edges.length} arrows`, { view, format, ...(outputFile === undefined ? { text } : { file: outputFile }), ...graph })
}

/** Like a wrong flag: exit code 2. */
function wrongUsage(message: string): never {
  process.stderr.write(`error: ${message}\n`)
  throw new CommanderError(2, 'idp.wrongUsage', message)
}
