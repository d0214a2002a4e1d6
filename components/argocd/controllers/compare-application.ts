import { createHash } from 'node:crypto'
import type { Kind } from '@idp/api'
import { parseApiVersion } from '@idp/api'
import type { Client } from '@idp/client'
import { deepEqual, type AnyObject } from '@idp/formats'
import { compileIgnoreRule, type IgnoreRule } from '../engine/compare/ignored-fields.ts'
import { isInSync } from '../engine/compare/compare-resource.ts'
import { comparable } from '../engine/compare/matches-live.ts'
import { healthOf, isWorse, type HealthOverrides } from '../engine/health/health-of.ts'
import { keyText, objectKey } from '../engine/object-key.ts'
import type { Settings } from '../engine/settings.ts'
import { isHook, syncOptionsOf, waveOf } from '../engine/sync/annotations.ts'
import type { ComparedResource } from '../engine/sync/tasks.ts'
import type { Application, ApplicationCondition, Health, HealthStatusCode, ResourceStatus, SyncStatusCode } from '../kinds/application.ts'
import type { LiveCluster } from './live-cluster.ts'
import type { Targets } from './load-targets.ts'

/** Field manager under which syncs apply. */
export const syncManager = 'argocd-controller'

export interface Comparison {
  readonly status: SyncStatusCode
  readonly health: HealthStatusCode
  readonly resources: readonly ComparedResource[]
  readonly rows: readonly ResourceStatus[]
  readonly conditions: readonly ApplicationCondition[]
  readonly images: readonly string[]
}

/** What an earlier look found about one object. */
interface Verdict {
  readonly target: AnyObject
  readonly live: AnyObject
  /** The differences to ignore, as they were. */
  readonly ignoring: string
  /** Digest of what a dry run was asked about; undefined when none was needed. */
  readonly signature: string | undefined
  readonly inSync: boolean
}

/** Verdicts by object key, kept as long as target and live object are the same: a pass looks only at what changed since the last. */
export type Predictions = Map<string, Verdict>

export interface CompareContext {
  readonly client: Client
  readonly live: LiveCluster
  readonly settings: Settings
  readonly predictions: Predictions
  readonly overrides?: HealthOverrides
  kindOf(apiVersion: string, kind: string): Promise<Kind<AnyObject> | undefined>
  now(): string
}

/** Looks at every object that Git names or that is tracked by the Application. Asks the server only where values differ. */
export async function compareApplication(application: Application, targets: Targets, context: CompareContext): Promise<Comparison> {
  const name = application.metadata.name ?? ''
  const rules = [...context.settings.ignoreRules, ...(application.spec.ignoreDifferences ?? []).map((one) => compileIgnoreRule(one))]
  const ignoring = JSON.stringify(application.spec.ignoreDifferences ?? [])
  const extra = new Map<string, AnyObject>()
  for (const object of context.live.ofApplication(name)) {
    if ((object.metadata.ownerReferences ?? []).length === 0) extra.set(keyText(objectKey(object)), object)
  }
  const conditions: ApplicationCondition[] = []
  const resources: ComparedResource[] = []
  for (const target of targets.objects) {
    const key = objectKey(target)
    extra.delete(keyText(key))
    const live = context.live.get(key)
    const owner = live === undefined ? undefined : sharedWith(live, name, context)
    if (owner !== undefined) conditions.push({ type: 'SharedResourceWarning', message: `${key.kind}/${key.name} is part of applications ${application.metadata.namespace ?? ''}/${name} and ${owner}` })
    const inSync = live !== undefined && (await matches(target, live, { rules, ignoring }, context))
    resources.push({ target, live, status: inSync ? 'Synced' : 'OutOfSync' })
  }
  for (const [, object] of extra) if (!isHook(object)) resources.push({ target: undefined, live: object, status: 'OutOfSync' })
  return { ...summary(resources, context), resources, conditions, images: imagesOf(resources) }
}

function sharedWith(live: AnyObject, name: string, { settings }: CompareContext): string | undefined {
  const id = live.metadata.annotations?.['argocd.argoproj.io/tracking-id']
  const owner = settings.tracking.method === 'label' ? live.metadata.labels?.[settings.tracking.label] : id?.slice(0, id.indexOf(':'))
  return owner === undefined || owner === name || !(live.metadata.annotations?.['argocd.argoproj.io/tracking-id'] ?? '').includes(`/${live.metadata.name ?? ''}`) ? undefined : owner
}

interface Ignored { readonly rules: readonly IgnoreRule[]; readonly ignoring: string }

