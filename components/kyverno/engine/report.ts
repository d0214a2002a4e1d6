import type { AnyObject } from '@idp/formats'
import { celFamily } from '../kinds/cel-policy.ts'
import type { PolicyObject, PolicyReport, ReportResult } from '../kinds/policy.ts'
import type { RuleResult } from './evaluate.ts'

/** The report of one resource as upstream's reports controller writes it: named by the resource's uid, owned by it, results by policy and rule. */
export function resourceReport(object: AnyObject, results: readonly RuleResult[], policies: ReadonlyMap<string, PolicyObject>, now: number): PolicyReport {
  const { apiVersion, kind, metadata: { name = '', namespace, uid = '' } } = object
  const timestamp = { seconds: Math.floor(now / 1000), nanos: 0 }
  const lines = results.map((result) => line(result, policies.get(result.policy), timestamp)).sort((a, b) => compare(a.policy, b.policy) || compare(a.rule, b.rule))
  const summary = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 }
  for (const { result } of lines) summary[result]++
  return {
    apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: namespace === undefined ? 'ClusterPolicyReport' : 'PolicyReport',
    metadata: { name: uid, ...(namespace === undefined ? {} : { namespace }), labels: { 'app.kubernetes.io/managed-by': 'kyverno' }, ownerReferences: [{ apiVersion, kind, name, uid }] },
    scope: { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }), uid }, results: lines,
    summary,
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

type Facts = Pick<ReportResult, 'category' | 'severity' | 'source'> & { readonly scored: boolean }
/** Who says it: upstream names the kind for the policies of policies.kyverno.io. */
const sourceOf = (policy: PolicyObject): string => {
  const family = celFamily(policy)
  return family === undefined ? 'kyverno' : `Kyverno${family}Policy`
}

const factsOf = new WeakMap<PolicyObject, Facts>()

/** What a policy's annotations say of all its results. */
function facts(policy: PolicyObject): Facts {
  const known = factsOf.get(policy)
  if (known !== undefined) return known
  const annotations = policy.metadata.annotations ?? {}
  const [category, severity] = [annotations['policies.kyverno.io/category'], annotations['policies.kyverno.io/severity']]
  const made: Facts = { source: sourceOf(policy), scored: annotations['policies.kyverno.io/scored'] !== 'false', ...(category === undefined ? {} : { category }), ...(severity === undefined ? {} : { severity }) }
  factsOf.set(policy, made)
  return made
}

function line({ policy, rule, verdict, message }: RuleResult, source: PolicyObject | undefined, timestamp: ReportResult['timestamp']): ReportResult {
  const { scored, category, severity, source: from } = source === undefined ? { scored: true, source: 'kyverno' } as Facts : facts(source)
  const result = { policy, rule, message, result: verdict === 'fail' && !scored ? 'warn' as const : verdict, source: from, scored, timestamp }
  if (category === undefined && severity === undefined) return result
  return { ...result, ...(category === undefined ? {} : { category }), ...(severity === undefined ? {} : { severity }) }
}

/** Whether two reports say the same, whenever they were made. */
export function sameReport(a: PolicyReport, b: PolicyReport): boolean {
  const said = (report: PolicyReport) => JSON.stringify((report.results ?? []).map(({ policy, rule, message, result }) => [policy, rule, message, result]))
  return said(a) === said(b)
}
