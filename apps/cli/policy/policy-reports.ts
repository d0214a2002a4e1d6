import type { Json, JsonObject } from '@idp/formats'
import type { PolicyResponse } from '../../../components/kyverno/engine/apply-policies.ts'
import { countedAs } from './count-results.ts'

/** Reports as `apply --policy-report` prints them (wgpolicyk8s.io/v1alpha2): one ClusterPolicyReport `merged` for cluster policies, a PolicyReport for each namespaced policy. */
export function policyReports(responses: readonly PolicyResponse[], { auditWarn, now }: { readonly auditWarn: boolean; readonly now: number }): JsonObject[] {
  const cluster = responses.filter(({ policy }) => policy.metadata.namespace === undefined)
  const namespaced = [...new Set(responses.filter(({ policy }) => policy.metadata.namespace !== undefined).map(({ policy }) => policy))]
  const lines = (own: readonly PolicyResponse[]): JsonObject[] => own.flatMap((response) => response.rules.map((rule) => line(response, rule, { auditWarn, now })))
  return [
    ...(cluster.length === 0 ? [] : [report('ClusterPolicyReport', { name: 'merged' }, lines(cluster))]),
    ...namespaced.map((policy) => report('PolicyReport', { name: policy.metadata.name ?? '', namespace: policy.metadata.namespace ?? '' }, lines(responses.filter((one) => one.policy === policy)))),
  ]
}

function report(kind: string, metadata: JsonObject, results: readonly JsonObject[]): JsonObject {
  const count = (wanted: string): number => results.filter(({ result }) => result === wanted).length
  return { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind, metadata, results: [...results], summary: { pass: count('pass'), fail: count('fail'), warn: count('warn'), error: count('error'), skip: count('skip') } }
}

function line({ policy, object }: PolicyResponse, rule: PolicyResponse['rules'][number], { auditWarn, now }: { readonly auditWarn: boolean; readonly now: number }): JsonObject {
  const annotations = policy.metadata.annotations ?? {}
  const { name = '', namespace, uid } = object.metadata
  const field = (key: string, value: Json | undefined): JsonObject => (value === undefined ? {} : { [key]: value })
  return {
    source: 'kyverno', policy: policy.metadata.namespace === undefined ? policy.metadata.name ?? '' : `${policy.metadata.namespace}/${policy.metadata.name ?? ''}`, rule: rule.rule, message: rule.message,
    resources: [{ apiVersion: object.apiVersion, kind: object.kind, name, ...field('namespace', namespace), ...field('uid', uid) }],
    result: countedAs(rule, auditWarn), scored: annotations['policies.kyverno.io/scored'] !== 'false',
    ...field('category', annotations['policies.kyverno.io/category']), ...field('severity', annotations['policies.kyverno.io/severity']), timestamp: { seconds: Math.floor(now / 1000), nanos: 0 },
  }
}