async function matches(target: AnyObject, live: AnyObject, { rules, ignoring }: Ignored, context: CompareContext): Promise<boolean> {
  const key = keyText(objectKey(target))
  const found = context.predictions.get(key)
  const known = found?.target === target && found.ignoring === ignoring ? found : undefined
  if (known !== undefined && (known.live === live || hasSameContent(known.live, live))) {
    if (known.live !== live) context.predictions.set(key, { ...known, live })
    return known.inSync
  }
  const predict = async (): Promise<AnyObject | undefined> => {
    const kind = await context.kindOf(target.apiVersion, target.kind)
    if (kind === undefined) return undefined
    // A refusal (immutable field, admission) means the target is not what is live; the sync will say why.
    return context.client.apply(kind, target, { fieldManager: syncManager, force: true, dryRun: true }).catch(() => undefined)
  }
  let signature: string | undefined
  const answer = await isInSync(target, live, {
    rules, manager: syncManager,
    predict: async () => {
      signature = createHash('sha1').update(JSON.stringify([target, comparable(live)])).digest('base64')
      return found?.signature === signature ? undefined : predict()
    },
  })
  const inSync = signature !== undefined && found?.signature === signature ? found.inSync : answer
  context.predictions.set(key, { target, live, ignoring, signature, inSync })
  return inSync
}

/** True when two states of one object differ in nothing that is compared: a status moved on. Says false for kinds without generation. */
function hasSameContent({ metadata: a }: AnyObject, { metadata: b }: AnyObject): boolean {
  return a.generation !== undefined && a.generation === b.generation && a.uid === b.uid
    && deepEqual([a.labels, a.annotations, a.finalizers, a.ownerReferences, a.managedFields], [b.labels, b.annotations, b.finalizers, b.ownerReferences, b.managedFields])
}

function summary(resources: readonly ComparedResource[], { overrides }: CompareContext): Pick<Comparison, 'status' | 'health' | 'rows'> {
  let status: SyncStatusCode = 'Synced'
  let health: HealthStatusCode = 'Healthy'
  const rows = resources.map(({ target, live, status: own }) => {
    const object = target ?? live as AnyObject // one of the two is always there
    const verdict: Health | undefined = live === undefined ? { status: 'Missing' } : healthOnce(live, overrides)
    const extraneous = target === undefined
    const ignored = extraneous && compareOptionsOf(object).has('IgnoreExtraneous')
    if (own === 'OutOfSync' && !ignored) status = 'OutOfSync'
    const counts = !extraneous && object.metadata.annotations?.['argocd.argoproj.io/ignore-healthcheck'] !== 'true'
    if (counts && verdict?.status !== undefined && isWorse(health, verdict.status)) health = verdict.status
    return resourceRow(object, own, verdict, extraneous)
  })
  return { status, health, rows }
}

const healths = new WeakMap<AnyObject, Health | { readonly none: true }>()

/** Live objects are never changed in place, so each is judged once. */
function healthOnce(live: AnyObject, overrides: HealthOverrides | undefined): Health | undefined {
  if (overrides !== undefined) return healthOf(live, overrides)
  let kept = healths.get(live)
  if (kept === undefined) healths.set(live, (kept = healthOf(live) ?? { none: true }))
  return 'none' in kept ? undefined : kept
}

function resourceRow(object: AnyObject, status: SyncStatusCode, health: Health | undefined, extraneous: boolean): ResourceStatus {
  const { group, version } = parseApiVersion(object.apiVersion)
  const wave = waveOf(object)
  return {
    ...(group === '' ? {} : { group }), version, kind: object.kind, ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
    name: object.metadata.name ?? '', status, ...(health === undefined ? {} : { health }), ...(extraneous ? { requiresPruning: true } : {}), ...(wave === 0 ? {} : { syncWave: wave }),
    ...(extraneous && syncOptionsOf(object).has('Prune=confirm') ? { requiresDeletionConfirmation: true } : {}),
  }
}

function compareOptionsOf(object: AnyObject): ReadonlySet<string> {
  return new Set((object.metadata.annotations?.['argocd.argoproj.io/compare-options'] ?? '').split(',').map((one) => one.trim()))
}

/** Container images of the live workloads, sorted, as `status.summary.images` lists them. */
function imagesOf(resources: readonly ComparedResource[]): string[] {
  const images = new Set<string>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value as { image?: unknown }[]) if (typeof one?.image === 'string') images.add(one.image)
  }
  for (const { live } of resources) {
    if (live === undefined) continue
    const spec = live['spec'] as { template?: { spec?: PodSpec }; jobTemplate?: { spec?: { template?: { spec?: PodSpec } } } } & PodSpec | undefined
    for (const pod of [live.kind === 'Pod' ? spec : undefined, spec?.template?.spec, spec?.jobTemplate?.spec?.template?.spec]) {
      visit(pod?.containers)
      visit(pod?.initContainers)
    }
  }
  return [...images].sort()
}

interface PodSpec { containers?: unknown; initContainers?: unknown }
