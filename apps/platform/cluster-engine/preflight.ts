import { DaemonSet, Deployment, Node, SelfSubjectAccessReview, StorageClass } from '@idp/api'
import type { Client } from '@idp/client'
import { CodedError, type Fault } from '@idp/kit'
import { isOurs } from '../bootstrap/apply-objects.ts'
import type { NodeConfig } from '../config/config.ts'

/** The oldest Kubernetes that the pinned charts are meant for. */
const oldest = { major: 1, minor: 31 } as const

type Check = (client: Client, nodes: readonly NodeConfig[]) => Promise<readonly Fault[]>

/** Looks at a cluster that idp did not start, and changes nothing: everything that would make the bootstrap fail half-way. */
export async function preflight(client: Client, nodes: readonly NodeConfig[]): Promise<readonly Fault[]> {
  const faults: Fault[] = []
  // Without rights the later checks would only repeat that they may not look.
  for (const stage of [[version], [permissions], [nodesReady, nodePools, storage, noOtherArgoCd, noOtherNetwork]] as readonly (readonly Check[])[]) {
    faults.push(...(await Promise.all(stage.map((check) => check(client, nodes)))).flat())
    if (faults.length > 0) return faults
  }
  return faults
}

/** Throws what `preflight` found: the fault itself when there is one, CodedError `PreflightFailed` that lists them when there are several. */
export function refuseFaults(faults: readonly Fault[], where: string): void {
  const [first, ...more] = faults
  if (first === undefined) return
  if (more.length === 0) throw new CodedError({ ...first, where: first.where ?? where })
  throw new CodedError({ code: 'PreflightFailed', message: `the cluster cannot take the platform:${faults.map((fault) => `\n  ${fault.code}: ${fault.message}`).join('')}`, where, remedy: faults.flatMap((fault) => fault.remedy ?? []).join('; ') })
}

const version: Check = async (client) => {
  const response = await client.request('/version')
  const told = response.ok ? ((await response.json()) as { gitVersion?: string }).gitVersion ?? '' : ''
  const match = /^v?(\d+)\.(\d+)/.exec(told)
  if (match === null) return [{ code: 'VersionUnknown', message: `the cluster does not say its version (status ${response.status})`, remedy: 'Check that the context leads to a Kubernetes API server' }]
  const [major, minor] = [Number(match[1]), Number(match[2])]
  if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return []
  return [{ code: 'VersionTooOld', message: `the cluster runs Kubernetes ${told}; the platform needs ${oldest.major}.${oldest.minor} or newer`, remedy: 'Upgrade the cluster' }]
}

const permissions: Check = async (client) => {
  const review = await client.create(SelfSubjectAccessReview, { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {}, spec: { resourceAttributes: { group: '*', resource: '*', verb: '*' } } })
  const { allowed, reason } = (review as { status?: { allowed?: boolean; reason?: string } }).status ?? {}
  if (allowed === true) return []
  return [{ code: 'NotClusterAdmin', message: `this user may not do everything in the cluster${reason ? `: ${reason}` : ''}`, remedy: 'Use a context whose user is bound to ClusterRole cluster-admin: the platform makes definitions, webhooks and cluster roles' }]
}

interface Condition { readonly type: string; readonly status: string; readonly message?: string }
const readyOf = (node: Node): Condition | undefined => ((node.status?.conditions ?? []) as Condition[]).find(({ type }) => type === 'Ready')

const nodesReady: Check = async (client) => {
  const { items } = await client.list(Node)
  if (items.length === 0) return [{ code: 'NoNodes', message: 'the cluster has no nodes', remedy: 'Add a node' }]
  const waiting = items.filter((node) => {
    const ready = readyOf(node)
    // A node that waits for its network waits for Cilium, which is what the platform brings.
    return ready?.status !== 'True' && !/cni|network ?plugin/i.test(ready?.message ?? '')
  })
  return waiting.length === 0 ? [] : [{ code: 'NodesNotReady', message: `nodes are not Ready: ${waiting.map((node) => `${node.metadata.name ?? ''} (${readyOf(node)?.message ?? 'no Ready condition'})`).join(', ')}`, remedy: 'Mend or remove them' }]
}

/** Every pool that the configuration names by its labels has a node, else pods that select it wait for ever. */
const nodePools: Check = async (client, nodes) => {
  const { items } = await client.list(Node)
  const wanted = new Map(nodes.flatMap(({ labels }) => Object.entries(labels).map(([key, value]) => [`${key}=${value}`, [key, value] as const])))
  const lacking = [...wanted].filter(([, [key, value]]) => !items.some((node) => node.metadata.labels?.[key] === value)).map(([pair]) => pair)
  return lacking.map((pair) => ({ code: 'NoNodePool', message: `no node is labelled ${pair}, which the platform's pods select`, remedy: `kubectl label node NAME ${pair}` }))
}

const storage: Check = async (client) => {
  const { items } = await client.list(StorageClass)
  const isDefault = (one: StorageClass) => one.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true'
  if (items.some(isDefault)) return []
  return [{
    code: 'NoStorageClass', message: items.length === 0 ? 'the cluster has no StorageClass' : `none of the StorageClasses ${items.map((one) => one.metadata.name ?? '').join(', ')} is the default one`,
    remedy: items.length === 0 ? 'Install a provisioner with a default StorageClass, e.g. local-path-provisioner' : `kubectl annotate storageclass ${items[0]?.metadata.name ?? 'NAME'} storageclass.kubernetes.io/is-default-class=true`,
  }]
}

const noOtherArgoCd: Check = async (client) => {
  const { items } = await client.list(Deployment, { labelSelector: 'app.kubernetes.io/part-of=argocd' })
  const namespaces = [...new Set(items.filter((object) => !isOurs(object)).map((object) => object.metadata.namespace ?? ''))]
  return namespaces.length === 0 ? [] : [{ code: 'ArgoCdPresent', message: `another Argo CD runs in namespace ${namespaces.join(', ')}; two of them would fight over the same Applications`, remedy: 'Remove it, or use another cluster' }]
}

const networks = new Set(['cilium', 'calico-node', 'kube-flannel-ds', 'kube-flannel', 'weave-net', 'kindnet', 'aws-node', 'antrea-agent', 'kube-router'])

const noOtherNetwork: Check = async (client) => {
  const { items } = await client.list(DaemonSet)
  const foreign = items.filter((object) => networks.has(object.metadata.name ?? '') && !isOurs(object)).map((object) => `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`)
  return foreign.length === 0 ? [] : [{ code: 'NetworkPresent', message: `the cluster has a pod network already (DaemonSet ${foreign.join(', ')}); the platform brings its own Cilium`, remedy: 'Use a cluster without a network plugin, e.g. idp up --engine k3d' }]
}
