import { Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { createEventRecorder, informer, type Informer } from '@idp/controller'
import { deepEqual, type KubeObject } from '@idp/formats'
import { CodedError, messageOf, rfc3339 } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { mutateCel, validateCel } from '../engine/cel/cel-results.ts'
import type { ContextSource } from '../engine/context.ts'
import { updateRequestFor } from '../engine/update-request.ts'
import { GlobalContextEntry } from '../kinds/global-context-entry.ts'
import { ClusterPolicy, Policy, PolicyExceptionKind, type PolicyObject } from '../kinds/policy.ts'
import { UpdateRequestKind } from '../kinds/update-request.ts'
import { createObserver } from './admission-observer.ts'
import { keepAdmissionPolicies } from './admission-policy-keeper.ts'
import { admissionHandler } from './admission-server.ts'
import { apiContext, objectsOf } from './api-context.ts'
import { celImageSource } from './cel-image-source.ts'
import { watchCelPolicies } from './cel-policies.ts'
import { markCelPolicies } from './cel-status.ts'
import { coalesced } from './coalesced.ts'
import { createGlobalContext } from './global-context.ts'
import { imageTrust } from './image-trust.ts'
import { followConfig } from './kyverno-config.ts'
import { serviceCalls } from './service-call.ts'
import { servingCertificate } from './serving-certificate.ts'
import { webhookKeeper } from './webhook-keeper.ts'

const port = 9443
/** Policies that arrive together are one change of the webhooks. */
const settleMs = 100

/** kyverno-admission-controller: decides on requests, keeps its own webhook configurations, tells policies that they are ready. */
export async function admissionController(container: Container): Promise<number> {
  const { client, clock, log, net, signal, pod } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const namespace = pod.namespace
  const certificate = await servingCertificate(client, clock, { namespace, service: 'kyverno-svc' })
  const watch = <T extends KubeObject>(kind: Kind<T>): Informer<T> => informer(client, kind, { signal, clock, log })
  const [cluster, namespaced, namespaces, exceptions] = [watch(ClusterPolicy), watch(Policy), watch(Namespace), watch(PolicyExceptionKind)]
  const config = followConfig({ client, clock, log, signal, namespace })
  const lists = policyLists(cluster, namespaced)
  const source: ContextSource = { ...apiContext(client), service: serviceCalls(net, signal) }
  const images = imageTrust(client, { clock, net, namespace, signal })
  const globals = createGlobalContext(watch(GlobalContextEntry), { client, clock, log, signal, source })
  const cel = watchCelPolicies(container, client, { globalContext: async (name, projection) => globals.read(projection === '' ? name : `${name}.${projection}`), images: celImageSource(images) })
  const recorder = createEventRecorder({ client, clock, log, signal, component: 'kyverno-admission' })
  const observer = createObserver({ recorder, find: (policy, of) => lists(of).find(({ metadata }) => metadata.name === policy) })
  const handler = admissionHandler({
    log, clock, source: { ...source, globalEntry: (name) => globals.read(name), imageData: images.data, trust: images, find: objectsOf(client) }, trust: images, exceptions: () => exceptions.cache.list(), namespaceLabels: (name) => namespaces.cache.get(name)?.metadata.labels ?? {},
    policies: lists, reviewed: observer.reviewed, leavesAlone: (request, subresource) => config.isFiltered(request.object, subresource) || (request.user !== undefined && config.isExcluded(request.user)),
    leave: (policy, rule, request) => void client.create(UpdateRequestKind, updateRequestFor(policy, rule.name, request, namespace)).catch((error: unknown) => log.warn('an update request could not be left', { policy: policy.metadata.name, error: messageOf(error) })),
    cel: { validate: (request) => validateCel(cel.list(), request, cel.world(), 'admission'), mutate: (request) => mutateCel(cel.list(), request, cel.world()) },
    decided: observer.decided,
  })
  await using _admission = await net.listen(port, { handler }, { tls: { identity: () => certificate.identity } })
  await using _metrics = await net.listen(8000, { handler: () => new Response(observer.metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  await Promise.all([cluster.synced, namespaced.synced, namespaces.synced, exceptions.synced, config.synced, cel.synced])
  const keeper = webhookKeeper(client, { namespace, ca: certificate.ca, policies: () => [...cluster.cache.list(), ...namespaced.cache.list()], cel, config })
  const look = serial(async () => {
    await keeper()
    for (const policy of cluster.cache.list()) await markReady(client, ClusterPolicy, policy, clock.now())
    for (const policy of namespaced.cache.list()) await markReady(client, Policy, policy, clock.now())
    await markCelPolicies(client, cel.list(), clock.now())
    await keepAdmissionPolicies(client, cel)
  }, (error) => {
    if (!signal.aborted) {
      log.warn('webhooks or policy status could not be written; trying again', { error: messageOf(error) })
      clock.timer(1_000, look)
    }
  })
  const lookSoon = coalesced(container, settleMs, look)
  const policyChanged = (change: PolicyChange): void => { if (!saysSame(change) || change.after?.status?.ready !== true) lookSoon() }
  cluster.onChange(policyChanged)
  namespaced.onChange(policyChanged)
  cel.onChange(look)
  config.onChange(look)
  look()
  log.info('kyverno admission controller is ready', { policies: cluster.cache.list().length })
  await untilAborted(signal)
  return 0
}

interface PolicyChange { readonly before?: PolicyObject | undefined; readonly after?: PolicyObject | undefined }

/** True when only a policy's status has changed. Annotations say which controllers rules are derived for, and do not count as a generation. */
function saysSame({ before, after }: PolicyChange): boolean {
  return before !== undefined && after !== undefined && before.metadata.uid === after.metadata.uid && before.metadata.generation === after.metadata.generation && deepEqual(before.metadata.annotations ?? {}, after.metadata.annotations ?? {})
}

/** The policies that concern a namespace, as the same array until one changes: rules are read and indexed once per array. */
function policyLists(cluster: Informer<PolicyObject>, namespaced: Informer<PolicyObject>): (namespace: string) => readonly PolicyObject[] {
  const lists = new Map<string, readonly PolicyObject[]>()
  const forget = (change: PolicyChange): void => { if (!saysSame(change)) lists.clear() }
  cluster.onChange(forget)
  namespaced.onChange(forget)
  return (namespace) => {
    const own = namespace === '' ? [] : namespaced.cache.list({ namespace })
    const key = own.length === 0 ? '' : namespace
    const known = lists.get(key)
    if (known !== undefined) return known
    const made = [...cluster.cache.list(), ...own]
    lists.set(key, made)
    return made
  }
}

/** Runs `work` now, or once more after the run under way. */
function serial(work: () => Promise<void>, failed: (error: unknown) => void): () => void {
  let running = false
  let again = false
  return function run(): void {
    if (running) {
      again = true
      return
    }
    running = true
    work().catch(failed).finally(() => {
      running = false
      if (again) {
        again = false
        run()
      }
    })
  }
}

async function markReady(client: Client, kind: Kind<PolicyObject>, policy: PolicyObject, now: number): Promise<void> {
  if (policy.status?.ready === true && policy.status.conditions?.some((c) => c['type'] === 'Ready' && c['status'] === 'True') === true) return
  const status = { ready: true, conditions: [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: 'Ready', lastTransitionTime: rfc3339(now) }] }
  await client.patch(kind, policy.metadata.name ?? '', { status }, { namespace: policy.metadata.namespace, type: 'merge', subresource: 'status', fieldManager: 'kyverno' })
}
