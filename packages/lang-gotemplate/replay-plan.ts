import type { ListNode, Node, PipeNode, Statement } from './node.ts'
import type { Stretch } from './replay.ts'

/** Does a function cost so much that its result is worth keeping? */
export type Weigh = (name: string) => boolean

/** From so many statements on what they write is worth keeping, whatever they are. */
const manyStatements = 12
/** A longer list is kept in stretches, so that what changed is found without looking at each statement. */
const stretchLength = 16

/** The stretches of a list. */
export function planList(list: ListNode, weigh: Weigh): Stretch[] {
  const { nodes } = list
  const all = nodes.map((node, i) => stretchOf([node], i, weigh, []))
  if (nodes.length <= 3) return all
  return Array.from({ length: Math.ceil(nodes.length / stretchLength) }, (_, i) => {
    const from = i * stretchLength
    return stretchOf(nodes.slice(from, from + stretchLength), from, weigh, joined(all.slice(from, from + stretchLength)))
  })
}

/** Statements that are not kept become one stretch with their neighbours. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = []
  for (const stretch of stretches) {
    const last = found.at(-1)
    if (last?.isKept === false && !stretch.isKept) found[found.length - 1] = { ...last, to: stretch.to }
    else found.push(stretch)
  }
  return found
}

/** What is to be known to keep what statements write. */
function stretchOf(statements: readonly Statement[], from: number, weigh: Weigh, inside: readonly Stretch[]): Stretch {
  const survey = new Survey(weigh)
  for (const statement of statements) survey.statement(statement, true)
  const outside = (slot: number): boolean => slot >= 0 && !survey.inner.has(slot)
  return {
    from, to: from + statements.length, inside, isKept: survey.isCostly || survey.statements >= manyStatements,
    ins: [...survey.used].filter((slot) => outside(slot) && !survey.declared.has(slot)),
    outs: [...new Set([...survey.assigned].filter((slot) => outside(slot) && !survey.declared.has(slot))), ...survey.declared],
  }
}

/** Walks statements. */
class Survey {
  readonly used = new Set<number>()
  readonly assigned = new Set<number>()
  /** Variables of the list the statement is in. */
  readonly declared = new Set<number>()
  /** Variables that end with the statement they are in. */
  readonly inner = new Set<number>()
  isCostly = false
  statements = 0
  private readonly weigh: Weigh

  constructor(weigh: Weigh) {
    this.weigh = weigh
  }

  statement(node: Statement, isOutermost: boolean): void {
    this.statements++
    switch (node.type) {
      case 'text': case 'break': case 'continue': return
      case 'action': return this.pipe(node.pipe, isOutermost ? this.declared : this.inner)
      case 'template':
        this.isCostly = true
        if (node.pipe !== undefined) this.pipe(node.pipe, this.inner)
        return
      default:
        this.pipe(node.pipe, this.inner)
        this.list(node.list)
        if (node.orElse !== undefined) this.list(node.orElse)
    }
  }

  private list(list: ListNode): void {
    for (const node of list.nodes) this.statement(node, false)
  }

  private pipe(pipe: PipeNode, declared: Set<number>): void {
    for (const { slot } of pipe.declared) {
      if (pipe.assigns) {
        this.used.add(slot)
        this.assigned.add(slot)
      } else declared.add(slot)
    }
    for (const command of pipe.commands) for (const arg of command.args) this.operand(arg)
  }

  private operand(node: Node): void {
    if (node.type === 'variable') this.used.add(node.slot)
    else if (node.type === 'identifier') this.isCostly ||= this.weigh(node.name)
    else if (node.type === 'pipe') this.pipe(node, this.inner)
    else if (node.type === 'chain') this.operand(node.node)
  }
}
