import type { Pod } from '@idp/api'
import type { Node, Outputs, Parameter, Template } from '../kinds/workflow.ts'
import { podName } from './names.ts'
import { markNode, type Operation } from './operation.ts'

interface Ended { readonly exitCode: number; readonly reason?: string; readonly message?: string; readonly finishedAt?: string }

/** The end of a container of a pod, if it has ended. */
export function endOf(pod: Pod, container: string): Ended | undefined {
  const status = [...pod.status?.containerStatuses ?? [], ...pod.status?.initContainerStatuses ?? []].find(({ name }) => name === container)
  return status?.state?.terminated as Ended | undefined
}

/** Outputs of files need the executor; it waits in the pod for them. */
export const hasFileOutputs = (template: Template): boolean => template.resource !== undefined || (template.outputs?.parameters ?? []).some(({ valueFrom }) => valueFrom?.path !== undefined)

/** Takes over into the node what has become of its pod. */
export function readPod(op: Operation, node: Node, template: Template): Node {
  const name = podName(op.workflow.metadata.name ?? '', node.name, template.name ?? '')
  const pod = op.world.pod(name)
  if (pod === undefined) return markNode(op, node, 'Error', 'pod deleted')
  if (pod.spec.nodeName !== undefined) node.hostNodeName = pod.spec.nodeName
  const main = endOf(pod, 'main')
  if (main !== undefined) op.effects.ended.add(name)
  const phase = pod.status?.phase ?? 'Pending'
  if (phase === 'Pending') return markNode(op, node, 'Pending', waitingFor(pod))
  if (phase === 'Running') return markNode(op, node, 'Running')
  const result = resultOf(op, name, template, main)
  if (result === 'reading') return node
  const reported = op.world.taskResult(node.id)
  const outputs: Outputs = {
    ...(main === undefined ? {} : { exitCode: String(main.exitCode) }), ...(result === undefined ? {} : { result }),
    ...reported?.outputs,
  }
  const parameters = parametersOf(template, outputs.parameters ?? [])
  if (parameters.length > 0) outputs.parameters = parameters
  if (Object.keys(outputs).length > 0) node.outputs = outputs
  node.progress = '1/1'
  if (phase === 'Succeeded') return reported?.phase === 'Failed' || reported?.phase === 'Error' ? markNode(op, node, reported.phase, reported.message) : markNode(op, node, 'Succeeded')
  return failed(op, node, pod, main)
}

function failed(op: Operation, node: Node, pod: Pod, main: Ended | undefined): Node {
  if (pod.status?.message !== undefined && pod.status.message !== '') return markNode(op, node, 'Failed', pod.status.message)
  for (const container of ['init', 'main', 'wait']) {
    const end = container === 'main' ? main : endOf(pod, container)
    if (end === undefined || end.exitCode === 0) continue
    const text = `${end.reason ?? 'Error'} (exit code ${end.exitCode})${end.message === undefined || end.message === '' ? '' : `: ${end.message.trim()}`}`
    return markNode(op, node, container === 'main' ? 'Failed' : 'Error', container === 'main' ? `main: ${text}` : text)
  }
  return markNode(op, node, 'Failed', pod.status?.reason ?? 'pod failed for unknown reason')
}

/** The main container's output, where some tag wants it. It is read once, when the pod is over. */
function resultOf(op: Operation, name: string, template: Template, main: Ended | undefined): string | undefined {
  if (main === undefined || template.resource !== undefined || !JSON.stringify(op.spec).includes('outputs.result')) return undefined
  const printed = op.world.printed(name)
  if (printed === undefined) {
    op.effects.read.add(name)
    return 'reading'
  }
  return printed.replace(/\n$/, '').slice(0, 256 * 1024)
}

/** What the executor read, with the defaults of what it did not find and the values that need no file. */
function parametersOf(template: Template, read: readonly Parameter[]): Parameter[] {
  return (template.outputs?.parameters ?? []).flatMap((parameter) => {
    const value = read.find(({ name }) => name === parameter.name)?.value ?? parameter.value ?? parameter.valueFrom?.default
    return value === undefined ? [] : [{ name: parameter.name, value, ...(parameter.globalName === undefined ? {} : { globalName: parameter.globalName }) }]
  })
}

function waitingFor(pod: Pod): string | undefined {
  for (const { state } of [...pod.status?.initContainerStatuses ?? [], ...pod.status?.containerStatuses ?? []]) {
    const { reason, message } = state?.waiting ?? {}
    if (reason !== undefined && reason !== 'ContainerCreating' && reason !== 'PodInitializing') return message === undefined ? reason : `${reason}: ${message}`
    if (reason === 'PodInitializing') return 'PodInitializing'
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return scheduled?.status === 'False' ? `${scheduled.reason ?? 'Unschedulable'}: ${scheduled.message ?? ''}` : undefined
}
