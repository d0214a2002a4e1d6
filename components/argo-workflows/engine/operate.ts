import type { Json } from '@idp/formats'
import { CodedError, messageOf, rfc3339 } from '@idp/kit'
import type { Arguments, Node, Parameter, Workflow, WorkflowSpec, WorkflowStatus } from '../kinds/workflow.ts'
import { executeTemplate, findTemplate } from './execute-template.ts'
import { podName } from './names.ts'
import { valueOf } from './node-scope.ts'
import { hasFailed, isFulfilled, markNode, wakeAt, type Effects, type Operation, type World } from './operation.ts'
import { asText, substitute } from './substitute.ts'

export interface Operated { readonly status: WorkflowStatus; readonly effects: Effects; readonly spec: WorkflowSpec }

/** Over for good: nothing is done with it any more but cleaning up. */
export const isOver = ({ status }: Workflow): boolean => ['Succeeded', 'Failed', 'Error'].includes(status?.phase ?? '')

/** Fields of a workflow that are not done here. */
const unsupported = ['synchronization', 'hooks', 'podDisruptionBudget', 'metrics', 'artifactGC'] as const

/** One pass over a workflow: what its status is now, and what is to be done so that it goes on. A function of its arguments. */
export function operate(workflow: Workflow, world: World): Operated {
  const effects: Effects = { pods: [], read: new Set(), ended: new Set(), remove: new Set(), http: [], wakeAt: undefined }
  const status: WorkflowStatus = { ...structuredClone(workflow.status ?? {}) }
  try {
    const spec = completeSpec(workflow, status, world)
    const op: Operation = {
      workflow, spec, world, effects, globals: globalsOf(workflow, spec, status, world), nodes: status.nodes ??= {}, storedTemplates: status.storedTemplates ??= {}, outputs: status.outputs ??= {},
      held: workflow.spec.suspend === true ? 'workflow suspended' : undefined, execute: (call) => executeTemplate(op, call),
    }
    if (status.startedAt === undefined || status.startedAt === null) begin(op, status)
    run(op, status)
    const skipped = (spec.templates ?? []).filter(({ outputs }) => (outputs?.artifacts ?? []).length > 0).map(({ name = '' }) => name)
    if (skipped.length > 0) status.conditions = [...status.conditions ?? [], { type: 'SpecWarning', status: 'True', message: `output artifacts are not kept here: those of ${skipped.join(', ')} were left out` }]
    if (Object.keys(op.storedTemplates).length === 0) delete status.storedTemplates
    if (Object.keys(op.outputs).length === 0) delete status.outputs
    return { status, effects, spec }
  } catch (error) {
    // Nothing of it can run: upstream says so before the first node.
    const now = rfc3339(world.now)
    return { status: { ...status, phase: 'Error', startedAt: status.startedAt ?? now, finishedAt: now, message: messageOf(error), progress: status.progress ?? '0/0', conditions: completed() }, effects, spec: workflow.spec }
  }
}

const completed = (): NonNullable<WorkflowStatus['conditions']> => [{ type: 'PodRunning', status: 'False' }, { type: 'Completed', status: 'True' }]

function begin(op: Operation, status: WorkflowStatus): void {
  const refused = unsupported.find((field) => op.spec[field] !== undefined)
  if (refused !== undefined) throw new CodedError({ code: 'Unsupported', message: `spec.${refused} is not supported here` })
  if ((op.spec.volumeClaimTemplates ?? []).length > 0) throw new CodedError({ code: 'Unsupported', message: 'spec.volumeClaimTemplates is not supported here; volumes with a claim of your own are' })
  if (op.spec.entrypoint === undefined || op.spec.entrypoint === '') throw new CodedError({ code: 'InvalidSpec', message: 'invalid spec: spec.entrypoint is required' })
  for (const name of [op.spec.entrypoint, ...(op.spec.onExit === undefined ? [] : [op.spec.onExit])]) {
    try { findTemplate(op, mainCall(op, name)) } catch (error) { throw new CodedError({ code: 'InvalidSpec', message: `invalid spec: ${messageOf(error)}`, cause: error }) }
  }
  status.startedAt = rfc3339(op.world.now)
  status.finishedAt = null
  status.phase = 'Running'
}

const mainCall = (op: Operation, template: string) => ({ nodeName: op.workflow.metadata.name ?? '', displayName: op.workflow.metadata.name ?? '', holder: { template }, arguments: argumentsOf(op), templateScope: '' })

const argumentsOf = (op: Operation): Arguments => ({ parameters: (op.spec.arguments?.parameters ?? []).map(({ name }) => ({ name, value: op.globals[`workflow.parameters.${name}`] ?? '' })) })

