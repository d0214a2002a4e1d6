import type { Json } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Node, Step, Template } from '../kinds/workflow.ts'
import { evaluate, truthy } from './evaluate.ts'
import { expandStep, itemsOf } from './expand-items.ts'
import { aggregated, outputsOf, scopeOfNode } from './node-scope.ts'
import { addChild, findNode, hasFailed, initNode, isFulfilled, markNode, outboundOf, type Call, type Operation } from './operation.ts'
import { nameIn, substitute, unresolvedIn, type Scope } from './substitute.ts'

/** Whether a step runs, by its `when`. Throws CodedError `InvalidExpression`. */
export function shouldRun(when: string | undefined, scope: Scope): boolean {
  return when === undefined || when === '' || truthy(evaluate(when, (path) => nameIn(scope, path), { bareWords: true }))
}

export const forgiven = (step: Step, node: Node): boolean => (node.phase === 'Failed' && step.continueOn?.failed === true) || (node.phase === 'Error' && step.continueOn?.error === true)

/** What of a step is not done here, by name. */
export function unsupportedInStep(step: Step): string | undefined {
  const field = (['hooks', 'onExit'] as const).find((one) => step[one] !== undefined)
  return field === undefined ? undefined : `${field} of step ${step.name} is not supported here`
}

/** True when no more children of a template may run at once. */
export function isFull(op: Operation, template: Template, boundaryID: string): boolean {
  if (template.parallelism === undefined) return false
  return Object.values(op.nodes).filter((node) => node.boundaryID === boundaryID && !isFulfilled(node) && node.type !== 'StepGroup' && node.type !== 'TaskGroup').length >= template.parallelism
}

/** Groups run one after the other, the steps of a group at the same time. */
export function executeSteps(op: Operation, call: Call, template: Template, scope: Scope): Node {
  const node = initNode(op, call, { type: 'Steps', templateName: template.name })
  if (isFulfilled(node)) return node
  const known: Record<string, Json> = { ...scope }
  let previous: Node | undefined
  for (const [index, group] of (template.steps ?? []).entries()) {
    const name = `${call.nodeName}[${index}]`
    const sg = initNode(op, { nodeName: name, displayName: `[${index}]`, boundaryID: node.id, templateScope: call.templateScope }, { type: 'StepGroup' })
    if (previous === undefined) addChild(node, sg)
    else for (const id of outboundOf(op, previous)) { const before = op.nodes[id]; if (before !== undefined) addChild(before, sg) }
    if (!isFulfilled(sg)) executeGroup(op, { ...call, nodeName: name, boundaryID: node.id }, sg, group, { template, scope: known })
    if (!isFulfilled(sg)) return node
    if (hasFailed(sg)) return markNode(op, node, sg.phase, sg.message)
    for (const step of group) Object.assign(known, scopeOfStep(op, name, step))
    previous = sg
  }
  node.outboundNodes = previous === undefined ? [node.id] : [...outboundOf(op, previous)]
  const outputs = outputsOf(template, known)
  if (outputs !== undefined) node.outputs = outputs
  return markNode(op, node, 'Succeeded')
}

function scopeOfStep(op: Operation, group: string, step: Step): Record<string, Json> {
  const one = findNode(op, `${group}.${step.name}`)
  if (one !== undefined) return scopeOfNode(op, `steps.${step.name}`, one)
  const prefix = `${group}.${step.name}(`
  return aggregated(`steps.${step.name}`, Object.values(op.nodes).filter(({ name }) => name.startsWith(prefix) && name.endsWith(')')).sort((a, b) => indexOf(a, prefix) - indexOf(b, prefix)))
}

const indexOf = ({ name }: Node, prefix: string): number => Number.parseInt(name.slice(prefix.length), 10)

interface Surroundings { readonly template: Template; readonly scope: Scope }

function executeGroup(op: Operation, call: Call, sg: Node, group: readonly Step[], { template, scope }: Surroundings): void {
  const children: { step: Step; node: Node | undefined }[] = []
  for (const written of group) {
    const step = { ...substitute(written, scope), name: written.name }
    try {
      const refused = unsupportedInStep(written)
      if (refused !== undefined) { markNode(op, sg, 'Error', refused); return }
      const items = itemsOf(step)
      for (const one of items === undefined ? [{ name: step.name, step }] : expandStep(step, items)) {
        const child = executeStep(op, call, one, { template, scope })
        if (child !== undefined) addChild(sg, child)
        children.push({ step, node: child })
      }
    } catch (error) {
      markNode(op, sg, 'Error', `step ${written.name}: ${messageOf(error)}`)
      return
    }
  }
  if (children.some(({ node }) => !isFulfilled(node))) return
  const failed = children.find(({ step, node }) => node !== undefined && hasFailed(node) && !forgiven(step, node))
  if (failed?.node === undefined) markNode(op, sg, 'Succeeded')
  else markNode(op, sg, 'Failed', `child '${failed.node.id}' failed`)
}

/** One step, or one of its items. */
function executeStep(op: Operation, call: Call, { name, step }: { name: string; step: Step }, { template, scope }: Surroundings): Node | undefined {
  const inner: Call = { nodeName: `${call.nodeName}.${name}`, displayName: name, holder: step, arguments: step.arguments, templateScope: call.templateScope, boundaryID: call.boundaryID, ...(call.onExit === undefined ? {} : { onExit: call.onExit }) }
  const known = findNode(op, inner.nodeName)
  if (known !== undefined && isFulfilled(known)) return known
  if (known === undefined) {
    if (!shouldRun(step.when, scope)) return initNode(op, inner, { type: 'Skipped', phase: 'Skipped', message: `when '${step.when ?? ''}' evaluated false` })
    const left = unresolvedIn(step.arguments?.parameters?.map(({ value }) => value))
    if (left !== undefined && /^=?(steps|tasks|item|inputs|workflow)\b/.test(left)) return initNode(op, inner, { type: 'Skipped', phase: 'Error', message: `failed to resolve {{${left}}}` })
    if (isFull(op, template, call.boundaryID ?? '')) return undefined
  }
  return op.execute(inner)
}
