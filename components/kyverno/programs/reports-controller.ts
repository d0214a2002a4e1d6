import { isApiError, Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import { deepEqual, type AnyObject, type Json, type KubeObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { validateCel } from '../engine/cel/cel-results.ts'
import { validateResource, type ContextSource } from '../engine/evaluate.ts'
import { resourceReport, sameReport } from '../engine/report.ts'
import { celKinds } from '../engine/matched-kinds.ts'
import { kindsMatching, kindsOf } from '../engine/webhook-rules.ts'
import { rulesOf } from '../engine/autogen.ts'
import type { PolicyException } from '../engine/exceptions.ts'
import { celFamily } from '../kinds/cel-policy.ts'
import { GlobalContextEntry } from '../kinds/global-context-entry.ts'
import { ClusterPolicy, ClusterPolicyReportKind, Policy, PolicyExceptionKind, PolicyReportKind, type PolicyObject, type PolicyReport } from '../kinds/policy.ts'
import { apiContext } from './api-context.ts'
import { coalesced } from './coalesced.ts'
import { watchCelPolicies } from './cel-policies.ts'
import { createGlobalContext } from './global-context.ts'
import { followConfig } from './kyverno-config.ts'
import { createScanQueue } from './scan-queue.ts'
import { serviceCalls } from './service-call.ts'

/** A resource that changes is scanned this much later, once for all its changes: upstream waits 30 s for a scan and 10 s for the report. */
const scanDelayMs = 10_000
/** Policies that arrive together are followed together. */
const settleMs = 1_000

/** What policies look at: status is no part of what a background scan goes by, as upstream's hash of a resource. */
const content = ({ metadata: { labels, annotations, name, namespace }, ...object }: AnyObject): Json => ({ ...object, status: null, metadata: { labels, annotations, name, namespace } }) as unknown as Json

/** kyverno-reports-controller: scans what is there against the policies and keeps one report per resource. A change costs the resources it concerns. */
export async function reportsController(container: Container): Promise<number> {
  const { client, clock, log, net, signal, pod } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const watch = <T extends KubeObject>(kind: Kind<T>): Informer<T> => informer(client, kind, { signal, clock, log })
  const [cluster, namespaced, namespaces, reports, clusterReports] = [watch(ClusterPolicy), watch(Policy), watch(Namespace), watch(PolicyReportKind), watch(ClusterPolicyReportKind)]
  let scanned = 0
  await using _metrics = await net.listen(8000, { handler: () => new Response(`# TYPE kyverno_background_scans_total counter\nkyverno_background_scans_total ${scanned}\n`, { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  const cel = watchCelPolicies(container, client)
  const config = followConfig({ client, clock, log, signal, namespace: pod.namespace })
  await Promise.all([cluster.synced, namespaced.synced, namespaces.synced, reports.synced, clusterReports.synced, config.synced, cel.synced])
  const policies = (): PolicyObject[] => [...cluster.cache.list(), ...namespaced.cache.list()].filter((policy) => policy.spec.background !== false)
  const exceptions = watch(PolicyExceptionKind)
  await exceptions.synced
  const calls: ContextSource = { ...apiContext(client), service: serviceCalls(net, signal) }
  const globals = createGlobalContext(watch(GlobalContextEntry), { client, clock, log, signal, source: calls, readsOnly: true })
  const source: ContextSource = { ...calls, globalEntry: (name) => globals.read(name) }
  const kinds = new Map<string, Informer<AnyObject>>()
  const scan = async (key: string): Promise<void> => {
    const [kindKey = '', namespace = '', name = ''] = key.split('|')
    const object = kinds.get(kindKey)?.cache.get(name, namespace === '' ? undefined : namespace)
    if (object === undefined || config.isFiltered(object)) return
    scanned++
    const found = await results(object, { policies: policies(), exceptions: exceptions.cache.list() }, namespaces, source)
    const namespaceLabels = namespaces.cache.get(namespace)?.metadata.labels ?? {}
    const scans = await validateCel(cel.list(), { object, namespaceLabels }, cel.world(), 'background')
    await report(client, object, [...found, ...scans], { policies: [...policies(), ...(cel.list() as unknown as readonly PolicyObject[])], clock, live: namespace === '' ? clusterReports.cache : reports.cache })
  }
  const queue = createScanQueue(scan, (key, error) => log.warn('a scan failed; trying again', { key, error: messageOf(error) }), { clock, signal, delayMs: scanDelayMs })
  const follow = async (): Promise<void> => {
    const served = await client.kinds()
    const classic = policies().flatMap((policy) => rulesOf(policy)).filter((rule) => rule.validate !== undefined).flatMap((rule) => kindsOf(rule.match)).flatMap((pattern) => kindsMatching(pattern, served))
    const scanned = cel.list().filter((policy) => ['Validating', 'ImageValidating'].includes(celFamily(policy) ?? '') && policy.spec.evaluation?.background?.enabled !== false)
    for (const kind of new Set([...classic, ...scanned.flatMap((policy) => celKinds(policy, served))])) {
      const kindKey = `${kind.group}/${kind.kind}`
      if (kinds.has(kindKey)) continue
      const view = watch(kind as Kind<AnyObject>)
      kinds.set(kindKey, view)
      view.onChange(({ before, after }) => { if (after !== undefined && (before === undefined || !deepEqual(content(before), content(after)))) queue.add(`${kindKey}|${after.metadata.namespace ?? ''}|${after.metadata.name ?? ''}`) })
    }
    // A policy that changed concerns every resource that is watched.
    for (const [kindKey, view] of kinds) for (const { metadata } of view.cache.list()) queue.add(`${kindKey}|${metadata.namespace ?? ''}|${metadata.name ?? ''}`)
  }
  const changed = coalesced(container, settleMs, () => void follow().catch((error: unknown) => {
    if (signal.aborted) return
    log.warn('policies could not be followed; trying again', { error: messageOf(error) })
    changed()
  }))
  cluster.onChange(({ before, after }) => { if (before?.metadata.generation !== after?.metadata.generation) changed() })
  exceptions.onChange(({ before, after }) => { if (before?.metadata.generation !== after?.metadata.generation) changed() })
  namespaced.onChange(({ before, after }) => { if (before?.metadata.generation !== after?.metadata.generation) changed() })
  cel.onChange(changed)
  changed()
  log.info('kyverno reports controller is ready')
  await untilAborted(signal)
  return 0
}

async function results(object: AnyObject, { policies, exceptions }: { readonly policies: readonly PolicyObject[]; readonly exceptions: readonly PolicyException[] }, namespaces: Informer<Namespace>, source: ContextSource) {
  const namespaceLabels = namespaces.cache.get(object.metadata.namespace ?? '')?.metadata.labels ?? {}
  const concerned = policies.filter((policy) => policy.metadata.namespace === undefined || policy.metadata.namespace === object.metadata.namespace)
  const request = { object, namespaceLabels } // one for all policies: what they share is made once
  return (await Promise.all(concerned.map((policy) => validateResource(policy, request, source, exceptions)))).flat()
}

interface Reporting { readonly policies: readonly PolicyObject[]; readonly clock: Container['clock']; readonly live: { get(name: string, namespace?: string): PolicyReport | undefined } }

async function report(client: Client, object: AnyObject, found: Awaited<ReturnType<typeof results>>, { policies, clock, live }: Reporting): Promise<void> {
  const wanted = resourceReport(object, found, new Map(policies.map((policy) => [policy.metadata.name ?? '', policy])), clock.now())
  const { name = '', namespace } = wanted.metadata
  const kind = namespace === undefined ? ClusterPolicyReportKind : PolicyReportKind
  const known = live.get(name, namespace)
  if (known !== undefined && sameReport(known, wanted)) return
  if (found.length === 0 && known === undefined) return
  try {
    if (found.length === 0) await client.delete(kind, name, { namespace })
    else await client.apply(kind, wanted, { fieldManager: 'kyverno', force: true })
  } catch (error) {
    // The resource or its namespace went away in between: its report goes with it.
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Forbidden')) throw error
  }
}
