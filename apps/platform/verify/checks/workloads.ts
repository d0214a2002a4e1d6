import type { AnyObject } from '@idp/formats'
import type { Check, VerifyContext } from '../check.ts'
import { application, applyScratch, at, eventually, get, isSimulated, list, runningPods, type Ref } from '../live.ts'

const text = (value: unknown): string => String(value ?? '')
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : [text(value)])
const standIn = (pods: readonly AnyObject[]): string => (pods.some(isSimulated) ? ' (their program is simulated; scheduling and placement are not)' : '')

const nodes = (context: VerifyContext) => context.once('nodes', () => list(context.client, 'v1', 'Node'))

/** `workload -> pool`: every running pod of the workload stands on a node of the pool, because its own spec asks for it. */
const placedOn: Check = async (context, { namespace, pods, pool }) => {
  const [key = '', value = ''] = text(pool).split('=')
  const inPool = (await nodes(context)).filter((node) => (value === '' ? key in (node.metadata.labels ?? {}) : node.metadata.labels?.[key] === value)).map((node) => node.metadata.name ?? '')
  const found = await runningPods(context, text(namespace), ...strings(pods))
  const elsewhere = found.find((pod) => !inPool.includes(text(at(pod, 'spec', 'nodeName'))))
  if (elsewhere !== undefined) throw new Error(`pod ${elsewhere.metadata.name} runs on ${text(at(elsewhere, 'spec', 'nodeName'))}, which is not in the pool ${text(pool)} (${inPool.join(', ')})`)
  const asks = found.every((pod) => at(pod, 'spec', 'nodeSelector', key) === value || at(pod, 'spec', 'affinity', 'nodeAffinity') !== undefined)
  if (!asks) throw new Error(`a pod of ${strings(pods).join(', ')} stands on the pool by chance: its spec does not select ${text(pool)}`)
  return `${found.map((pod) => `${pod.metadata.name} on ${text(at(pod, 'spec', 'nodeName'))}`).join(', ')}${standIn(found)}`
}

/** `DaemonSet -> pool`: there is a running pod of it on every node of the pool. */
const daemonOn: Check = async (context, { namespace, pods, pool }) => {
  const [key = '', value = ''] = text(pool).split('=')
  const inPool = (await nodes(context)).filter((node) => (value === '' ? key in (node.metadata.labels ?? {}) : node.metadata.labels?.[key] === value)).map((node) => node.metadata.name ?? '')
  const found = await runningPods(context, text(namespace), ...strings(pods))
  const bare = inPool.filter((node) => !found.some((pod) => at(pod, 'spec', 'nodeName') === node))
  if (inPool.length === 0) throw new Error(`no node is in the pool ${text(pool)}`)
  if (bare.length > 0) throw new Error(`no pod ${strings(pods).join('|')}* runs on ${bare.join(', ')}`)
  const there = found.filter((pod) => inPool.includes(text(at(pod, 'spec', 'nodeName'))))
  return `${there.map((pod) => `${pod.metadata.name} on ${text(at(pod, 'spec', 'nodeName'))}`).join(', ')}${standIn(there)}`
}

/** `chart -> workload`: the workload is there from that chart at that version, and its pods are ready. */
const installedFromChart: Check = async (context, { apiVersion, kind, namespace, name, chart }) => {
  const ref: Ref = { apiVersion: text(apiVersion), kind: text(kind), name: text(name), namespace: text(namespace) }
  const object = await get(context.client, ref)
  const from = object.metadata.labels?.['helm.sh/chart'] ?? at(object, 'spec', 'template', 'metadata', 'labels', 'helm.sh/chart')
  if (from !== undefined && text(from).replace(/-v?(?=\d)/, ' ') !== text(chart).replace(/-v?(?=\d)/, ' ')) throw new Error(`${text(kind)} ${text(name)} comes from chart ${text(from)}, not ${text(chart)}`)
  const pods = await runningPods(context, text(namespace), text(name))
  return `${text(kind)} ${text(namespace)}/${text(name)} runs ${pods.map((p) => p.metadata.name).join(', ')}${from === undefined ? '' : ` from chart ${text(from)}`}${standIn(pods)}`
}

