/** How a box is coloured. */
export type Health = 'healthy' | 'progressing' | 'unhealthy' | 'neutral'

export interface GraphNode {
  /** Unique in the graph; never shown. */
  readonly id: string
  readonly label: string
  readonly health: Health
  /** Boxes of one group stand together, under its name. */
  readonly group?: string
  /** Stood in for by a simulated program. */
  readonly simulated?: boolean
}

export interface GraphEdge { readonly from: string; readonly to: string; readonly label?: string }

/** An architecture diagram as data: boxes, arrows, and the title above. */
export interface Graph { readonly title: string; readonly nodes: readonly GraphNode[]; readonly edges: readonly GraphEdge[] }

/** Collects boxes and arrows; the same box or arrow twice counts once. An arrow whose end is no box is dropped when the graph is taken. */
export class GraphBuilder {
  readonly #nodes = new Map<string, GraphNode>()
  readonly #edges = new Map<string, GraphEdge>()

  node(node: GraphNode): string {
    if (!this.#nodes.has(node.id)) this.#nodes.set(node.id, node)
    return node.id
  }

  edge(from: string, to: string, label?: string): void {
    this.#edges.set(`${from}\n${to}\n${label ?? ''}`, { from, to, ...(label === undefined || label === '' ? {} : { label }) })
  }

  has(id: string): boolean {
    return this.#nodes.has(id)
  }

  /** Sorted, so that the same state gives the same text. */
  graph(title: string): Graph {
    const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
    const nodes = [...this.#nodes.values()].sort((a, b) => order(a.group ?? '', b.group ?? '') || order(a.id, b.id))
    const edges = [...this.#edges.values()].filter(({ from, to }) => this.#nodes.has(from) && this.#nodes.has(to)).sort((a, b) => order(a.from, b.from) || order(a.to, b.to) || order(a.label ?? '', b.label ?? ''))
    return { title, nodes, edges }
  }
}
