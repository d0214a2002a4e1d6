import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import type { Clock } from '@idp/kit'
import { objects, words } from './field.ts'
import { judges } from './judges/index.ts'
import { worldOf, type SealStatus, type World } from './world.ts'

/** Kinds that are facts for the judges and have no judge of their own. */
const facts = ['ReplicaSet', 'EndpointSlice', 'Event', 'StorageClass', 'Bundle', 'SealedSecret', 'ResourceQuota']
/** Other groups have kinds of the same names (`Gateway` of a mesh, `Service` of a serverless layer, `Event` twice). */
const groups = new Set(['', 'apps', 'batch', 'discovery.k8s.io', 'storage.k8s.io', 'admissionregistration.k8s.io', 'apiregistration.k8s.io', 'apiextensions.k8s.io', 'argoproj.io', 'external-secrets.io', 'cert-manager.io', 'acme.cert-manager.io', 'trust.cert-manager.io', 'gateway.networking.k8s.io', 'kyverno.io', 'bitnami.com'])
/** Lines of a crashed container's log that are shown. */
const logLines = 4
const probeTimeout = 3_000

export interface Reading {
  readonly world: World
  /** Kinds that may not be read, or whose API does not answer. */
  readonly unread: readonly string[]
  /** Packets that Cilium has dropped since its agents started, by Hubble's reason; empty without Hubble's metrics. */
  readonly drops: Readonly<Record<string, number>>
}

/**
 * Lists what the judges need, asks Vaults whether they are sealed, and reads the last lines of containers that crash: all of it through
 * the Kubernetes API. Values of Secrets are dropped at once; where one stands in a log line it is masked. Kinds that may not be read are named in `unread`.
 */
export async function readWorld(client: Client, clock: Clock): Promise<Reading> {
  const wanted = new Set([...Object.keys(judges), ...facts])
  const kinds = (await client.kinds()).filter((kind) => wanted.has(kind.kind) && groups.has(kind.group))
  const unread: string[] = []
  const lists = await Promise.all(kinds.map(async (kind) => {
    try {
      return (await client.list(kind)).items.map((object) => ({ ...object, apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind }))
    } catch (error) {
      if (!isApiError(error)) throw error
      unread.push(kind.kind)
      return []
    }
  }))
  const mask = maskOf(lists.flat().filter((object) => object.kind === 'Secret'))
  const all = lists.flat().map((object) => (object.kind === 'Secret' ? withoutValues(object) : object))
  const pods = all.filter((object) => object.kind === 'Pod')
  const [logs, seals, drops] = await Promise.all([readLogs(client, pods, mask), readSeals(client, pods, clock), readDrops(client, pods, clock)])
  return { world: worldOf({ objects: all, kinds: kinds.map((kind) => kind.kind).filter((kind) => !unread.includes(kind)), logs, seals, now: clock.now() }), unread: unread.toSorted(), drops }
}

const withoutValues = ({ apiVersion, kind, metadata, ...rest }: AnyObject): AnyObject => ({ apiVersion, kind, metadata: { ...metadata, annotations: {} }, data: Object.fromEntries(Object.keys((rest as { data?: object }).data ?? {}).map((key) => [key, ''])) })

/** Puts `***` in the place of every value of a Secret that has eight characters or more. */
function maskOf(secrets: readonly AnyObject[]): (text: string) => string {
  const values = new Set(secrets.flatMap((secret) => Object.values((secret as { data?: Record<string, string> }).data ?? {})).map((value) => Buffer.from(value, 'base64').toString('utf8').trim()).filter((value) => value.length >= 8 && value.length <= 4096))
  const longest = [...values].toSorted((a, b) => b.length - a.length)
  return (text) => longest.reduce((masked, value) => masked.replaceAll(value, '***'), text)
}

async function readLogs(client: Client, pods: readonly AnyObject[], mask: (text: string) => string): Promise<Record<string, readonly string[]>> {
  const crashed = pods.flatMap((pod) => [...objects(pod, 'status', 'initContainerStatuses'), ...objects(pod, 'status', 'containerStatuses')]
    .filter((status) => words(status, 'state', 'waiting', 'reason') === 'CrashLoopBackOff' || !['', '0'].includes(words(status, 'state', 'terminated', 'exitCode')))
    .map((status) => ({ pod, name: words(status, 'name'), ended: words(status, 'state', 'terminated', 'exitCode') !== '' })))
  const found = await Promise.all(crashed.slice(0, 20).map(async ({ pod, name, ended }) => {
    const base = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/log?container=${encodeURIComponent(name)}&tailLines=${logLines}`
    for (const query of ended ? ['', '&previous=true'] : ['&previous=true', '']) {
      const response = await client.request(`${base}${query}`, { headers: { accept: 'text/plain' } })
      const lines = mask(await response.text()).split('\n').filter((line) => line.trim() !== '')
      if (response.ok && lines.length > 0) return [`${pod.metadata.namespace}/${pod.metadata.name}/${name}`, lines.slice(-logLines)] as const
    }
    return undefined
  }))
  return Object.fromEntries(found.filter((entry) => entry !== undefined))
}

/** Asks each running Vault server through the API server's proxy; an endpoint that needs no token. */
async function readSeals(client: Client, pods: readonly AnyObject[], clock: Clock): Promise<Record<string, SealStatus>> {
  const servers = pods.filter((pod) => words(pod, 'metadata', 'labels', 'app.kubernetes.io/name') === 'vault' && words(pod, 'metadata', 'labels', 'component') !== 'webhook' && words(pod, 'status', 'phase') === 'Running')
  const found = await Promise.all(servers.map(async (pod) => {
    const answer = await askPod(client, pod, '8200/proxy/v1/sys/seal-status', clock)
    if (answer === undefined) return undefined
    const { initialized, sealed } = JSON.parse(answer) as Partial<SealStatus>
    return [`${pod.metadata.namespace}/${pod.metadata.name}`, { initialized: initialized === true, sealed: sealed === true }] as const
  }))
  return Object.fromEntries(found.filter((entry) => entry !== undefined))
}

async function readDrops(client: Client, pods: readonly AnyObject[], clock: Clock): Promise<Record<string, number>> {
  const agents = pods.filter((pod) => words(pod, 'metadata', 'labels', 'k8s-app') === 'cilium' && words(pod, 'status', 'phase') === 'Running')
  const texts = await Promise.all(agents.map((pod) => askPod(client, pod, '9965/proxy/metrics', clock)))
  const drops: Record<string, number> = {}
  for (const [, reason = '', value = ''] of texts.flatMap((text) => [...(text ?? '').matchAll(/^hubble_drop_total\{[^}]*reason="([^"]*)"[^}]*\} (\S+)/gm)])) drops[reason] = (drops[reason] ?? 0) + Number(value)
  return drops
}

/** What a pod answers through the API server's proxy; undefined when it gives no good answer in time: its own probes tell the rest. */
async function askPod(client: Client, pod: AnyObject, path: string, clock: Clock): Promise<string | undefined> {
  const late = new AbortController()
  const timer = clock.timer(probeTimeout, () => late.abort(new Error('no answer in time')))
  try {
    const response = await client.request(`/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}:${path}`, { signal: late.signal })
    const text = await response.text()
    return response.ok ? text : undefined
  } catch {
    return undefined
  } finally {
    timer[Symbol.dispose]()
  }
}
