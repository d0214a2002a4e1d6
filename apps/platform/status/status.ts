import { Node, Pod } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { causeOf } from './cause.ts'

/** What `idp status` tells. */
export interface PlatformStatus {
  readonly healthy: boolean
  readonly nodes: readonly { readonly name: string; readonly ready: boolean; readonly pool: string }[]
  readonly applications: readonly ApplicationStatus[]
  readonly pods: { readonly running: number; readonly waiting: readonly { readonly name: string; readonly cause: string }[] }
  /** Images whose pods are simulated or run a program of idp in upstream's place. */
  readonly standIns: { readonly simulated: readonly string[]; readonly programs: readonly string[] }
}

export interface ApplicationStatus {
  readonly name: string
  readonly sync: string
  readonly health: string
  /** For one that is not well: the chain down to the root cause. */
  readonly cause?: string
}

interface AppFields { status?: { sync?: { status?: string }; health?: { status?: string } } }

/** Reads the state of the platform through the Kubernetes API alone. */
export async function platformStatus(client: Client): Promise<PlatformStatus> {
  const [nodeList, podList, apps] = await Promise.all([client.list(Node), client.list(Pod), applications(client)])
  const nodes = nodeList.items.map((node) => ({
    name: node.metadata.name ?? '', pool: node.metadata.labels?.['node-role'] ?? 'control-plane',
    ready: (node.status?.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True'),
  }))
  const pods = podList.items as unknown as AnyObject[]
  const waiting = pods.flatMap((pod) => {
    const cause = causeOf(pod)
    return cause === undefined ? [] : [{ name: `${pod.metadata.namespace}/${pod.metadata.name}`, cause }]
  })
  const applicationStatuses = await Promise.all(apps.map((app) => applicationStatus(app, pods)))
  return {
    healthy: nodes.every((n) => n.ready) && waiting.length === 0 && applicationStatuses.every((a) => a.sync === 'Synced' && a.health === 'Healthy'),
    nodes, applications: applicationStatuses,
    pods: { running: pods.length - waiting.length, waiting },
    standIns: { simulated: images(pods, 'simulated'), programs: images(pods, 'program') },
  }
}

/** All Applications; none when Argo CD is not installed (yet). */
export async function applications(client: Client): Promise<readonly AnyObject[]> {
  const kind = (await client.kinds()).find((k) => k.group === 'argoproj.io' && k.kind === 'Application')
  return kind === undefined ? [] : (await client.list(kind, { namespace: 'argocd' })).items
}

async function applicationStatus(app: AnyObject, pods: readonly AnyObject[]): Promise<ApplicationStatus> {
  const { sync, health } = (app as AppFields).status ?? {}
  const cause = applicationCause(app, pods)
  return { name: app.metadata.name ?? '', sync: sync?.status ?? 'Unknown', health: health?.status ?? 'Unknown', ...(cause === undefined ? {} : { cause }) }
}

interface AppCause {
  status?: {
    health?: { status?: string; message?: string }
    sync?: { status?: string }
    conditions?: { type: string; message: string }[]
    operationState?: { phase?: string; message?: string; syncResult?: { resources?: { kind: string; name: string; namespace?: string; status?: string; message?: string }[] } }
    resources?: { kind: string; name: string; namespace?: string; status?: string; health?: { status?: string; message?: string } }[]
  }
}

/** `condition`, or `sync failed: object: message`, or `object is Degraded: message: pod …`; undefined for an application that is well. */
export function applicationCause(app: AnyObject, pods: readonly AnyObject[]): string | undefined {
  const status = (app as AppCause).status
  if (status === undefined) return 'Argo CD has not looked at it yet'
  if (status.sync?.status === 'Synced' && status.health?.status === 'Healthy') return undefined
  const error = status.conditions?.find((c) => c.type.endsWith('Error'))
  if (error !== undefined) return `${error.type}: ${error.message}`
  const failed = status.operationState?.syncResult?.resources?.find((r) => r.status === 'SyncFailed')
  if (failed !== undefined) return `${failed.kind} ${failed.namespace === undefined ? '' : `${failed.namespace}/`}${failed.name} was refused: ${failed.message ?? ''}`
  const unwell = status.resources?.find((r) => r.health?.status !== undefined && r.health.status !== 'Healthy')
  if (unwell !== undefined) {
    const pod = pods.find((p) => p.metadata.namespace === unwell.namespace && p.metadata.name?.startsWith(unwell.name) && causeOf(p) !== undefined)
    return `${unwell.kind} ${unwell.name} is ${unwell.health?.status}${unwell.health?.message === undefined ? '' : `: ${unwell.health.message}`}${pod === undefined ? '' : `: pod ${pod.metadata.name}: ${causeOf(pod)}`}`
  }
  const different = status.resources?.find((r) => r.status === 'OutOfSync')
  if (different !== undefined) return `${different.kind} ${different.name} differs from Git`
  return status.operationState?.phase === 'Running' ? `syncing: ${status.operationState.message ?? ''}` : status.health?.message ?? 'no cause is recorded'
}

function images(pods: readonly AnyObject[], standIn: string): string[] {
  const found = pods.filter((pod) => pod.metadata.annotations?.['idp.dev/stand-in'] === standIn)
    .flatMap((pod) => ((pod as { spec?: { containers?: { image?: string }[] } }).spec?.containers ?? []).map((c) => c.image ?? ''))
  return [...new Set(found)].sort()
}
