import { apiVersionOf, isApiError, Namespace, parseApiVersion, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { createEventRecorder, informer, type Informer } from '@idp/controller'
import { deepEqual, matchesLabelSelector, type AnyObject, type Json, type JsonObject, type KubeObject, type LabelSelector } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { rulesOf } from '../engine/autogen.ts'
import { generationResults, type GenerationSource, type ObjectReference } from '../engine/generate.ts'
import { mutatesExisting } from '../engine/mutate-existing.ts'
import { updateRequestFor } from '../engine/update-request.ts'
import { kindsMatching, kindsOf } from '../engine/webhook-rules.ts'
import { ClusterPolicy, Policy, type PolicyObject, type Rule } from '../kinds/policy.ts'
import { UpdateRequestKind } from '../kinds/update-request.ts'
import { apiContext } from './api-context.ts'
import { followCelBackground } from './cel-background.ts'
import { coalesced } from './coalesced.ts'
import { createScanQueue } from './scan-queue.ts'
import { followUpdateRequests } from './update-requests.ts'

const prefix = 'generate.kyverno.io'
const owner = 'background-controller'
/** Policies that arrive together are followed together. */
const settleMs = 100

/**
 * kyverno-background-controller: carries out UpdateRequests (rules that change existing objects) and makes what generate rules ask for. Level-driven: for a resource that a rule is about it looks at what should be there
 * and creates what is missing; with `synchronize` it also restores what was changed or deleted, and deletes with the resource.
 * Resources older than the policy count only where the rule or the policy says `generateExisting`.
 */
export async function backgroundController(container: Container): Promise<number> {
  const { client, clock, log, net, signal, pod } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const watch = <T extends KubeObject>(kind: Kind<T>): Informer<T> => informer(client, kind, { signal, clock, log })
  const [cluster, namespaced, namespaces] = [watch(ClusterPolicy), watch(Policy), watch(Namespace)]
  let generated = 0
  await using _metrics = await net.listen(8000, { handler: () => new Response(`# TYPE kyverno_generated_resources_total counter\nkyverno_generated_resources_total ${generated}\n`, { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  await Promise.all([cluster.synced, namespaced.synced, namespaces.synced])
  const policies = (): PolicyObject[] => [...cluster.cache.list(), ...namespaced.cache.list()].filter((policy) => policy.spec.rules.some(({ generate }) => generate !== undefined))
  const triggers = new Map<string, Informer<AnyObject>>()
  const served = new Map<string, Kind<AnyObject>>()
  const source = clusterSource(client, served)
  const work = async (key: string): Promise<void> => {
    const [kindKey = '', namespace = '', name = ''] = key.split('|')
    const object = triggers.get(kindKey)?.cache.get(name, namespace === '' ? undefined : namespace)
    if (object === undefined || object.metadata.deletionTimestamp !== undefined) return
    const labels = namespaces.cache.get(namespace)?.metadata.labels ?? {}
    for (const policy of policies().filter(({ metadata }) => metadata.namespace === undefined || metadata.namespace === namespace)) {
      for (const result of await generationResults(newRulesOnly(policy, object), { object, namespaceLabels: labels }, source)) {
        if (result.verdict === 'error') log.warn('a generate rule failed', { policy: policy.metadata.name, rule: result.rule, trigger: key, error: result.message })
        for (const wanted of result.objects) if (await ensure(client, served, labelled(wanted, { policy, rule: result.rule, key }), result.synchronize)) generated++
      }
    }
  }
  const all = (): PolicyObject[] => [...cluster.cache.list(), ...namespaced.cache.list()]
  const requests = watch(UpdateRequestKind)
  const recorder = createEventRecorder({ client, clock, log, signal, component: 'kyverno-background' })
  followUpdateRequests(requests, { client, clock, log, signal, source, recorder, policies: all, namespaceLabels: (of) => namespaces.cache.get(of)?.metadata.labels ?? {}, kindOf: (object) => kindOf(served, object) })
  followCelBackground(container, client)
  const queue = createScanQueue(work, (key, error) => log.warn('generation failed; trying again', { key, error: messageOf(error) }), { clock, signal })
  const follow = async (): Promise<void> => {
    for (const kind of await client.kinds()) served.set(`${kind.group}/${kind.version}/${kind.kind}`, kind as Kind<AnyObject>)
    const rules = policies().flatMap((policy) => policy.spec.rules).filter(({ generate }) => generate !== undefined)
    for (const kind of new Set(rules.flatMap((rule) => kindsOf(rule.match)).flatMap((pattern) => kindsMatching(pattern, [...served.values()])))) {
      const kindKey = `${kind.group}/${kind.kind}`
      if (triggers.has(kindKey)) continue
      const view = watch(kind as Kind<AnyObject>)
      triggers.set(kindKey, view)
      view.onChange(({ before, after }) => {
        const metadata = (after ?? before)?.metadata
        const key = `${kindKey}|${metadata?.namespace ?? ''}|${metadata?.name ?? ''}`
        if (after !== undefined) queue.add(key)
        else void removeDownstream(client, served, policies(), key).catch((error: unknown) => { if (!signal.aborted) log.warn('generated resources could not be deleted', { key, error: messageOf(error) }) })
      })
    }
    // What was generated with synchronize is watched too: a change or deletion brings its trigger back to the queue.
    for (const kind of targetKinds(rules, [...served.values()])) {
      const kindKey = `downstream ${kind.group}/${kind.kind}`
      if (triggers.has(kindKey)) continue
      const view = watch(kind)
      triggers.set(kindKey, view)
      view.onChange(({ before, after }) => {
        const key = before?.metadata.annotations?.[`${prefix}/trigger`]
        if (key !== undefined && (after === undefined || after.metadata.generation !== before?.metadata.generation || !deepEqual(content(after), content(before as AnyObject)))) queue.add(key)
      })
    }
    for (const [kindKey, view] of triggers) if (!kindKey.startsWith('downstream')) for (const { metadata } of view.cache.list()) queue.add(`${kindKey}|${metadata.namespace ?? ''}|${metadata.name ?? ''}`)
  }
  const changed = coalesced(container, settleMs, () => void follow().catch((error: unknown) => {
    if (signal.aborted) return
    log.warn('policies could not be followed; trying again', { error: messageOf(error) })
    clock.timer(1_000, changed)
  }))
  for (const view of [cluster, namespaced]) {
    view.onChange(({ before, after }) => {
      if (before?.metadata.generation === after?.metadata.generation) return
      changed()
      if (after !== undefined) void requestExisting(client, after, pod.namespace).catch((error: unknown) => { if (!signal.aborted) log.warn('existing objects of a policy could not be looked at', { policy: after.metadata.name, error: messageOf(error) }) })
    })
  }
  changed()
  log.info('kyverno background controller is ready')
  await untilAborted(signal)
  return 0
}

/** Asks for the existing objects of a policy's rules that say `mutateExistingOnPolicyUpdate`, once for every trigger there is. */
async function requestExisting(client: Client, policy: PolicyObject, namespace: string): Promise<void> {
  const rules = rulesOf(policy).filter((rule) => mutatesExisting(rule) && (rule.mutate?.['mutateExistingOnPolicyUpdate'] ?? policy.spec['mutateExistingOnPolicyUpdate']) === true)
  for (const rule of rules) {
    for (const kind of await servedKinds(client, rule)) {
      const { items } = await client.list(kind as Kind<AnyObject>, policy.metadata.namespace === undefined ? {} : { namespace: policy.metadata.namespace })
      for (const item of items) await client.create(UpdateRequestKind, updateRequestFor(policy, rule.name, { object: { ...item, apiVersion: apiVersionOf(kind), kind: kind.kind } }, namespace))
    }
  }
}

const servedKinds = async (client: Client, rule: Rule): Promise<readonly Kind[]> => {
  const served = await client.kinds()
  return [...new Set(kindsOf(rule.match).flatMap((pattern) => kindsMatching(pattern, served)))]
}

/** The policy without generate rules that a resource is too old for. */
function newRulesOnly(policy: PolicyObject, { metadata }: AnyObject): PolicyObject {
  const older = (metadata.creationTimestamp ?? '') < (policy.metadata.creationTimestamp ?? '')
  if (!older) return policy
  return { ...policy, spec: { ...policy.spec, rules: rulesOf(policy).filter((rule) => (rule.generate?.['generateExisting'] ?? policy.spec['generateExisting'] ?? policy.spec['generateExistingOnPolicyUpdate']) === true) } }
}

function targetKinds(rules: readonly Rule[], served: readonly Kind[]): readonly Kind<AnyObject>[] {
  const wanted = rules.filter(({ generate }) => generate?.synchronize === true).flatMap(({ generate }) => [generate, ...((generate?.['foreach'] ?? []) as { apiVersion?: string; kind?: string }[])])
  return served.filter((kind) => wanted.some((one) => one?.kind === kind.kind && parseApiVersion(one.apiVersion ?? 'v1').group === kind.group)) as Kind<AnyObject>[]
}

function labelled(wanted: AnyObject, { policy, rule, key }: { readonly policy: PolicyObject; readonly rule: string; readonly key: string }): AnyObject {
  const labels = { ...wanted.metadata.labels, 'app.kubernetes.io/managed-by': 'kyverno', [`${prefix}/policy-name`]: policy.metadata.name ?? '', [`${prefix}/policy-namespace`]: policy.metadata.namespace ?? '', [`${prefix}/rule-name`]: rule }
  return { ...wanted, metadata: { ...wanted.metadata, labels, annotations: { ...wanted.metadata.annotations, [`${prefix}/trigger`]: key } } }
}

const content = ({ metadata: _metadata, status: _status, ...rest }: AnyObject & { status?: unknown }): Json => rest as unknown as Json

/** Creates what is missing and, with `synchronize`, applies what differs; true when something was created. */
async function ensure(client: Client, served: ReadonlyMap<string, Kind<AnyObject>>, wanted: AnyObject, synchronize: boolean): Promise<boolean> {
  const kind = kindOf(served, wanted)
  const { name = '', namespace } = wanted.metadata
  try {
    const live = await client.get(kind, name, { namespace })
    const mine = live.metadata.labels?.['app.kubernetes.io/managed-by'] === 'kyverno' && live.metadata.labels[`${prefix}/rule-name`] === wanted.metadata.labels?.[`${prefix}/rule-name`]
    if (synchronize && mine) await client.apply(kind, wanted, { fieldManager: owner, force: true })
    return false
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  await client.apply(kind, wanted, { fieldManager: owner, force: true })
  return true
}

function kindOf(served: ReadonlyMap<string, Kind<AnyObject>>, { apiVersion, kind }: ObjectReference | AnyObject): Kind<AnyObject> {
  const { group, version } = parseApiVersion(apiVersion)
  const found = served.get(`${group}/${version}/${kind}`)
  if (found === undefined) throw new CodedError({ code: 'KindNotServed', message: `${apiVersion} ${kind} is not served`, where: kind })
  return found
}

async function removeDownstream(client: Client, served: ReadonlyMap<string, Kind<AnyObject>>, policies: readonly PolicyObject[], key: string): Promise<void> {
  for (const kind of targetKinds(policies.flatMap((policy) => policy.spec.rules), [...served.values()])) {
    for (const { metadata } of (await client.list(kind, { labelSelector: `app.kubernetes.io/managed-by=kyverno,${prefix}/rule-name` })).items) {
      if (metadata.annotations?.[`${prefix}/trigger`] !== key) continue
      await client.delete(kind, metadata.name ?? '', { namespace: metadata.namespace }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
    }
  }
}

function clusterSource(client: Client, served: ReadonlyMap<string, Kind<AnyObject>>): GenerationSource {
  return {
    ...apiContext(client),
    async find(reference) {
      const kind = kindOf(served, reference)
      if (reference.name !== undefined) return [await client.get(kind, reference.name, { namespace: reference.namespace })]
      const { items } = await client.list(kind, { namespace: reference.namespace })
      return items.map((one) => ({ ...one, apiVersion: reference.apiVersion, kind: reference.kind })).filter(({ metadata }) => reference.selector === undefined || matchesLabelSelector(reference.selector as JsonObject as LabelSelector, metadata.labels ?? {}))
    },
  }
}