/** The last arrow of the bootstrap: every Application is Synced and Healthy, and everything they own is there. */
const allHealthy: Check = async (context) => {
  const apps = await list(context.client, 'argoproj.io/v1alpha1', 'Application', { namespace: 'argocd' })
  const own = apps.filter((app) => !app.metadata.name?.startsWith('idp-verify'))
  const bad = own.filter((app) => at(app, 'status', 'health', 'status') !== 'Healthy')
  if (own.length === 0) throw new Error('there is no Application')
  if (bad.length > 0) throw new Error(bad.map((app) => `${app.metadata.name} is ${text(at(app, 'status', 'health', 'status'))}`).join(', '))
  return `${own.length} Applications are Healthy: ${own.map((app) => app.metadata.name).join(', ')}`
}

/** `task deploy`: the nodes of the cluster are Ready and its network agent runs on each. */
const clusterCreated: Check = async (context) => {
  const all = await nodes(context)
  const unready = all.find((node) => !((at(node, 'status', 'conditions') ?? []) as { type: string; status: string }[]).some((c) => c.type === 'Ready' && c.status === 'True'))
  if (unready !== undefined) throw new Error(`node ${unready.metadata.name} is not Ready`)
  const agents = await runningPods(context, 'kube-system', 'cilium-')
  const bare = all.filter((node) => !agents.some((pod) => at(pod, 'spec', 'nodeName') === node.metadata.name))
  if (bare.length > 0) throw new Error(`no Cilium agent runs on ${bare.map((n) => n.metadata.name).join(', ')}`)
  return `nodes ${all.map((node) => node.metadata.name).join(', ')} are Ready, each with a Cilium agent`
}

/** `set -> sync`: the root application has applied every ApplicationSet, and each has generated something. */
const applicationSetsSynced: Check = async (context) => {
  const root = await get(context.client, application('platform'))
  const sets = await list(context.client, 'argoproj.io/v1alpha1', 'ApplicationSet', { namespace: 'argocd' })
  if (at(root, 'status', 'sync', 'status') !== 'Synced') throw new Error(`the root application is ${text(at(root, 'status', 'sync', 'status'))}`)
  const apps = await list(context.client, 'argoproj.io/v1alpha1', 'Application', { namespace: 'argocd' })
  const idle = sets.filter((set) => !apps.some((app) => app.metadata.ownerReferences?.some((o) => o.uid === set.metadata.uid)))
  if (sets.length === 0 || idle.length > 0) throw new Error(sets.length === 0 ? 'there is no ApplicationSet' : `${idle.map((s) => s.metadata.name).join(', ')} generated nothing`)
  return `the root application is Synced with ApplicationSets ${sets.map((s) => s.metadata.name).join(', ')}, which generated ${apps.filter((a) => (a.metadata.ownerReferences ?? []).length > 0).length} Applications`
}

/** `pod -> log file`: what a program prints is in its node's log file, from which the API server serves it. */
const logsWritten: Check = async (context, { namespace, pods }) => {
  const [pod] = await runningPods(context, text(namespace), ...strings(pods))
  const response = await context.client.request(`/api/v1/namespaces/${text(namespace)}/pods/${pod?.metadata.name}/log?tailLines=1&timestamps=true`, { headers: { accept: 'text/plain' } })
  const line = (await response.text()).trim()
  if (!response.ok || line === '') throw new Error(`pod ${text(namespace)}/${pod?.metadata.name} has no log (${response.status})`)
  return `the log of ${text(namespace)}/${pod?.metadata.name} ends with: ${line.slice(0, 120)}`
}

/** `user -> API`: a workload that is applied is stored, with a uid and a generation of its own. */
const workloadCreated: Check = async (context) => {
  const name = `${context.scratch}-workload`
  const labels = { app: name }
  const stored = await applyScratch(context, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.org/none:1' }] } } },
  } as unknown as AnyObject)
  await eventually(context, { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: 'default' }, (object) => Number(at(object, 'status', 'observedGeneration') ?? 0) >= 1, 'to be seen by its controller')
  return `Deployment default/${name} was stored with uid ${stored.metadata.uid} and seen by its controller`
}

export const workloadChecks = {
  'logs-written': logsWritten, 'workload-created': workloadCreated,
  'placed-on': placedOn, 'daemon-on': daemonOn, 'installed-from-chart': installedFromChart, 'all-healthy': allHealthy,
  'cluster-created': clusterCreated, 'application-sets-synced': applicationSetsSynced,
} satisfies Record<string, Check>
