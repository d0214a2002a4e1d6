import { posix } from 'node:path'
import type { Pod } from '@idp/api'
import type { JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { ContainerTemplate, Template, Workflow, WorkflowSpec } from '../kinds/workflow.ts'
import type { PodRequest } from './operation.ts'
import { hasFileOutputs } from './read-pod.ts'

export const labels = { workflow: 'workflows.argoproj.io/workflow', completed: 'workflows.argoproj.io/completed', phase: 'workflows.argoproj.io/phase', cron: 'workflows.argoproj.io/cron-workflow' } as const
/** The key of a ConfigMap, named as the pod, that the controller makes when the main container has ended: the executor beside it may ask for nothing else. */
export const mainEnded = 'main-ended'

type Mount = NonNullable<ContainerTemplate['volumeMounts']>[number]
const staging = { name: 'argo-staging', mountPath: '/argo/staging' }

/** The executor's containers: their image, and what of them the controller's configuration says. */
export interface Executor { readonly image: string; readonly resources?: JsonObject | undefined; readonly securityContext?: JsonObject | undefined; /** Defaults of main containers. */ readonly main?: JsonObject | undefined }

/** A step's pod, under upstream's names and labels. Throws CodedError `Unsupported`. */
export function podObject(workflow: Workflow, spec: WorkflowSpec, { node, podName, template, scope: _scope }: PodRequest, { image, resources, securityContext, main: mainDefaults }: Executor): Pod {
  const { name = '', namespace = '', uid = '' } = workflow.metadata
  const outputs = outputMounts(template)
  const account = template.serviceAccountName ?? spec.serviceAccountName
  const env = [{ name: 'ARGO_TEMPLATE', value: JSON.stringify(template) }, { name: 'ARGO_NODE_ID', value: node.id }, { name: 'ARGO_WORKFLOW_NAME', value: name }, { name: 'ARGO_WORKFLOW_UID', value: uid }]
  const main = { ...mainDefaults, ...mainContainer(template, env, image) }
  const mounts: Mount[] = [...main.volumeMounts ?? [], ...outputs]
  const staged = template.script !== undefined || stagedArtifacts(template).length > 0
  const executor = (container: string, extra: Mount[]): JsonObject => json({
    name: container, image, command: ['argoexec', container, '--loglevel', 'info', '--log-format', 'text'], env, volumeMounts: extra, terminationMessagePolicy: 'FallbackToLogsOnError',
    resources: resources ?? {}, imagePullPolicy: 'IfNotPresent', ...(securityContext === undefined ? {} : { securityContext }),
  })
  const waits = template.resource === undefined && hasFileOutputs(template)
  const pick = <K extends keyof Template & keyof WorkflowSpec>(field: K): JsonObject => (template[field] ?? spec[field]) === undefined ? {} : { [field]: json(template[field] ?? spec[field]) as never }
  const deadline = Number(template.activeDeadlineSeconds)
  const object = {
    apiVersion: 'v1', kind: 'Pod',
    metadata: {
      name: podName, namespace,
      labels: { ...spec.podMetadata?.labels, ...template.metadata?.labels, [labels.workflow]: name, [labels.completed]: 'false' },
      annotations: { 'kubectl.kubernetes.io/default-container': 'main', ...spec.podMetadata?.annotations, ...template.metadata?.annotations, 'workflows.argoproj.io/node-name': node.name, 'workflows.argoproj.io/node-id': node.id },
      ownerReferences: [{ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec: {
      restartPolicy: 'Never',
      ...(account === undefined ? {} : { serviceAccountName: account }),
      ...pick('nodeSelector'), ...pick('tolerations'), ...pick('affinity'), ...pick('securityContext'), ...pick('automountServiceAccountToken'),
      ...(spec.imagePullSecrets === undefined ? {} : { imagePullSecrets: spec.imagePullSecrets }),
      ...((template.priorityClassName ?? spec.podPriorityClassName) === undefined ? {} : { priorityClassName: template.priorityClassName ?? spec.podPriorityClassName }),
      ...(Number.isFinite(deadline) ? { activeDeadlineSeconds: deadline } : {}),
      volumes: [
        { name: 'var-run-argo', emptyDir: {} }, ...(staged ? [{ name: staging.name, emptyDir: {} }] : []),
        ...(waits ? [{ name: 'main-state', configMap: { name: podName, optional: true } }] : []),
        ...outputs.map((mount) => ({ name: mount.name, emptyDir: {} })), ...spec.volumes ?? [], ...template.volumes ?? [],
      ],
      initContainers: [...(staged ? [executor('init', [staging])] : []), ...(template.initContainers ?? []).map(json)],
      containers: [
        ...(waits ? [executor('wait', [{ name: 'main-state', mountPath: '/argo/main-state' }, ...mounts.map((mount) => ({ ...mount, mountPath: posix.join('/mainctrfs', mount.mountPath) }))])] : []),
        json({ ...main, volumeMounts: [...mounts, { name: 'var-run-argo', mountPath: '/var/run/argo' }, ...(staged ? [staging] : []), ...artifactMounts(template)] }),
      ],
    },
  }
  return object as unknown as Pod
}

const json = (value: unknown): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject

function mainContainer(template: Template, env: JsonObject[], executorImage: string): ContainerTemplate {
  if (template.container !== undefined) return { ...template.container, name: 'main' }
  if (template.script !== undefined) {
    const { source: _source, ...script } = template.script
    return { ...script, name: 'main', args: [...script.args ?? [], '/argo/staging/script'] }
  }
  return { name: 'main', image: executorImage, command: ['argoexec', 'resource', template.resource?.action ?? 'get'], env, terminationMessagePolicy: 'FallbackToLogsOnError' }
}

/** The executor sees files of the main container on volumes alone, so that the directory of each output is one. */
function outputMounts(template: Template): Mount[] {
  if (template.resource !== undefined) return []
  const own = (template.container ?? template.script)?.volumeMounts ?? []
  const directories = new Set<string>()
  for (const { name, valueFrom } of template.outputs?.parameters ?? []) {
    if (valueFrom?.path === undefined) continue
    const directory = posix.dirname(posix.resolve('/', valueFrom.path))
    if (directory === '/') throw new CodedError({ code: 'Unsupported', message: `outputs.parameters.${name}: a file directly below / cannot be read here; write it into a directory` })
    if (!own.some(({ mountPath }) => directory === mountPath || directory.startsWith(`${mountPath}/`))) directories.add(directory)
  }
  return [...directories].map((mountPath, index) => ({ name: `argo-outputs-${index}`, mountPath }))
}

export const stagedArtifacts = (template: Template): { name: string; path: string; data: string }[] => (template.inputs?.artifacts ?? []).flatMap(({ name, path, raw }) => (path === undefined || raw === undefined ? [] : [{ name, path, data: raw.data }]))

const artifactMounts = (template: Template): Mount[] => stagedArtifacts(template).map(({ name, path }) => ({ name: staging.name, mountPath: path, subPath: `artifacts/${name}` }))
