import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYamlDocuments, type AnyObject, type JsonObject } from '@idp/formats'
import { CodedError, messageOf, sleep } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'
import { resourceState } from '../engine/resource-state.ts'
import { stagedArtifacts, mainEnded } from '../engine/pod-object.ts'
import { WorkflowTaskResultKind, type NodePhase, type Outputs, type Parameter, type Template } from '../kinds/workflow.ts'

type Main = (container: Container, template: Template) => Promise<number>

/** How often a resource is looked at that a condition waits for. */
const pollMs = 1_000
/** Upstream's code of an executor that failed. */
const failedCode = 64

const commands: Readonly<Record<string, Main>> = {
  /** Puts the script and raw artifacts where the main container finds them. */
  async init({ files }, template) {
    if (template.script !== undefined) await files.write('/argo/staging/script', template.script.source)
    for (const { name, data } of stagedArtifacts(template)) await files.write(`/argo/staging/artifacts/${name}`, data)
    return 0
  },
  /** Waits until the main container has ended, then reports the parameters that it wrote to files. */
  async wait(container, template) {
    const { files, log, signal } = container
    const isOver = (): Promise<boolean> => files.exists(`/argo/main-state/${mainEnded}`)
    // Watching begins before the first look, so that nothing is missed in between.
    const changes = files.watch('/argo/main-state', signal)[Symbol.asyncIterator]()
    for (let change = changes.next(); !await isOver() && !signal.aborted; change = changes.next()) await change
    const parameters: Parameter[] = []
    for (const { name, valueFrom } of template.outputs?.parameters ?? []) {
      if (valueFrom?.path === undefined) continue
      const file = `/mainctrfs${valueFrom.path.startsWith('/') ? '' : '/'}${valueFrom.path}`
      if (await files.exists(file)) parameters.push({ name, value: (await files.readText(file)).replace(/\n$/, '') })
      else if (valueFrom.default === undefined) {
        await report(container, { phase: 'Error', message: `outputs.parameters.${name}: ${valueFrom.path} was not written` })
        log.error('an output is missing', { parameter: name, path: valueFrom.path })
        return 0
      }
    }
    await report(container, { outputs: { parameters } })
    return 0
  },
  async resource(container, template) {
    const { client, clock, signal } = container
    if (client === undefined || template.resource === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: container.pod.name })
    const [document] = parseYamlDocuments(template.resource.manifest ?? '')
    let object = await act(client, document?.value as unknown as AnyObject, template.resource, container.pod.namespace)
    if (object === undefined) return 0
    const kind = await client.kindOf(object.apiVersion, object.kind)
    const { name = '', namespace } = object.metadata
    container.stdout(`${kind.kind.toLowerCase()}.${kind.group}/${name} ${template.resource.action}`)
    for (let state = resourceState(template.resource, object); state !== 'succeeded'; state = resourceState(template.resource, object)) {
      if (signal.aborted) return 1
      if (state === 'failed') throw new CodedError({ code: 'ResourceFailed', message: `failure condition '${template.resource.failureCondition ?? ''}' evaluated true`, where: name })
      await sleep(clock, pollMs, signal)
      object = await client.get(kind, name, { namespace })
    }
    const parameters = (template.outputs?.parameters ?? []).map(({ name: parameter, valueFrom }): Parameter => ({ name: parameter, value: jsonPath(object as AnyObject, valueFrom?.jsonPath ?? '') ?? valueFrom?.default ?? '' }))
    if (parameters.length > 0) await report(container, { outputs: { parameters } })
    return 0
  },
}

async function act(client: Client, manifest: AnyObject, { action, mergeStrategy = 'strategic' }: NonNullable<Template['resource']>, ownNamespace: string): Promise<AnyObject | undefined> {
  const kind = await client.kindOf(manifest.apiVersion, manifest.kind) as Kind<AnyObject>
  const at = kind.scope === 'Cluster' ? {} : { namespace: manifest.metadata.namespace ?? ownNamespace }
  const object = { ...manifest, metadata: { ...manifest.metadata, ...at } }
  const name = object.metadata.name ?? ''
  switch (action) {
    case 'get': return client.get(kind, name, at)
    case 'create': return client.create(kind, object, at)
    case 'apply': return client.apply(kind, object, { ...at, fieldManager: 'argoexec', force: true })
    case 'replace': return client.update(kind, { ...object, metadata: { ...object.metadata, resourceVersion: (await client.get(kind, name, at)).metadata.resourceVersion ?? '' } }, at)
    case 'patch': return client.patch(kind, name, object as unknown as JsonObject, { ...at, type: mergeStrategy === 'json' ? 'merge' : mergeStrategy })
    case 'delete':
      await client.delete(kind, name, at).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
      return undefined
  }
}

/** `{.status.podIP}` and the like: dots and indexes, no filters. */
function jsonPath(object: AnyObject, path: string): string | undefined {
  const steps = path.replace(/^\{|\}$/g, '').split(/\.|\[|\]/).filter((step) => step !== '' && step !== '$')
  const value = steps.reduce<unknown>((one, step) => (typeof one === 'object' && one !== null ? (one as Record<string, unknown>)[step] : undefined), object)
  return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
}

/** Tells the controller, as a WorkflowTaskResult under the pod's own account, which needs `create` and `patch` of them. */
async function report({ client, env, pod }: Container, result: { phase?: NodePhase; message?: string; outputs?: Outputs }): Promise<void> {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const workflow = env['ARGO_WORKFLOW_NAME'] ?? ''
  await client.create(WorkflowTaskResultKind, {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'WorkflowTaskResult', ...result,
    metadata: {
      name: env['ARGO_NODE_ID'] ?? '', namespace: pod.namespace, labels: { 'workflows.argoproj.io/workflow': workflow, 'workflows.argoproj.io/report-outputs-completed': 'true' },
      ownerReferences: [{ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name: workflow, uid: env['ARGO_WORKFLOW_UID'] ?? '' }],
    },
  }).catch((error: unknown) => { if (!isApiError(error, 'AlreadyExists')) throw error })
}

/** Stands in for the executor in the pods of steps: `init`, `wait`, `resource`. */
export const argoexec: Program = {
  images: ['quay.io/argoproj/argoexec'],
  async main(container) {
    const [name = ''] = [...container.command, ...container.args].filter((word) => !word.endsWith('argoexec'))
    const run = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (run === undefined) throw new CodedError({ code: 'ProgramNotFound', message: `the argoexec stand-in has no command ${JSON.stringify(name)}`, where: container.pod.name, remedy: `It has ${Object.keys(commands).join(', ')}` })
    try {
      return await run(container, JSON.parse(container.env['ARGO_TEMPLATE'] ?? '{}') as Template)
    } catch (error) {
      if (container.signal.aborted) return 143
      container.log.error(messageOf(error))
      return failedCode
    }
  },
}
