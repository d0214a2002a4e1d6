import { rfc3339 } from '@idp/kit'
import type { Node, Template } from '../kinds/workflow.ts'
import { evaluate, truthy } from './evaluate.ts'
import { durationMs, podName } from './names.ts'
import { findNode, initNode, isFulfilled, markNode, wakeAt, type Call, type Operation } from './operation.ts'
import { readPod } from './read-pod.ts'
import { nameIn, unresolvedIn, type Scope } from './substitute.ts'

const stopped = (op: Operation, call: Call): boolean => op.workflow.spec.shutdown !== undefined && op.workflow.spec.shutdown !== '' && call.onExit !== true

/** A pod for the template: asked for once, then followed to its end. */
export function executePod(op: Operation, call: Call, template: Template, scope: Scope): Node | undefined {
  const known = findNode(op, call.nodeName)
  if (known !== undefined) return isFulfilled(known) ? known : readPod(op, known, template)
  if (stopped(op, call)) return initNode(op, call, { type: 'Pod', phase: 'Failed', message: `workflow shutdown with strategy: ${op.workflow.spec.shutdown ?? ''}`, templateName: template.name })
  if (op.held !== undefined) return undefined
  const left = unresolvedIn([template.container, template.script, template.resource])
  if (left !== undefined && /^=?\s*(inputs|workflow|steps|tasks|item|outputs|retries|lastRetry)\b/.test(left)) return initNode(op, call, { type: 'Pod', phase: 'Error', message: `failed to resolve {{${left}}}`, templateName: template.name })
  if (op.spec.parallelism !== undefined && activePods(op) >= op.spec.parallelism) return undefined
  const node = initNode(op, call, { type: 'Pod', phase: 'Pending', templateName: template.name })
  op.effects.pods.push({ node, podName: podName(op.workflow.metadata.name ?? '', call.nodeName, template.name ?? ''), template, scope })
  return node
}

const activePods = (op: Operation): number => Object.values(op.nodes).filter((node) => node.type === 'Pod' && !isFulfilled(node)).length

/** Waits for somebody to resume it, or for its duration. */
export function executeSuspend(op: Operation, call: Call, template: Template): Node {
  const node = initNode(op, call, { type: 'Suspend', templateName: template.name })
  if (isFulfilled(node)) return node
  if (stopped(op, call)) return markNode(op, node, 'Failed', `workflow shutdown with strategy: ${op.workflow.spec.shutdown ?? ''}`)
  const ms = durationMs(template.suspend?.duration)
  if (ms === undefined) return node
  const until = Date.parse(node.startedAt ?? rfc3339(op.world.now)) + ms
  if (until <= op.world.now) return markNode(op, node, 'Succeeded')
  wakeAt(op, until)
  return node
}

/** A request of the controller itself; upstream makes an agent pod for it. */
export function executeHttp(op: Operation, call: Call, template: Template): Node | undefined {
  if (op.held !== undefined) return findNode(op, call.nodeName)
  const node = initNode(op, call, { type: 'HTTP', phase: 'Pending', templateName: template.name })
  if (isFulfilled(node)) return node
  const answer = op.world.answer(node.id)
  if (answer === undefined) {
    op.effects.http.push({ node, template })
    return node
  }
  if ('error' in answer) return markNode(op, node, 'Error', answer.error)
  node.outputs = { result: answer.body, parameters: [{ name: 'result', value: answer.body }] }
  const scope: Scope = { 'response.statusCode': answer.status, 'response.body': answer.body }
  const { successCondition } = template.http ?? {}
  const good = successCondition === undefined || successCondition === '' ? answer.status < 400 : truthy(evaluate(successCondition, (path) => nameIn(scope, path)))
  return good ? markNode(op, node, 'Succeeded') : markNode(op, node, 'Failed', `received non-2xx response code: ${answer.status}`)
}
