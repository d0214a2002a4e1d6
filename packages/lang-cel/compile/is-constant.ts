import type { CelNode } from '../syntax/node.ts'

const conversions = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint'])

/** Whether the reference implementation computes a node once, when it compiles: then it costs nothing. */
export function isConstant(node: CelNode): boolean {
  switch (node.kind) {
    case 'const': return true
    case 'list': return node.items.every(({ value, optional }) => !optional && isConstant(value))
    case 'map': return node.entries.every(({ key, value, optional }) => !optional && isConstant(key) && isConstant(value))
    case 'call': return !node.target && conversions.has(node.name) && node.args.length === 1 && node.args.every(isConstant)
    default: return false
  }
}
