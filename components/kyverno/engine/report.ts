import type { AnyObject } from '@idp/formats'
import type { PolicyObject, PolicyReport, ReportResult } from '../kinds/policy.ts'
import type { RuleResult } from './evaluate.ts'

/** The report of one resource as upstream's reports controller writes it: named by the resource's uid, owned by it, results by policy and rule. */
export function resourceReport(object: AnyObject, results: readonly RuleResult[], policies: ReadonlyMap<string, PolicyObject>, now: number): PolicyReport {
  const { apiVersion, kind, metadata: { name = '', namespace, uid = '' } } = object
  const lines = results.map((result) => line(result, policies.get(result.policy), now)).sort((a, b) => (`${a.policy}/${a.rule}` < `${b.policy}/${b.rule}` ? -1 : 1))
  const count = (wanted: ReportResult['result']) => lines.filter((one) => one.result === wanted).length
  return {
    apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: namespace === undefined ? 'ClusterPolicyReport' : 'PolicyReport',
    metadata: { name: uid, ...(namespace === undefined ? {} : { namespace }), labels: { 'app.kubernetes.io/managed-by': 'kyverno' }, ownerReferences: [{ apiVersion, kind, name, uid }] },
    scope: { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }), uid }, results: lines,
    summary: { pass: count('pass'), fail: count('fail'), warn: count('warn'), error: count('error'), skip: count('skip') },
  }
}

function line({ policy, rule, verdict, message }: RuleResult, source: PolicyObject | undefined, now: number): ReportResult {
  const annotations = source?.metadata.annotations ?? {}
  const [category, severity] = [annotations['policies.kyverno.io/category'], annotations['policies.kyverno.io/severity']]
  const scored = annotations['policies.kyverno.io/scored'] !== 'false'
  return {
    policy, rule, message, result: verdict === 'fail' && !scored ? 'warn' : verdict, source: 'kyverno', scored,
    ...(category === undefined ? {} : { category }), ...(severity === undefined ? {} : { severity }), timestamp: { seconds: Math.floor(now / 1000), nanos: 0 },
  }
}

/** Whether two reports say the same, whenever they were made. */
export function sameReport(a: PolicyReport, b: PolicyReport): boolean {
  const said = (report: PolicyReport) => JSON.stringify((report.results ?? []).map(({ policy, rule, message, result }) => [policy, rule, message, result]))
  return said(a) === said(b)
}
