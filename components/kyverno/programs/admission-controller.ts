import { MutatingWebhookConfiguration, Namespace, ValidatingWebhookConfiguration, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import { deepEqual, type AnyObject, type KubeObject } from '@idp/formats'
import { CodedError, messageOf, rfc3339 } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import type { RuleResult } from '../engine/evaluate.ts'
import { updateRequestFor } from '../engine/update-request.ts'
import { webhookRules, type WebhookRule } from '../engine/webhook-rules.ts'
import { ClusterPolicy, Policy, PolicyExceptionKind, type PolicyObject } from '../kinds/policy.ts'
import { UpdateRequestKind } from '../kinds/update-request.ts'
import { admissionHandler } from './admission-server.ts'
import { apiContext } from './api-context.ts'
import { servingCertificate } from './serving-certificate.ts'

const service = 'kyverno-svc'
const port = 9443

/** kyverno-admission-controller: decides on requests, keeps its own webhook configurations, tells policies that they are ready. */
export async function admissionController(container: Container): Promise<number> {
  const { client, clock, log, net, signal, pod } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const namespace = pod.namespace
  const certificate = await servingCertificate(client, clock, { namespace, service })
  const watch = <T extends KubeObject>(kind: Kind<T>): Informer<T> => informer(client, kind, { signal, clock, log })
  const [cluster, namespaced, namespaces, exceptions] = [watch(ClusterPolicy), watch(Policy), watch(Namespace), watch(PolicyExceptionKind)]
  const counts = new Map<string, number>()
  const handler = admissionHandler({
    log, source: apiContext(client), exceptions: () => exceptions.cache.list(), namespaceLabels: (name) => namespaces.cache.get(name)?.metadata.labels ?? {},
    policies: policyLists(cluster, namespaced),
    leave: (policy, rule, request) => void client.create(UpdateRequestKind, updateRequestFor(policy, rule.name, request, namespace)).catch((error: unknown) => log.warn('an update request could not be left', { policy: policy.metadata.name, error: messageOf(error) })),
    decided: (result) => counts.set(key(result), (counts.get(key(result)) ?? 0) + 1),
  })
  await using _admission = await net.listen(port, { handler }, { tls: { identity: () => certificate.identity } })
  await using _metrics = await net.listen(8000, { handler: () => new Response(metrics(counts), { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  await Promise.all([cluster.synced, namespaced.synced, namespaces.synced, exceptions.synced])
  const keeper = webhookKeeper(client, { namespace, ca: certificate.ca, policies: () => [...cluster.cache.list(), ...namespaced.cache.list()] })
  const look = serial(async () => {
    await keeper()
    for (const policy of cluster.cache.list()) await markReady(client, ClusterPolicy, policy, clock.now())
    for (const policy of namespaced.cache.list()) await markReady(client, Policy, policy, clock.now())
  }, (error) => {
    if (!signal.aborted) {
      log.warn('webhooks or policy status could not be written; trying again', { error: messageOf(error) })
      clock.timer(1_000, look)
    }
  })
  cluster.onChange(look)
  namespaced.onChange(look)
  look()
  log.info('kyverno admission controller is ready', { policies: cluster.cache.list().length })
  await untilAborted(signal)
  return 0
}

/** The policies that concern a namespace, as the same array until one changes: rules are read and indexed once per array. */
function policyLists(cluster: Informer<PolicyObject>, namespaced: Informer<PolicyObject>): (namespace: string) => readonly PolicyObject[] {
  const lists = new Map<string, readonly PolicyObject[]>()
  const forget = ({ before, after }: { readonly before?: PolicyObject | undefined; readonly after?: PolicyObject | undefined }): void => {
    const same = before !== undefined && after !== undefined && before.metadata.uid === after.metadata.uid && before.metadata.generation === after.metadata.generation
    // Annotations say which controllers rules are derived for, and do not count as a generation.
    if (!same || !deepEqual(before.metadata.annotations ?? {}, after.metadata.annotations ?? {})) lists.clear()
  }
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

const key = ({ policy, rule, verdict }: RuleResult): string => `policy_name="${policy}",rule_name="${rule}",rule_result="${verdict}"`

function metrics(counts: ReadonlyMap<string, number>): string {
  return `# HELP kyverno_policy_results_total Results of policy rules at admission.\n# TYPE kyverno_policy_results_total counter\n${[...counts].map(([labels, count]) => `kyverno_policy_results_total{${labels}} ${count}\n`).join('')}`
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

interface Keeper { readonly namespace: string; readonly ca: string; policies(): readonly PolicyObject[] }

/** Writes the webhook configurations that the present policies need; writes nothing when they are there. */
function webhookKeeper(client: Client, { namespace, ca, policies }: Keeper): () => Promise<void> {
  const bundle = Buffer.from(ca).toString('base64')
  const clientConfig = (path: string) => ({ caBundle: bundle, service: { name: service, namespace, path, port: 443 } })
  const common = { admissionReviewVersions: ['v1'], sideEffects: 'NoneOnDryRun', matchPolicy: 'Equivalent' }
  // The platform must be able to start and to heal itself: its own namespace and the system's are never sent here.
  const namespaceSelector = { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', namespace] }] }
  const resourceHooks = (type: 'validate' | 'mutate', rules: WebhookRule[], timeoutSeconds: number) => (rules.length === 0 ? [] : [{
    ...common, name: `${type}.kyverno.svc-fail`, clientConfig: clientConfig(`/${type}/fail`), rules, failurePolicy: 'Fail', timeoutSeconds, namespaceSelector, ...(type === 'mutate' ? { reinvocationPolicy: 'IfNeeded' } : {}),
  }])
  const policyRules = [{ apiGroups: ['kyverno.io'], apiVersions: ['v1', 'v2beta1'], resources: ['clusterpolicies', 'policies'], operations: ['CREATE', 'UPDATE'], scope: '*' }]
  return async () => {
    const served = await client.kinds()
    const all = policies()
    const timeout = Math.max(10, ...all.map((policy) => policy.spec.webhookTimeoutSeconds ?? 10))
    await put(client, ValidatingWebhookConfiguration, 'kyverno-policy-validating-webhook-cfg', [{ ...common, name: 'validate-policy.kyverno.svc', clientConfig: clientConfig('/policyvalidate'), rules: policyRules, failurePolicy: 'Ignore', timeoutSeconds: 10 }])
    await put(client, ValidatingWebhookConfiguration, 'kyverno-resource-validating-webhook-cfg', resourceHooks('validate', webhookRules(all, 'validate', served), timeout))
    await put(client, MutatingWebhookConfiguration, 'kyverno-resource-mutating-webhook-cfg', resourceHooks('mutate', webhookRules(all, 'mutate', served), timeout))
  }
}

async function put<T extends KubeObject>(client: Client, kind: Kind<T>, name: string, webhooks: readonly object[]): Promise<void> {
  const wanted = { apiVersion: 'admissionregistration.k8s.io/v1', kind: kind.kind, metadata: { name, labels: { 'webhook.kyverno.io/managed-by': 'kyverno' } }, webhooks }
  const live = (await client.list(kind, { fieldSelector: `metadata.name=${name}` })).items[0] as unknown as AnyObject | undefined
  const sent = (hooks: unknown) => ((hooks ?? []) as Record<string, unknown>[]).map(({ name: hook, rules, clientConfig }) => ({ hook, rules, clientConfig }))
  if (live !== undefined && deepEqual(sent(live['webhooks']) as never, sent(webhooks) as never)) return
  await client.apply(kind, wanted as unknown as T, { fieldManager: 'kyverno', force: true })
}
