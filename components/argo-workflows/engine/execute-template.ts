import { CodedError, messageOf } from '@idp/kit'
import type { Node, NodeType, Template } from '../kinds/workflow.ts'
import { executeDag } from './execute-dag.ts'
import { executeHttp, executePod, executeSuspend } from './execute-leaf.ts'
import { executeSteps } from './execute-steps.ts'
import { podName } from './names.ts'
import { exportGlobals, inputScope, resolveInputs } from './node-scope.ts'
import { findNode, initNode, isFulfilled, markNode, type Call, type Operation } from './operation.ts'
import { executeRetry } from './retry.ts'
import { substitute, type Scope } from './substitute.ts'

/** Fields of a template that are not done here. */
const unsupported = ['containerSet', 'data', 'plugin', 'synchronization', 'daemon', 'memoize', 'podSpecPatch', 'sidecars'] as const

/** A template and where the names in it are looked up. Throws CodedError `TemplateNotFound`, `Unsupported`. */
export function findTemplate(op: Operation, { holder, templateScope }: Call): { template: Template; scope: string } {
  const found = lookUp(op, holder, templateScope)
  const { template } = found
  const refused = unsupported.find((field) => template[field] !== undefined && template[field] !== false)
  if (refused !== undefined) throw new CodedError({ code: 'Unsupported', message: `${refused} of template ${template.name ?? ''} is not supported here` })
  const artifact = template.inputs?.artifacts?.find(({ optional, raw }) => optional !== true && raw === undefined)
  if (artifact !== undefined) throw new CodedError({ code: 'Unsupported', message: `the input artifact ${artifact.name} of template ${template.name ?? ''} is not supported here; parameters are, and raw artifacts` })
  return { ...found, template: { ...op.spec.templateDefaults, ...template } }
}

function lookUp(op: Operation, holder: Call['holder'], templateScope: string): { template: Template; scope: string } {
  if (holder.inline !== undefined) return { template: holder.inline, scope: templateScope }
  const { templateRef } = holder
  const [kind = '', refName = ''] = templateRef === undefined ? templateScope.split('/') : [templateRef.clusterScope === true ? 'cluster' : 'namespaced', templateRef.name]
  const name = templateRef?.template ?? holder.template ?? ''
  const missing = (): CodedError => new CodedError({ code: 'TemplateNotFound', message: templateRef === undefined ? `template name '${name}' undefined` : `template reference ${templateRef.name}.${name} not found` })
  if (kind === '') {
    const template = op.spec.templates?.find((one) => one.name === name)
    if (template === undefined) throw missing()
    return { template, scope: '' }
  }
  // What a WorkflowTemplate said when the workflow first read it holds until the workflow ends.
  const key = `${kind}/${refName}/${name}`
  const stored = op.storedTemplates[key] ?? op.world.template({ name: refName, clusterScope: kind === 'cluster' })?.templates?.find((one) => one.name === name)
  if (stored === undefined) throw missing()
  op.storedTemplates[key] = stored
  return { template: stored, scope: `${kind}/${refName}` }
}

export function nodeType(template: Template): NodeType {
  return template.steps !== undefined ? 'Steps' : template.dag !== undefined ? 'DAG' : template.suspend !== undefined ? 'Suspend' : template.http !== undefined ? 'HTTP' : 'Pod'
}

/** Brings a node, and all below it, as far as it goes now. Problems end in the node as phase Error. */
export function executeTemplate(op: Operation, call: Call): Node | undefined {
  const known = findNode(op, call.nodeName)
  if (known !== undefined && isFulfilled(known)) return known
  try {
    const { template: written, scope: templateScope } = findTemplate(op, call)
    const parameters = resolveInputs(written, call.arguments, op.globals)
    const scope: Scope = { ...op.globals, ...inputScope(parameters), 'node.name': call.nodeName, ...(written.retryStrategy === undefined ? { 'pod.name': podName(op.workflow.metadata.name ?? '', call.nodeName, written.name ?? '') } : {}) }
    const template = substitute(written, scope)
    const inner: Call = { ...call, templateScope, holder: { ...call.holder, ...(template.name === undefined ? {} : { template: template.name }) } }
    const before = findNode(op, call.nodeName)
    const node = template.retryStrategy === undefined ? executeBody(op, inner, template, scope) : executeRetry(op, inner, template, (attempt, substituted) => executeBody(op, attempt, substituted, scope))
    if (node !== undefined && before === undefined && parameters.length > 0) node.inputs = { parameters }
    if (node !== undefined && isFulfilled(node)) exportGlobals(op, node)
    return node
  } catch (error) {
    return markNode(op, initNode(op, call, { type: 'Pod' }), 'Error', messageOf(error))
  }
}

function executeBody(op: Operation, call: Call, template: Template, scope: Scope): Node | undefined {
  switch (nodeType(template)) {
    case 'Steps': return executeSteps(op, call, template, scope)
    case 'DAG': return executeDag(op, call, template, scope)
    case 'Suspend': return executeSuspend(op, call, template)
    case 'HTTP': return executeHttp(op, call, template)
    default:
      if (template.container === undefined && template.script === undefined && template.resource === undefined) throw new CodedError({ code: 'Unsupported', message: `template ${template.name ?? ''} is of no kind that is supported here: container, script, resource, steps, dag, suspend, http` })
      return executePod(op, call, template, scope)
  }
}
