import type { Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Node, NodePhase, Step, Template } from '../kinds/workflow.ts'
import { evaluate, truthy } from './evaluate.ts'
import { forgiven, isFull, shouldRun, unsupportedInStep } from './execute-steps.ts'
import { expandStep, itemsOf } from './expand-items.ts'
import { outputsOf, scopeOfNode } from './node-scope.ts'
import { addChild, findNode, hasFailed, initNode, isFulfilled, markNode, outboundOf, type Call, type Operation } from './operation.ts'
import { substitute, unresolvedIn, type Scope } from './substitute.ts'

const states = ['Succeeded', 'Failed', 'Errored', 'Skipped', 'Omitted', 'Daemoned', 'AnySucceeded', 'AllFailed']

/** The tasks that a task waits for, from `dependencies` or the words of `depends`. */
export function dependenciesOf(task: Step): string[] {
  if (task.dependencies !== undefined) return task.dependencies
  return [...new Set((task.depends ?? '').match(/[\w][\w-]*(?:\.[A-Z]\w*)?/g) ?? [])].map((word) => word.replace(/\.[A-Z]\w*$/, '')).filter((name, index, all) => all.indexOf(name) === index)
}

/** `depends` as an expression; a task without a state means that it went well, or that it may fail. */
function dependsOf(task: Step, tasks: readonly Step[]): string {
  if (task.depends !== undefined) return task.depends
  return (task.dependencies ?? []).map((name) => {
    const { continueOn } = tasks.find((one) => one.name === name) ?? {}
    const ways = [name, ...(continueOn?.failed === true ? [`${name}.Failed`] : []), ...(continueOn?.error === true ? [`${name}.Errored`] : [])]
    return `(${ways.join(' || ')})`
  }).join(' && ')
}

interface Dag { readonly op: Operation; readonly call: Call; readonly node: Node; readonly template: Template; readonly tasks: readonly Step[]; readonly scope: Scope; readonly seen: Set<string> }

/** Tasks run as soon as what they depend on has ended. */
export function executeDag(op: Operation, call: Call, template: Template, scope: Scope): Node {
  const node = initNode(op, call, { type: 'DAG', templateName: template.name })
  if (isFulfilled(node)) return node
  const tasks = template.dag?.tasks ?? []
  const dag: Dag = { op, call, node, template, tasks, scope, seen: new Set() }
  const waitedFor = new Set(tasks.flatMap(dependenciesOf))
  const targets = template.dag?.target === undefined || template.dag.target === '' ? tasks.filter(({ name }) => !waitedFor.has(name)).map(({ name }) => name) : substitute(template.dag.target, scope).split(/\s+/)
  for (const name of targets) executeTask(dag, name, [])
  const phases = targets.map((name) => branchPhase(dag, name))
  const failed = phases.find((phase) => phase === 'Failed' || phase === 'Error')
  const running = phases.includes('Running')
  if (running && (failed === undefined || template.dag?.failFast === false)) return node
  if (failed !== undefined) return markNode(op, node, failed)
  node.outboundNodes = targets.flatMap((name) => { const last = taskNode(dag, name); return last === undefined ? [] : [...outboundOf(op, last)] })
  const outputs = outputsOf(template, dagScope(dag))
  if (outputs !== undefined) node.outputs = outputs
  return markNode(op, node, 'Succeeded')
}

const taskNode = ({ op, call }: Dag, name: string): Node | undefined => findNode(op, `${call.nodeName}.${name}`)

function dagScope(dag: Dag): Record<string, Json> {
  const known: Record<string, Json> = { ...dag.scope }
  for (const { name } of dag.tasks) {
    const node = taskNode(dag, name)
    if (node !== undefined && isFulfilled(node)) Object.assign(known, scopeOfNode(dag.op, `tasks.${name}`, node))
  }
  return known
}

/** How the way up to a task went: one that was left out is as bad as the worst before it. */
function branchPhase(dag: Dag, name: string): NodePhase {
  const task = dag.tasks.find((one) => one.name === name)
  const node = taskNode(dag, name)
  if (task === undefined || node === undefined || !isFulfilled(node)) return 'Running'
  if (hasFailed(node)) return forgiven(task, node) ? 'Succeeded' : node.phase
  if (node.phase !== 'Omitted') return 'Succeeded'
  const before = dependenciesOf(task).map((one) => branchPhase(dag, one))
  return before.find((phase) => phase === 'Error' || phase === 'Failed') ?? 'Succeeded'
}