function run(op: Operation, status: WorkflowStatus): void {
  const name = op.workflow.metadata.name ?? ''
  const deadline = op.spec.activeDeadlineSeconds
  if (deadline !== undefined) enforceDeadline(op, Date.parse(status.startedAt ?? '') + deadline * 1000)
  if (op.workflow.spec.shutdown === 'Terminate' || op.workflow.spec.shutdown === 'Stop') stopNodes(op, `workflow shutdown with strategy: ${op.workflow.spec.shutdown}`)
  const main = op.execute(mainCall(op, op.spec.entrypoint ?? ''))
  let end: Node | undefined = main
  if (main !== undefined && isFulfilled(main)) {
    stopNodes(op, 'workflow completed', name)
    if (op.spec.onExit !== undefined && op.workflow.spec.shutdown !== 'Terminate') {
      op.globals['workflow.status'] = main.phase
      op.globals['workflow.failures'] = JSON.stringify(failuresOf(op))
      end = op.execute({ ...mainCall(op, op.spec.onExit), nodeName: `${name}.onExit`, displayName: `${name}.onExit`, onExit: true })
    }
  }
  const nodes = Object.values(op.nodes)
  const pods = nodes.filter(({ type }) => type === 'Pod')
  status.progress = `${pods.filter((node) => isFulfilled(node)).length}/${pods.length}`
  status.conditions = [{ type: 'PodRunning', status: pods.some(({ phase }) => phase === 'Running') ? 'True' : 'False' }]
  if (main === undefined || end === undefined || !isFulfilled(end)) {
    status.phase = 'Running'
    if (op.held === undefined) delete status.message
    else status.message = op.held
    return
  }
  const last = hasFailed(end) ? end : main
  status.phase = last.phase === 'Skipped' || last.phase === 'Omitted' ? 'Succeeded' : last.phase as 'Succeeded'
  status.finishedAt = rfc3339(op.world.now)
  status.conditions = completed()
  if (op.workflow.spec.shutdown !== undefined && op.workflow.spec.shutdown !== '' && hasFailed(last)) status.message = `Stopped with strategy '${op.workflow.spec.shutdown}'`
  else if (last.message === undefined || !hasFailed(last)) delete status.message
  else status.message = last.message
}

const failuresOf = (op: Operation): Json[] => Object.values(op.nodes).filter((node) => node.type === 'Pod' && hasFailed(node)).map(({ id, displayName, message = '', templateName = '', phase, finishedAt = '' }) => ({ displayName, message, templateName, phase, podName: id, finishedAt }))

function enforceDeadline(op: Operation, at: number): void {
  if (op.world.now < at) return wakeAt(op, at)
  stopNodes(op, 'Step exceeded its deadline')
  op.held = 'Step exceeded its deadline'
}

/** Ends what still runs; its pods go. Exit handlers go on. */
function stopNodes(op: Operation, message: string, root = op.workflow.metadata.name ?? ''): void {
  for (const node of Object.values(op.nodes)) {
    if (isFulfilled(node) || node.name.startsWith(`${root}.onExit`)) continue
    if (node.type !== 'Pod' && node.type !== 'Suspend' && node.type !== 'HTTP' && message !== 'workflow completed' && message !== 'Step exceeded its deadline') continue
    if (node.type === 'Pod') op.effects.remove.add(podName(op.workflow.metadata.name ?? '', node.name, node.templateName ?? ''))
    markNode(op, node, 'Failed', message)
  }
}

/** The workflow's own spec over that of its WorkflowTemplate, which is kept as it was at the start. Throws CodedError `TemplateNotFound`. */
function completeSpec({ spec }: Workflow, status: WorkflowStatus, world: World): WorkflowSpec {
  const { workflowTemplateRef: ref } = spec
  if (ref === undefined) return spec
  const stored = status.storedWorkflowTemplateSpec ?? world.template(ref)
  if (stored === undefined) throw new CodedError({ code: 'TemplateNotFound', message: `${ref.clusterScope === true ? 'clusterworkflowtemplates' : 'workflowtemplates'}.argoproj.io "${ref.name}" not found` })
  status.storedWorkflowTemplateSpec = stored
  const { workflowTemplateRef: _ref, ...own } = spec
  const given = own.arguments?.parameters ?? []
  const parameters = [...(stored.arguments?.parameters ?? []).map((one): Parameter => ({ ...one, ...given.find(({ name }) => name === one.name) })), ...given.filter(({ name }) => stored.arguments?.parameters?.every((one) => one.name !== name) ?? true)]
  return { ...stored, ...own, arguments: { ...stored.arguments, ...own.arguments, parameters } }
}

/** `workflow.*`, as tags name it. */
function globalsOf({ metadata, spec: own }: Workflow, spec: WorkflowSpec, status: WorkflowStatus, world: World): Record<string, Json> {
  const created = Date.parse(metadata.creationTimestamp ?? '') || world.now
  const globals: Record<string, Json> = {
    'workflow.name': metadata.name ?? '', 'workflow.namespace': metadata.namespace ?? '', 'workflow.uid': metadata.uid ?? '', 'workflow.serviceAccountName': spec.serviceAccountName ?? 'default', 'workflow.mainEntrypoint': spec.entrypoint ?? '',
    'workflow.creationTimestamp': rfc3339(created), 'workflow.creationTimestamp.RFC3339': rfc3339(created), 'workflow.creationTimestamp.s': String(Math.floor(created / 1000)), 'workflow.creationTimestamp.Unix': String(Math.floor(created / 1000)), 'workflow.priority': String(own.priority ?? 0),
    'workflow.duration': String((world.now - (Date.parse(status.startedAt ?? '') || world.now)) / 1000), 'workflow.labels': JSON.stringify(metadata.labels ?? {}), 'workflow.annotations': JSON.stringify(metadata.annotations ?? {}),
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) globals[`workflow.labels.${key}`] = value
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) globals[`workflow.annotations.${key}`] = value
  const parameters: Parameter[] = []
  for (const parameter of spec.arguments?.parameters ?? []) {
    const ref = parameter.valueFrom?.configMapKeyRef
    const value = substitute(parameter.value ?? (ref === undefined ? undefined : world.configMap(ref.name)?.[ref.key]) ?? valueOf(parameter, globals), globals)
    if (value === undefined) throw new CodedError({ code: 'InvalidSpec', message: `invalid spec: spec.arguments.${parameter.name}.value or spec.arguments.${parameter.name}.valueFrom is required` })
    globals[`workflow.parameters.${parameter.name}`] = asText(value)
    parameters.push({ name: parameter.name, value: asText(value) })
  }
  if (parameters.length > 0) globals['workflow.parameters'] = JSON.stringify(parameters)
  for (const { name, value } of status.outputs?.parameters ?? []) if (value !== undefined) globals[`workflow.outputs.parameters.${name}`] = value
  return globals
}

