import type { Node, Template } from '../kinds/workflow.ts'
import { evaluate, truthy } from './evaluate.ts'
import { durationMs } from './names.ts'
import { addChild, findNode, initNode, isFulfilled, markNode, wakeAt, type Call, type Operation } from './operation.ts'
import { substitute, type Scope } from './substitute.ts'

/** Runs attempts `name(0)`, `name(1)`, … until one goes well or the strategy says that it is enough. */
export function executeRetry(op: Operation, call: Call, template: Template, attempt: (call: Call, template: Template) => Node | undefined): Node {
  const node = initNode(op, call, { type: 'Retry', templateName: template.name })
  if (isFulfilled(node)) return node
  const made: Node[] = []
  for (let one = findNode(op, `${call.nodeName}(0)`); one !== undefined; one = findNode(op, `${call.nodeName}(${made.length})`)) made.push(one)
  const run = (index: number): Node | undefined => {
    const last = made[index - 1]
    const scope: Scope = { retries: String(index), ...(last === undefined ? {} : lastRetry(last)) }
    const child = attempt({ ...call, nodeName: `${call.nodeName}(${index})`, displayName: `${call.displayName}(${index})` }, substitute(template, scope))
    if (child !== undefined) addChild(node, child)
    return child
  }
  let last = made.at(-1)
  if (last === undefined || !isFulfilled(last)) last = run(last === undefined ? 0 : made.length - 1)
  if (last === undefined || !isFulfilled(last)) return node
  if (last.phase === 'Succeeded' || last.phase === 'Skipped') {
    if (last.outputs !== undefined) node.outputs = last.outputs
    return markNode(op, node, last.phase)
  }
  const attempts = Math.max(made.length, 1)
  const verdict = decideRetry(template, last, attempts, { startedAt: Date.parse(node.startedAt ?? ''), now: op.world.now })
  if (op.workflow.spec.shutdown !== undefined && op.workflow.spec.shutdown !== '' && call.onExit !== true) return markNode(op, node, last.phase, `Stopped with strategy '${op.workflow.spec.shutdown}'`)
  if (verdict.stop !== undefined) {
    if (last.outputs !== undefined) node.outputs = last.outputs
    return markNode(op, node, last.phase, verdict.stop)
  }
  if (verdict.at > op.world.now) {
    wakeAt(op, verdict.at)
    node.message = `Backoff for ${Math.ceil((verdict.at - op.world.now) / 1000)} seconds`
    return node
  }
  delete node.message
  run(made.length === 0 ? 1 : made.length)
  return node
}

const lastRetry = (last: Node): Record<string, string> => ({
  'lastRetry.exitCode': last.outputs?.exitCode ?? '-1', 'lastRetry.status': last.phase, 'lastRetry.message': last.message ?? '',
  'lastRetry.duration': String(Math.max(0, Math.round((Date.parse(last.finishedAt ?? '') - Date.parse(last.startedAt ?? '')) / 1000)) || 0),
})

/** Whether a failed attempt is followed by another, and when. */
export function decideRetry(template: Template, last: Node, attempts: number, { startedAt, now }: { readonly startedAt: number; readonly now: number }): { readonly stop: string } | { readonly stop?: undefined; readonly at: number } {
  const { limit, retryPolicy, backoff, expression } = template.retryStrategy ?? {}
  if (limit !== undefined && attempts > Number(limit)) return { stop: 'No more retries left' }
  const policy = retryPolicy ?? (expression === undefined ? 'OnFailure' : 'Always')
  if (policy === 'OnFailure' && last.phase !== 'Failed') return { stop: last.message ?? 'Error' }
  if ((policy === 'OnError' || policy === 'OnTransientError') && last.phase !== 'Error') return { stop: last.message ?? 'Failed' }
  if (expression !== undefined && !truthy(evaluate(expression, (path) => lastRetry(last)[path as 'lastRetry.status']))) return { stop: 'retryStrategy.expression evaluated to false' }
  const base = durationMs(backoff?.duration)
  if (base === undefined) return { at: now }
  const wait = Math.min(base * Number(backoff?.factor ?? 1) ** (attempts - 1), durationMs(backoff?.cap) ?? Infinity)
  const most = durationMs(backoff?.maxDuration)
  const at = Date.parse(last.finishedAt ?? '') + wait
  if (most !== undefined && at > startedAt + most) return { stop: 'Max duration limit exceeded' }
  return { at }
}
