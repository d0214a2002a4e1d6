import type { Graph, GraphNode } from './graph.ts'

/** Mermaid reads entity codes inside quotes: what could end the label or be read as markup becomes one. */
const quoted = (text: string): string => `"${text.replace(/[#"&<>`]/g, (sign) => `#${sign.charCodeAt(0)};`).replaceAll('\n', '<br/>')}"`

/** The graph as a Mermaid flowchart; boxes are called n0, n1 … so that no name can be read as a keyword. */
export function writeMermaid({ title, nodes, edges }: Graph): string {
  const keys = new Map(nodes.map((node, index) => [node.id, `n${index}`]))
  const box = ({ id, label, health, simulated }: GraphNode, indent: string): string => `${indent}${keys.get(id)}[${quoted(simulated === true ? `${label}\n(simulated)` : label)}]:::${simulated === true ? `${health}Simulated` : health}`
  const lines = ['---', `title: ${JSON.stringify(title)}`, '---', 'flowchart LR', ...nodes.filter((node) => node.group === undefined).map((node) => box(node, '  '))]
  let index = 0
  for (const [group, members] of Map.groupBy(nodes.filter((node) => node.group !== undefined), (node) => node.group ?? '')) lines.push(`  subgraph g${index++}[${quoted(group)}]`, ...members.map((node) => box(node, '    ')), '  end')
  lines.push(...edges.map(({ from, to, label }) => `  ${keys.get(from)} -->${label === undefined ? '' : `|${quoted(label)}|`} ${keys.get(to)}`))
  const colours = [['healthy', '#d7f5dd', '#2d7d46'], ['progressing', '#fdf0c4', '#9a7b10'], ['unhealthy', '#fbd5d5', '#b03030'], ['neutral', '#eef1f5', '#5a6675']] as const
  for (const [name, fill, stroke] of colours) lines.push(`  classDef ${name} fill:${fill},stroke:${stroke}`, `  classDef ${name}Simulated fill:${fill},stroke:${stroke},stroke-dasharray:4`)
  return `${lines.join('\n')}\n`
}
