import { quoteGo } from './quote.ts'

/** Where a node was read: the file it is in, its text. */
export interface Source { readonly name: string; readonly text: string }

interface Base { readonly pos: number; readonly source: Source }
export interface TextNode extends Base { readonly type: 'text'; readonly text: string }
export interface ActionNode extends Base { readonly type: 'action'; readonly pipe: PipeNode }
export interface ListNode extends Base { readonly type: 'list'; readonly nodes: Statement[] }
export interface BranchNode extends Base {
  readonly type: 'if' | 'with' | 'range'
  readonly pipe: PipeNode
  readonly list: ListNode
  readonly orElse: ListNode | undefined
}
export interface TemplateNode extends Base { readonly type: 'template'; readonly name: string; readonly pipe: PipeNode | undefined }
export interface JumpNode extends Base { readonly type: 'break' | 'continue' }
export type Statement = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode

export interface PipeNode extends Base {
  readonly type: 'pipe'
  readonly assigns: boolean
  readonly declared: VariableNode[]
  readonly commands: CommandNode[]
}
export interface CommandNode extends Base { readonly type: 'command'; readonly args: Operand[] }
export interface VariableNode extends Base { readonly type: 'variable'; readonly slot: number; readonly path: readonly string[] }
export interface FieldNode extends Base { readonly type: 'field'; readonly path: readonly string[] }
export interface ChainNode extends Base { readonly type: 'chain'; readonly node: Operand; readonly path: readonly string[] }
export interface IdentifierNode extends Base { readonly type: 'identifier'; readonly name: string }
export interface BoolNode extends Base { readonly type: 'bool'; readonly value: boolean }
export interface StringNode extends Base { readonly type: 'string'; readonly quoted: string; readonly value: string }
export interface NumberNode extends Base {
  readonly type: 'number'
  readonly text: string
  readonly int?: bigint
  readonly uint?: bigint
  readonly float?: number
  readonly imaginary?: boolean
}
export interface DotNode extends Base { readonly type: 'dot' }
export interface NilNode extends Base { readonly type: 'nil' }
export type Operand = PipeNode | VariableNode | FieldNode | ChainNode | IdentifierNode | BoolNode | StringNode | NumberNode | DotNode | NilNode
export type Node = Statement | ListNode | CommandNode | Operand

/** A template's tree: the body of a file or of a `define`. `slots` is how many variables it needs. */
export interface Tree { readonly name: string; readonly source: Source; readonly root: ListNode; slots: number }

/** The node as Go prints it in errors. */
export function nodeText(node: Node): string {
  switch (node.type) {
    case 'text': return node.text
    case 'action': return `{{${nodeText(node.pipe)}}}`
    case 'list': return node.nodes.map(nodeText).join('')
    case 'if': case 'with': case 'range':
      return `{{${node.type} ${nodeText(node.pipe)}}}${nodeText(node.list)}${node.orElse ? `{{else}}${nodeText(node.orElse)}` : ''}{{end}}`
    case 'template': return `{{template ${quoteGo(node.name)}${node.pipe ? ` ${nodeText(node.pipe)}` : ''}}}`
    case 'break': case 'continue': return `{{${node.type}}}`
    case 'pipe': {
      const declared = node.declared.length === 0 ? '' : `${node.declared.map(nodeText).join(', ')} ${node.assigns ? '=' : ':='} `
      return declared + node.commands.map(nodeText).join(' | ')
    }
    case 'command': return node.args.map(operandText).join(' ')
    case 'variable': return node.path.join('.')
    case 'field': return node.path.map((name) => `.${name}`).join('')
    case 'chain': return operandText(node.node) + node.path.map((name) => `.${name}`).join('')
    case 'identifier': return node.name
    case 'bool': return String(node.value)
    case 'string': return node.quoted
    case 'number': return node.text
    case 'dot': return '.'
    case 'nil': return 'nil'
  }
}

function operandText(node: Operand): string {
  return node.type === 'pipe' ? `(${nodeText(node)})` : nodeText(node)
}

/** True when a tree holds nothing but space. */
export function isEmptyTree(list: ListNode): boolean {
  return list.nodes.every((node) => node.type === 'text' && node.text.trim() === '')
}
