import type { Graph, GraphNode, Health } from './graph.ts'

const fills: Record<Health, string> = { healthy: '#d7f5dd', progressing: '#fdf0c4', unhealthy: '#fbd5d5', neutral: '#eef1f5' }

/** Names go into double quotes: nothing in them is read as D2. */
const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('${', '\\${')}"`

/** The graph in the language of d2lang.com. */
export function writeD2({ title, nodes, edges }: Graph): string {
  const keys = new Map(nodes.map((node) => [node.id, node.group === undefined ? quoted(node.id) : `${quoted(node.group)}.${quoted(node.id)}`]))
  const box = ({ id, label, health, simulated }: GraphNode, indent: string): string[] => [
    `${indent}${quoted(id)}: ${quoted(simulated === true ? `${label}\n(simulated)` : label)} {`,
    `${indent}  style.fill: "${fills[health]}"`, ...(simulated === true ? [`${indent}  style.stroke-dash: 4`] : []), `${indent}}`,
  ]
  const lines = [`# ${title.replaceAll('\n', ' ')}`, 'direction: right', '', ...nodes.filter((node) => node.group === undefined).flatMap((node) => box(node, ''))]
  for (const [group, members] of Map.groupBy(nodes.filter((node) => node.group !== undefined), (node) => node.group ?? '')) lines.push(`${quoted(group)}: {`, ...members.flatMap((node) => box(node, '  ')), '}')
  lines.push('', ...edges.map(({ from, to, label }) => `${keys.get(from)} -> ${keys.get(to)}${label === undefined ? '' : `: ${quoted(label)}`}`))
  return `${lines.join('\n').trimEnd()}\n`
}
