import { ConfigMap } from '@idp/api'
import { getIfExists } from '@idp/controller'
import { parseYaml, type JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { untilAborted, type Program } from '@idp/sandbox'
import { runCronWorkflows } from '../controllers/run-cron-workflows.ts'
import { runWorkflows } from '../controllers/run-workflows.ts'
import type { WorkflowSpec } from '../kinds/workflow.ts'

interface Config { parallelism?: number; workflowDefaults?: { spec?: WorkflowSpec }; executor?: { resources?: JsonObject; securityContext?: JsonObject }; mainContainer?: JsonObject }

const flag = (args: readonly string[], name: string): string | undefined => {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
  return at < 0 ? undefined : args[at]?.includes('=') === true ? args[at].slice(name.length + 3) : args[at + 1]
}

/** Stands in for the workflow controller: Workflows and CronWorkflows. */
export const workflowController: Program = {
  images: ['quay.io/argoproj/workflow-controller'],
  async main({ args, client, clock, log, net, pod, signal }) {
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const map = await getIfExists(client, ConfigMap, flag(args, 'configmap') ?? 'workflow-controller-configmap', pod.namespace)
    const config = (parseYaml(map?.data?.['config'] ?? '', { source: 'config' }) ?? {}) as Config
    const tag = pod.image.split(':').at(-1) ?? 'latest'
    const loop = runWorkflows({ client, clock, log, signal, net, executor: { image: flag(args, 'executor-image') ?? `quay.io/argoproj/argoexec:${tag}`, resources: config.executor?.resources, securityContext: config.executor?.securityContext, main: config.mainContainer }, parallelism: config.parallelism, defaults: config.workflowDefaults?.spec })
    const crons = runCronWorkflows({ client, clock, log, signal, workflows: loop.workflows })
    let ready = false
    await using _health = await net.listen(6060, { handler: () => new Response(ready ? 'ok\n' : 'not ready\n', { status: ready ? 200 : 503 }) })
    await using _metrics = await net.listen(9090, { handler: () => new Response(metricsText(loop.phases()), { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
    await Promise.all([loop.synced, crons.synced]).catch((error: unknown) => { if (!signal.aborted) throw error })
    ready = true
    log.info('workflow-controller is ready')
    await untilAborted(signal)
    return 0
  },
}

function metricsText(phases: ReadonlyMap<string, number>): string {
  const lines = ['Error', 'Failed', 'Pending', 'Running', 'Succeeded'].map((phase) => `argo_workflows_gauge{phase="${phase}"} ${phases.get(phase) ?? 0}\n`)
  return `# HELP argo_workflows_gauge A gauge of the number of workflows currently in the cluster in each phase\n# TYPE argo_workflows_gauge gauge\n${lines.join('')}`
}
