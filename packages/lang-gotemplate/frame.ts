import { ExecError } from './go-error.ts'
import { byteLength } from './go-string.ts'
import { nodeText, type Node, type Tree } from './node.ts'
import type { ListMemo, StatementMemo } from './replay.ts'
import type { Run } from './run.ts'

/** The execution of one template body: its variables and, for errors, the node that was last looked at. */
export interface Frame {
  readonly run: Run
  readonly tree: Tree
  readonly vars: unknown[]
  readonly depth: number
  node: Node
  /** Where to keep what the list that begins now writes; absent when nothing is kept. */
  list: ListMemo | undefined
  /** That of the statement that runs. */
  statement: StatementMemo | undefined
}

/** Place of a node as Go prints it: file, line from 1, column in bytes from 0 on the first line. */
export function placeOf(node: Node): { file: string; line: number; column: number } {
  const before = node.source.text.slice(0, node.pos)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line++
  return { file: node.source.name, line, column: byteLength(before.slice(lineStart)) }
}

/** Ends the execution with Go's message for the node at hand. */
export function fail(frame: Frame, message: string, cause?: unknown): never {
  const place = placeOf(frame.node)
  throw new ExecError(
    frame.tree.name,
    `template: ${place.file}:${place.line}:${place.column}: executing "${frame.tree.name}" at <${nodeText(frame.node)}>: ${message}`, place, cause,
  )
}