function executeTask(dag: Dag, name: string, path: readonly string[]): void {
  const { op, call, node: parent, tasks } = dag
  if (path.includes(name)) throw new CodedError({ code: 'InvalidDag', message: `the dag has a cycle: ${[...path, name].join(' -> ')}` })
  if (dag.seen.has(name)) return
  dag.seen.add(name)
  const task = tasks.find((one) => one.name === name)
  if (task === undefined) throw new CodedError({ code: 'InvalidDag', message: `the dag has no task ${name}${path.length === 0 ? '' : `, which ${path.at(-1) ?? ''} depends on`}` })
  const before = dependenciesOf(task)
  for (const one of before) executeTask(dag, one, [...path, name])
  const inner: Call = { ...call, nodeName: `${call.nodeName}.${name}`, displayName: name, holder: task, arguments: undefined, boundaryID: parent.id }
  const known = taskNode(dag, name)
  if (known !== undefined && isFulfilled(known)) return
  if (known === undefined) {
    if (before.some((one) => !isFulfilled(taskNode(dag, one)))) return
    const left = before.length > 0 && !truthy(evaluate(dependsOf(task, tasks), (path) => dependencyState(dag, path)))
    if (left) return hang(dag, before, initNode(op, inner, { type: 'Skipped', phase: 'Omitted', message: 'omitted: depends condition not met' }))
  }
  try {
    const made = runTask(dag, inner, task)
    if (made !== undefined) hang(dag, before, made)
  } catch (error) {
    hang(dag, before, initNode(op, inner, { type: 'Skipped', phase: 'Error', message: messageOf(error) }))
  }
}

/** `A` and `A.Succeeded`, for `depends`. */
function dependencyState(dag: Dag, path: string): boolean | undefined {
  const [, name = path, state = ''] = /^(.*?)(?:\.([A-Z]\w*))?$/.exec(path) ?? []
  const node = taskNode(dag, name)
  if (node === undefined || (state !== '' && !states.includes(state))) return undefined
  const { phase } = node
  const children = (node.children ?? []).flatMap((id) => dag.op.nodes[id] ?? [])
  switch (state) {
    case '': return phase === 'Succeeded' || phase === 'Skipped'
    case 'Errored': return phase === 'Error'
    case 'AnySucceeded': return node.type === 'TaskGroup' ? children.some((one) => one.phase === 'Succeeded') : phase === 'Succeeded'
    case 'AllFailed': return node.type === 'TaskGroup' ? children.every(hasFailed) : hasFailed(node)
    default: return phase === state
  }
}

/** In the picture a task hangs at the ends of what it depends on, or at the dag. */
function hang(dag: Dag, before: readonly string[], node: Node): void {
  if (before.length === 0) addChild(dag.node, node)
  for (const name of before) {
    const one = taskNode(dag, name)
    for (const id of one === undefined ? [] : outboundOf(dag.op, one)) { const end = dag.op.nodes[id]; if (end !== undefined) addChild(end, node) }
  }
}

function runTask(dag: Dag, inner: Call, written: Step): Node | undefined {
  const { op, template, node: parent } = dag
  const refused = unsupportedInStep(written)
  if (refused !== undefined) return initNode(op, inner, { type: 'Skipped', phase: 'Error', message: refused })
  const scope = dagScope(dag)
  const task = { ...substitute(written, scope), name: written.name }
  const items = itemsOf(task)
  if (items === undefined) return runOne(dag, { ...inner, holder: task, arguments: task.arguments }, task, scope)
  const group = initNode(op, inner, { type: 'TaskGroup' })
  const children = expandStep(task, items).map(({ name, step }) => {
    const child = runOne(dag, { ...inner, nodeName: `${dag.call.nodeName}.${name}`, displayName: name, holder: step, arguments: step.arguments, boundaryID: parent.id }, step, scope)
    if (child !== undefined) addChild(group, child)
    return child
  })
  if (children.every((child) => isFulfilled(child))) {
    const failed = children.find((child) => hasFailed(child) && template.failFast !== false) ?? children.find(hasFailed)
    markNode(op, group, failed?.phase ?? (children.length > 0 && children.every((child) => child?.phase === 'Skipped') ? 'Skipped' : 'Succeeded'), failed === undefined ? undefined : `child '${failed.id}' failed`)
  }
  return group
}

function runOne({ op, template, node: parent }: Dag, inner: Call, task: Step, scope: Scope): Node | undefined {
  const known = findNode(op, inner.nodeName)
  if (known !== undefined && isFulfilled(known)) return known
  if (known === undefined) {
    if (!shouldRun(task.when, scope)) return initNode(op, inner, { type: 'Skipped', phase: 'Skipped', message: `when '${task.when ?? ''}' evaluated false` })
    const left = unresolvedIn(task.arguments?.parameters?.map(({ value }) => value))
    if (left !== undefined && /^=?(steps|tasks|item|inputs|workflow)\b/.test(left)) return initNode(op, inner, { type: 'Skipped', phase: 'Error', message: `failed to resolve {{${left}}}` })
    if (isFull(op, template, parent.id)) return undefined
  }
  return op.execute(inner)
}
