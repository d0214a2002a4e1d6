import type { Graph, Health } from './graph.ts'
import { layOut, type Placed } from './layout.ts'

const colours: Record<Health, readonly [fill: string, stroke: string]> = { healthy: ['#d7f5dd', '#2d7d46'], progressing: ['#fdf0c4', '#9a7b10'], unhealthy: ['#fbd5d5', '#b03030'], neutral: ['#eef1f5', '#5a6675'] }
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** The graph as one SVG document that stands alone. */
export function writeSvg(graph: Graph): string {
  const { boxes, width, height } = layOut(graph)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(graph.title)}</title>`, '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5a6675"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`, `<text x="24" y="32" font-size="17" font-weight="600" fill="#1c2733">${escaped(graph.title)}</text>`,
    ...graph.edges.flatMap(({ from, to, label }) => arrow(boxes.get(from), boxes.get(to), label)), ...[...boxes.values()].map(box), '</svg>', '',
  ].join('\n')
}

function arrow(from: Placed | undefined, to: Placed | undefined, label: string | undefined): string[] {
  if (from === undefined || to === undefined || from === to) return []
  const ahead = to.x >= from.x
  const [x1, x2] = ahead ? [from.x + from.width, to.x] : [from.x, to.x + to.width]
  const [y1, y2] = [from.y + from.height / 2, to.y + to.height / 2 + (ahead ? 0 : 6)]
  const bend = Math.max(40, Math.abs(x2 - x1) / 2) * (ahead ? 1 : -1)
  const words = label === undefined ? '' : `<text x="${(x1 + x2) / 2}" y="${(y1 + y2) / 2 - 4}" text-anchor="middle" font-size="10" fill="#5a6675">${escaped(label)}</text>`
  return [`<path d="M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}" fill="none" stroke="#9aa5b1" marker-end="url(#arrow)"/>${words}`]
}

function box({ node, x, y, width, height }: Placed): string {
  const [fill, stroke] = colours[node.health]
  const small = [node.group, node.simulated === true ? 'simulated' : undefined].filter((part) => part !== undefined).join(' · ')
  const lines = [...node.label.split('\n').slice(0, 2), ...(small === '' ? [] : [small])].slice(0, 3)
  const first = y + height / 2 - (lines.length - 1) * 7 + 4
  const texts = lines.map((line, index) => `<text x="${x + width / 2}" y="${first + index * 14}" text-anchor="middle" fill="${index === 0 ? '#1c2733' : '#5a6675'}"${index === 0 ? '' : ' font-size="10"'}>${escaped(line)}</text>`).join('')
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${fill}" stroke="${stroke}"${node.simulated === true ? ' stroke-dasharray="4"' : ''}/>${texts}`
}
