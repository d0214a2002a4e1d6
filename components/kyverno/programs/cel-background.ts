import { isApiError, Namespace, parseApiVersion, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import { createMergePatch, deepEqual, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { celPoliciesFor } from '../engine/cel/cel-results.ts'
import { evaluateCel, triggers } from '../engine/cel/evaluate-cel.ts'
import { celKinds } from '../engine/matched-kinds.ts'
import { celFamily, type CelPolicy } from '../kinds/cel-policy.ts'
import { watchCelPolicies } from './cel-policies.ts'
import { createScanQueue } from './scan-queue.ts'

const prefix = 'generate.kyverno.io'
const owner = 'background-controller'
type BackgroundContainer = Pick<Container, 'clock' | 'log' | 'signal' | 'net'>

/**
 * Carries out GeneratingPolicies and MutatingPolicies with `mutateExisting`. Level-driven: for each resource that a policy is about it looks at what should be there. With `synchronize`, what was changed
 * or deleted is made again, and goes with its trigger. Resources older than a policy count where it says `generateExisting`.
 */
export function followCelBackground(container: BackgroundContainer, client: Client): void {
  const { clock, log, signal } = container
  const cel = watchCelPolicies(container, client)
  const namespaces = informer(client, Namespace, { signal, clock, log })
  const views = new Map<string, Informer<AnyObject>>()
  const active = (): readonly CelPolicy[] => cel.list().filter((policy) => isActive(policy))
  const kindOf = (apiVersion: string, kind: string): Kind<AnyObject> | undefined => {
    const { group, version } = parseApiVersion(apiVersion)
    return cel.served().find((one) => one.group === group && one.version === version && one.kind === kind) as Kind<AnyObject> | undefined
  }
  const work = async (key: string): Promise<void> => {
    const [kindKey = '', namespace = '', name = ''] = key.split('|')
    const view = views.get(kindKey)
    const found = view?.cache.get(name, namespace === '' ? undefined : namespace)
    if (view === undefined || found === undefined || found.metadata.deletionTimestamp !== undefined) return
    const object = { ...found, apiVersion: view.kind.group === '' ? view.kind.version : `${view.kind.group}/${view.kind.version}`, kind: view.kind.kind } as AnyObject
    const request = { object, namespaceLabels: namespaces.cache.get(namespace)?.metadata.labels ?? {} }
    for (const policy of celPoliciesFor(active(), ['Generating', 'Mutating'], request, 'admission')) {
      if (celFamily(policy) === 'Mutating') await mutateTargets(policy, object, request.namespaceLabels)
      else if (!isTooOld(policy, object)) await generate(policy, request, key)
    }
  }
  const generate = async (policy: CelPolicy, request: { readonly object: AnyObject; readonly namespaceLabels: Readonly<Record<string, string>> }, key: string): Promise<void> => {
    const outcome = await evaluateCel(policy, request, cel.world())
    if (outcome?.verdict === 'error') log.warn('a generating policy failed', { policy: policy.metadata.name, trigger: key, error: outcome.message })
    for (const wanted of outcome?.generated ?? []) {
      const kind = kindOf(wanted.apiVersion, wanted.kind)
      if (kind === undefined) log.warn('a generating policy makes a kind that is not served', { policy: policy.metadata.name, kind: wanted.kind })
      else {
        if (isSynchronized(policy)) follow(kind)
        await ensure(client, kind, labelled(wanted, policy, key), isSynchronized(policy))
      }
    }
  }
  /** The targets of a policy: those its target constraints name, or the trigger itself. */
  const mutateTargets = async (policy: CelPolicy, trigger: AnyObject, namespaceLabels: Readonly<Record<string, string>>): Promise<void> => {
    if (!(await triggers(policy, { object: trigger, namespaceLabels }, cel.world()))) return
    const rules = policy.spec.targetMatchConstraints?.resourceRules ?? []
    const has = (list: readonly string[] | undefined, value: string): boolean => list === undefined || list.includes('*') || list.includes(value)
    const kinds = cel.served().filter((kind) => rules.some((rule) => has(rule.apiGroups, kind.group) && has(rule.apiVersions, kind.version) && has(rule.resources, kind.plural))) as unknown as readonly Kind<AnyObject>[]
    const own = kindOf(trigger.apiVersion, trigger.kind)
    const targets: { kind: Kind<AnyObject>; object: AnyObject }[] = rules.length === 0 && own !== undefined ? [{ kind: own, object: trigger }] : []
    for (const kind of kinds) for (const item of (await client.list(kind, policy.metadata.namespace === undefined ? {} : { namespace: policy.metadata.namespace })).items) targets.push({ kind, object: { ...item, apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind } as AnyObject })
    for (const { kind, object } of targets) {
      const outcome = await evaluateCel(policy, { object, namespaceLabels: namespaces.cache.get(object.metadata.namespace ?? '')?.metadata.labels ?? {} }, { ...cel.world(), target: { trigger: { object: trigger, namespaceLabels } } })
      if (outcome?.verdict === 'error') log.warn('a mutating policy failed on an existing resource', { policy: policy.metadata.name, target: object.metadata.name, error: outcome.message })
      if (outcome?.patched === undefined || deepEqual(outcome.patched as unknown as Json, object as unknown as Json)) continue
      const { name = '', namespace } = object.metadata
      await client.patch(kind, name, createMergePatch(object as unknown as JsonObject, outcome.patched as unknown as JsonObject) as never, { namespace, type: 'merge', fieldManager: owner }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
    }
  }
  const queue = createScanQueue(work, (key, error) => log.warn('a policy could not be carried out; trying again', { key, error: messageOf(error) }), { clock, signal })
  const keyFor = (kind: Kind, { metadata }: AnyObject): string => `${kind.group}/${kind.kind}|${metadata.namespace ?? ''}|${metadata.name ?? ''}`
  /** Watches a kind once, as trigger and as what was generated. */
  function follow(kind: Kind<AnyObject>): void {
    const kindKey = `${kind.group}/${kind.kind}`
    if (views.has(kindKey)) return
    const view = informer(client, kind, { signal, clock, log })
    views.set(kindKey, view)
    view.onChange(({ before, after }) => {
      const made = before?.metadata.annotations?.[`${prefix}/trigger`]
      if (made !== undefined && (after === undefined || !deepEqual(content(after), content(before as AnyObject)))) queue.add(made)
      if (after !== undefined) queue.add(keyFor(kind, after))
      else if (before !== undefined) void removeDownstream(keyFor(kind, before)).catch((error: unknown) => { if (!signal.aborted) log.warn('generated resources could not be deleted', { error: messageOf(error) }) })
    })
  }
  const removeDownstream = async (trigger: string): Promise<void> => {
    const names = new Set(active().filter(isSynchronized).map(({ metadata }) => metadata.name))
    for (const view of views.values()) {
      for (const { metadata } of view.cache.list()) {
        if (metadata.annotations?.[`${prefix}/trigger`] !== trigger || !names.has(metadata.labels?.[`${prefix}/policy-name`])) continue
        await client.delete(view.kind, metadata.name ?? '', { namespace: metadata.namespace }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
      }
    }
  }
  cel.onChange(() => {
    for (const policy of active()) for (const kind of celKinds(policy, cel.served())) follow(kind as unknown as Kind<AnyObject>)
    for (const [kindKey, view] of views) for (const { metadata } of view.cache.list()) queue.add(`${kindKey}|${metadata.namespace ?? ''}|${metadata.name ?? ''}`)
  })
}

function isActive(policy: CelPolicy): boolean {
  const family = celFamily(policy)
  return family === 'Generating' || (family === 'Mutating' && policy.spec.evaluation?.mutateExisting?.enabled === true)
}

const isSynchronized = ({ spec }: CelPolicy): boolean => spec.evaluation?.synchronize?.enabled === true

/** Older than the policy, which does not ask for existing resources. */
function isTooOld({ metadata, spec }: CelPolicy, object: AnyObject): boolean {
  return spec.evaluation?.generateExisting?.enabled !== true && (object.metadata.creationTimestamp ?? '') < (metadata.creationTimestamp ?? '')
}

function labelled(wanted: AnyObject, { metadata }: CelPolicy, key: string): AnyObject {
  const labels = { ...wanted.metadata.labels, 'app.kubernetes.io/managed-by': 'kyverno', [`${prefix}/policy-name`]: metadata.name ?? '', [`${prefix}/policy-namespace`]: metadata.namespace ?? '' }
  return { ...wanted, metadata: { ...wanted.metadata, labels, annotations: { ...wanted.metadata.annotations, [`${prefix}/trigger`]: key } } }
}

const content = ({ metadata: _metadata, status: _status, ...rest }: AnyObject & { status?: unknown }): Json => rest as unknown as Json

/** Creates what is missing; with `synchronize` also applies what differs of what this policy made. */
async function ensure(client: Client, kind: Kind<AnyObject>, wanted: AnyObject, synchronize: boolean): Promise<void> {
  const { name = '', namespace, labels } = wanted.metadata
  const live = await client.get(kind, name, { namespace }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  })
  const mine = live?.metadata.labels?.[`${prefix}/policy-name`] === labels?.[`${prefix}/policy-name`]
  if (live === undefined || (synchronize && mine)) await client.apply(kind, wanted, { fieldManager: owner, force: true })
}
