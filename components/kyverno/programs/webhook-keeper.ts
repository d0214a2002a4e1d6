import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { deepEqual, type AnyObject, type KubeObject } from '@idp/formats'
import { celWebhookRules } from '../engine/cel/cel-webhook-rules.ts'
import { matchConditionProblems } from '../engine/check-policy.ts'
import { failurePolicyOf, hasMatchConditions, webhookNameOf, webhookRules, type RuleType, type WebhookRule } from '../engine/webhook-rules.ts'
import { celPolicyKinds } from '../kinds/cel-policy.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import type { CelPolicies } from './cel-policies.ts'
import type { KyvernoConfig } from './kyverno-config.ts'

const service = 'kyverno-svc'

export interface Keeper { readonly namespace: string; readonly ca: string; policies(): readonly PolicyObject[]; readonly cel: CelPolicies; readonly config: KyvernoConfig }

/** Gives a function that writes the webhook configurations the present policies need; it writes nothing when they are there. Policies with failure policy `Ignore` have a webhook of their own, so that nothing waits for them when Kyverno is away. */
export function webhookKeeper(client: Client, { namespace, ca, policies, cel, config }: Keeper): () => Promise<void> {
  const bundle = Buffer.from(ca).toString('base64')
  const clientConfig = (path: string) => ({ caBundle: bundle, service: { name: service, namespace, path, port: 443 } })
  const common = { admissionReviewVersions: ['v1'], sideEffects: 'NoneOnDryRun', matchPolicy: 'Equivalent' }
  const hook = (type: RuleType, failurePolicy: 'Fail' | 'Ignore', { rules, timeoutSeconds, own }: { readonly rules: readonly WebhookRule[]; readonly timeoutSeconds: number; readonly own?: PolicyObject }) => (rules.length === 0 ? [] : [{
    // The platform must be able to start and to heal itself: its own namespace and the system's are never sent here.
    ...common, name: `${type}.kyverno.svc-${failurePolicy.toLowerCase()}${own === undefined ? '' : `-finegrained-${webhookNameOf(own)}`}`, clientConfig: clientConfig(`/${type}/${failurePolicy.toLowerCase()}${own === undefined ? '' : `/finegrained/${webhookNameOf(own)}`}`), rules, ...(own === undefined ? {} : { matchConditions: own.spec.webhookConfiguration?.matchConditions }), failurePolicy, timeoutSeconds,
    namespaceSelector: config.namespaceSelector(), ...(type === 'mutate' ? { reinvocationPolicy: 'IfNeeded' } : {}),
  }])
  const policyRules = [
    { apiGroups: ['kyverno.io'], apiVersions: ['*'], resources: ['clusterpolicies', 'policies', 'cleanuppolicies', 'clustercleanuppolicies'], operations: ['CREATE', 'UPDATE'], scope: '*' },
    { apiGroups: ['policies.kyverno.io'], apiVersions: ['*'], resources: celPolicyKinds.map(({ plural }) => plural), operations: ['CREATE', 'UPDATE'], scope: '*' },
  ]
  return async () => {
    const served = await client.kinds()
    const seconds = (own: readonly PolicyObject[]): number => Math.min(30, Math.max(10, ...own.map(({ spec }) => spec.webhookConfiguration?.timeoutSeconds ?? spec.webhookTimeoutSeconds ?? 10)))
    const hooks = (type: RuleType): object[] => (['Fail', 'Ignore'] as const).flatMap((failurePolicy) => {
      const all = policies().filter((policy) => failurePolicyOf(policy) === failurePolicy)
      const [apart, together] = [all.filter((policy) => hasMatchConditions(policy) && matchConditionProblems(policy).length === 0), all.filter((policy) => !hasMatchConditions(policy))]
      const rules = [...webhookRules(together, type, served), ...(failurePolicy === 'Fail' ? celWebhookRules(cel.list(), type, served) : [])]
      return [...hook(type, failurePolicy, { rules, timeoutSeconds: seconds(together) }), ...apart.flatMap((own) => hook(type, failurePolicy, { own, rules: webhookRules([own], type, served), timeoutSeconds: seconds([own]) }))]
    })
    await put(client, ValidatingWebhookConfiguration, 'kyverno-policy-validating-webhook-cfg', [{ ...common, name: 'validate-policy.kyverno.svc', clientConfig: clientConfig('/policyvalidate'), rules: policyRules, failurePolicy: 'Ignore', timeoutSeconds: 10 }])
    await put(client, ValidatingWebhookConfiguration, 'kyverno-resource-validating-webhook-cfg', hooks('validate'))
    await put(client, MutatingWebhookConfiguration, 'kyverno-resource-mutating-webhook-cfg', hooks('mutate'))
  }
}

async function put<T extends KubeObject>(client: Client, kind: Kind<T>, name: string, webhooks: readonly object[]): Promise<void> {
  const wanted = { apiVersion: 'admissionregistration.k8s.io/v1', kind: kind.kind, metadata: { name, labels: { 'webhook.kyverno.io/managed-by': 'kyverno' } }, webhooks }
  const live = (await client.list(kind, { fieldSelector: `metadata.name=${name}` })).items[0] as unknown as AnyObject | undefined
  const sent = (hooks: unknown) => ((hooks ?? []) as Record<string, unknown>[]).map(({ name: hook, rules, clientConfig, namespaceSelector, timeoutSeconds, matchConditions }) => ({ hook, rules, clientConfig, namespaceSelector, timeoutSeconds, matchConditions: matchConditions ?? null }))
  if (live !== undefined && deepEqual(sent(live['webhooks']) as never, sent(webhooks) as never)) return
  await client.apply(kind, wanted as unknown as T, { fieldManager: 'kyverno', force: true })
}
