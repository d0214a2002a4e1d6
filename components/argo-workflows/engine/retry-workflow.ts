import { rfc3339 } from '@idp/kit'
import type { Node, Workflow } from '../kinds/workflow.ts'
import { podName } from './names.ts'
import { hasFailed, isFulfilled } from './operation.ts'

/** A finished workflow as it begins again: what went well stays, the rest is forgotten. `pods` are those of forgotten nodes. */
export function retried(workflow: Workflow): { readonly workflow: Workflow; readonly pods: readonly string[] } {
  const { name = '' } = workflow.metadata
  const nodes: Record<string, Node> = {}
  const pods: string[] = []
  for (const node of Object.values(workflow.status?.nodes ?? {})) {
    const handler = node.name.startsWith(`${name}.onExit`)
    const groups = ['Steps', 'DAG', 'StepGroup', 'TaskGroup'].includes(node.type)
    if (!handler && groups && hasFailed(node)) {
      const { finishedAt: _finishedAt, message: _message, ...open } = node
      nodes[node.id] = { ...open, phase: 'Running' }
    } else if (!handler && !hasFailed(node) && node.phase !== 'Omitted') nodes[node.id] = node
    else if (node.type === 'Pod') pods.push(podName(name, node.name, node.templateName ?? ''))
  }
  // A node that hung below a forgotten one hangs nowhere now; it is found again by its name.
  for (const node of Object.values(nodes)) if (node.children !== undefined) node.children = node.children.filter((id) => nodes[id] !== undefined)
  const { shutdown: _shutdown, ...spec } = workflow.spec
  const { finishedAt: _finishedAt, message: _message, ...status } = workflow.status ?? {}
  const { 'workflows.argoproj.io/completed': _completed, 'workflows.argoproj.io/phase': _phase, ...labels } = workflow.metadata.labels ?? {}
  return { pods, workflow: { ...workflow, metadata: { ...workflow.metadata, labels }, spec, status: { ...status, phase: 'Running', finishedAt: null, nodes } } }
}

/** The same workflow anew: its spec, its labels, none of its past. */
export function resubmitted({ metadata, spec }: Workflow): Workflow {
  const { shutdown: _shutdown, suspend: _suspend, ...rest } = spec
  const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => !/^workflows\.argoproj\.io\/(completed|phase|creator.*)$/.test(key)))
  return {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', spec: rest,
    metadata: { generateName: metadata.generateName ?? `${metadata.name ?? ''}-`, namespace: metadata.namespace ?? '', labels: { ...labels, 'workflows.argoproj.io/resubmitted-from-workflow': metadata.name ?? '' } },
  }
}

/** Suspended nodes go on; with `spec.suspend` the whole workflow. */
export function resumed(workflow: Workflow, now: number, selector: (node: Node) => boolean = () => true): Workflow {
  const { suspend: _suspend, ...spec } = workflow.spec
  const nodes = Object.fromEntries(Object.entries(workflow.status?.nodes ?? {}).map(([id, node]) => [id, node.type === 'Suspend' && !isFulfilled(node) && selector(node) ? { ...node, phase: 'Succeeded' as const, finishedAt: rfc3339(now) } : node]))
  return { ...workflow, spec, ...(workflow.status === undefined ? {} : { status: { ...workflow.status, nodes } }) }
}

export interface SubmitOptions { name?: string; generateName?: string; labels?: string; annotations?: string; entryPoint?: string; parameters?: string[]; serviceAccount?: string; priority?: number }

/** The Workflow that submitting a WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow makes. */
export function submitted(kind: string, name: string, namespace: string, options: SubmitOptions = {}, cronSpec?: Workflow['spec']): Workflow {
  const pairs = (text: string | undefined): Record<string, string> => Object.fromEntries((text ?? '').split(',').filter((one) => one.includes('=')).map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]))
  const cluster = /^(cwft|clusterworkflowtemplate)/i.test(kind)
  const label = cronSpec !== undefined ? 'cron-workflow' : cluster ? 'cluster-workflow-template' : 'workflow-template'
  const parameters = (options.parameters ?? []).map((one) => ({ name: one.slice(0, one.indexOf('=')), value: one.slice(one.indexOf('=') + 1) }))
  const base = cronSpec ?? { workflowTemplateRef: { name, ...(cluster ? { clusterScope: true } : {}) } }
  return {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow',
    metadata: {
      namespace, ...(options.name === undefined || options.name === '' ? { generateName: options.generateName ?? `${name}-` } : { name: options.name }),
      labels: { ...pairs(options.labels), [`workflows.argoproj.io/${label}`]: name }, annotations: pairs(options.annotations),
    },
    spec: {
      ...base, ...(options.entryPoint === undefined || options.entryPoint === '' ? {} : { entrypoint: options.entryPoint }), ...(options.serviceAccount === undefined || options.serviceAccount === '' ? {} : { serviceAccountName: options.serviceAccount }),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      ...(parameters.length === 0 ? {} : { arguments: { ...base.arguments, parameters: [...(base.arguments?.parameters ?? []).filter(({ name: one }) => parameters.every((given) => given.name !== one)), ...parameters] } }),
    },
  }
}
