import type { EventRecorder } from '@idp/controller'
import type { Request as PolicyRequest, RuleResult } from '../engine/evaluate.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import { createMetrics, type Metrics } from './metrics.ts'

/** What became of one review. */
export interface Reviewed { readonly kind: string; readonly namespace: string; readonly operation: string; readonly allowed: boolean; readonly seconds: number; readonly type: 'validate' | 'mutate' }

/** Tells the world what admission decides: metrics and events by upstream's names. */
export interface AdmissionObserver {
  readonly metrics: Metrics
  decided(result: RuleResult, request: PolicyRequest, blocked: boolean): void
  reviewed(what: Reviewed): void
}

const help = {
  kyverno_policy_results_total: 'Results of policy rules at admission.', kyverno_admission_requests_total: 'Admission requests that were answered.',
  kyverno_admission_review_duration_seconds: 'Time that answering admission requests took.', kyverno_policy_changes_total: 'Policies made, changed and deleted.',
}

interface Options { readonly recorder?: Pick<EventRecorder, 'event'>; find(policy: string, namespace: string): PolicyObject | undefined }

/** Events about passes and skips are left out, as upstream's chart has it. */
export function createObserver({ recorder, find }: Options): AdmissionObserver {
  const metrics = createMetrics(help)
  return {
    metrics,
    decided({ policy, rule, verdict, enforced, message }, { object, operation = 'CREATE' }, blocked) {
      const namespace = object.metadata.namespace ?? ''
      const found = find(policy, namespace)
      metrics.count('kyverno_policy_results_total', {
        policy_validation_mode: enforced ? 'enforce' : 'audit', policy_type: found?.metadata.namespace === undefined ? 'cluster' : 'namespaced', policy_background_mode: String(found?.spec.background !== false),
        policy_namespace: found?.metadata.namespace ?? '-', policy_name: policy, resource_kind: object.kind, resource_namespace: namespace === '' ? '-' : namespace, resource_request_operation: operation.toLowerCase(),
        rule_name: rule, rule_result: verdict, rule_type: 'validate', rule_execution_cause: 'admission_request',
      })
      if (found === undefined || (verdict !== 'fail' && verdict !== 'error')) return
      const at = `${object.kind} ${namespace === '' ? '' : `${namespace}/`}${object.metadata.name ?? object.metadata.generateName ?? ''}`
      recorder?.event({ object: found }, 'Warning', verdict === 'fail' ? 'PolicyViolation' : 'PolicyError', `${at}: [${rule}] ${verdict}${blocked ? ' (blocked)' : ''}; ${message}`)
    },
    reviewed({ kind, namespace, operation, allowed, seconds, type }) {
      const labels = { resource_kind: kind, resource_namespace: namespace === '' ? '-' : namespace, resource_request_operation: operation.toLowerCase(), request_allowed: String(allowed), request_webhook: type === 'validate' ? 'ValidatingWebhookConfiguration' : 'MutatingWebhookConfiguration' }
      metrics.count('kyverno_admission_requests_total', labels)
      metrics.observe('kyverno_admission_review_duration_seconds', seconds, labels)
    },
  }
}
