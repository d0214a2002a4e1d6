import type { Pod } from '@idp/api'
import type { Json, JsonObject } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import type { Arguments, Node, NodePhase, NodeType, Outputs, Step, Template, TemplateRef, Workflow, WorkflowSpec, WorkflowTaskResult } from '../kinds/workflow.ts'
import { nodeId } from './names.ts'
import type { Scope } from './substitute.ts'

/** What a pass knows of the cluster. */
export interface World {
  readonly now: number
  pod(name: string): Pod | undefined
  taskResult(nodeId: string): WorkflowTaskResult | undefined
  /** Standard output of the pod's main container, when it was read (see `Effects.read`). */
  printed(podName: string): string | undefined
  /** The answer to an HTTP template, when it was asked for. */
  answer(nodeId: string): { readonly status: number; readonly body: string } | { readonly error: string } | undefined
  template(ref: Pick<TemplateRef, 'name' | 'clusterScope'>): WorkflowSpec | undefined
  configMap(name: string): Readonly<Record<string, string>> | undefined
}

export interface PodRequest { readonly node: Node; readonly podName: string; readonly template: Template; readonly scope: Scope }

/** What a pass wants done, beside its new nodes. */
export interface Effects {
  readonly pods: PodRequest[]
  /** Pods whose output is needed, and is there by now. */
  readonly read: Set<string>
  /** Pods whose main container has ended, for the executor beside it. */
  readonly ended: Set<string>
  /** Pods that nobody needs any more. */
  readonly remove: Set<string>
  readonly http: { readonly node: Node; readonly template: Template }[]
  /** Milliseconds since the epoch at which to look again. */
  wakeAt: number | undefined
}

/** How a template is called: by a step, a task, or as the entrypoint. */
export interface Call {
  readonly nodeName: string
  readonly displayName: string
  readonly holder: Pick<Step, 'template' | 'templateRef' | 'inline'>
  readonly arguments?: Arguments | undefined
  /** Where names of templates are looked up: '' is the workflow, else a WorkflowTemplate. */
  readonly templateScope: string
  readonly boundaryID?: string | undefined
  /** An exit handler runs although the workflow was stopped. */
  readonly onExit?: boolean
}

/** One pass over one workflow. Its nodes are changed in place. */
export interface Operation {
  readonly workflow: Workflow
  /** The workflow's spec, completed by its WorkflowTemplate. */
  readonly spec: WorkflowSpec
  readonly nodes: Record<string, Node>
  readonly storedTemplates: Record<string, Template>
  readonly world: World
  readonly effects: Effects
  /** `workflow.*`; grows by `workflow.outputs.*`. */
  readonly globals: Record<string, Json>
  readonly outputs: Outputs
  /** Why nothing more is started, when something holds it. */
  held: string | undefined
  execute(call: Call): Node | undefined
}

export const isFulfilled = (node: Node | undefined): boolean => node !== undefined && node.phase !== 'Pending' && node.phase !== 'Running'
export const hasFailed = (node: Node | undefined): boolean => node?.phase === 'Failed' || node?.phase === 'Error'

export const findNode = (op: Operation, nodeName: string): Node | undefined => op.nodes[nodeId(op.workflow.metadata.name ?? '', nodeName)]

export interface NewNode { readonly type: NodeType; readonly phase?: NodePhase; readonly message?: string; readonly templateName?: string | undefined; readonly inputs?: Node['inputs'] }

/** Makes a node; one that is there already stays as it is. */
export function initNode(op: Operation, { nodeName, displayName, boundaryID, templateScope, holder }: Omit<Call, 'holder'> & { holder?: Call['holder'] }, made: NewNode): Node {
  const known = findNode(op, nodeName)
  if (known !== undefined) return known
  const id = nodeId(op.workflow.metadata.name ?? '', nodeName)
  const phase = made.phase ?? 'Running'
  const templateName = made.templateName ?? holder?.template
  const now = rfc3339(op.world.now)
  const node: Node = {
    id, name: nodeName, displayName, type: made.type, phase, startedAt: now,
    ...(templateName === undefined ? {} : { templateName }), ...(holder?.templateRef === undefined ? {} : { templateRef: holder.templateRef }),
    templateScope: templateScope === '' ? `local/${op.workflow.metadata.name ?? ''}` : templateScope,
    ...(boundaryID === undefined ? {} : { boundaryID }), ...(made.message === undefined ? {} : { message: made.message }), ...(made.inputs === undefined ? {} : { inputs: made.inputs }),
    ...(phase === 'Pending' || phase === 'Running' ? {} : { finishedAt: now }),
  }
  op.nodes[id] = node
  return node
}

/** Sets a node's phase; the end of it gets its time. */
export function markNode(op: Operation, node: Node, phase: NodePhase, message?: string): Node {
  node.phase = phase
  if (message === undefined || message === '') delete node.message
  else node.message = message
  if (isFulfilled(node)) node.finishedAt ??= rfc3339(op.world.now)
  return node
}

export function addChild(parent: Node, child: Node): void {
  if (parent.children?.includes(child.id) === true || parent.id === child.id) return
  parent.children = [...parent.children ?? [], child.id]
}

/** The nodes at which what comes after `node` hangs in the picture. */
export function outboundOf(op: Operation, node: Node): readonly string[] {
  if (node.type === 'Steps' || node.type === 'DAG') return node.outboundNodes ?? [node.id]
  if (node.type === 'TaskGroup' || node.type === 'Retry' || node.type === 'StepGroup') {
    const children = node.type === 'Retry' ? (node.children ?? []).slice(-1) : node.children ?? []
    return children.length === 0 ? [node.id] : children.flatMap((id) => { const child = op.nodes[id]; return child === undefined ? [] : outboundOf(op, child) })
  }
  return [node.id]
}

/** Asks for another pass at a time. */
export function wakeAt(op: Operation, time: number): void {
  op.effects.wakeAt = Math.min(op.effects.wakeAt ?? Infinity, time)
}

export const jsonOf = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject
