import type { CelNode } from '../syntax/node.ts'

/** The free variables of an expression. */
export function variablesOf(root: CelNode): Set<string> {
  const found = new Set<string>()
  visit(root, [], found)
  return found
}

function visit(node: CelNode, bound: readonly string[], found: Set<string>): void {
  const each = (nodes: readonly (CelNode | undefined)[], names = bound) => nodes.forEach((child) => child && visit(child, names, found))
  switch (node.kind) {
    case 'const': return
    case 'ident':
      if (!bound.includes(node.name)) found.add(node.name)
      return
    case 'select': return node.resolved ? visit(node.resolved, bound, found) : visit(node.operand, bound, found)
    case 'call': return each([node.target, ...node.args])
    case 'list': return each(node.items.map(({ value }) => value))
    case 'map': return each(node.entries.flatMap(({ key, value }) => [key, value]))
    case 'struct': return each(node.fields.map(({ value }) => value))
    case 'comprehension':
      each([node.range])
      return each([node.condition, node.body], [...bound, node.first, ...node.second === undefined ? [] : [node.second]])
    case 'bind':
      each([node.value])
      return each([node.body], [...bound, node.name])
    case 'block': return each([...node.values, node.body], [...bound, ...node.values.map((_, i) => `@index${i}`)])
  }
}
