import { parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { HealthStatusCode } from '../../kinds/application.ts'
import * as core from './core.ts'
import * as custom from './custom.ts'
import { verdict, type HealthCheck, type Verdict } from './verdict.ts'
import * as workloads from './workloads.ts'

const ready = (waiting: string): HealthCheck => custom.byCondition('Ready', waiting)

/** Kinds with a judgement of their own, by `group/Kind`; all others have no health. */
const checks: Readonly<Record<string, HealthCheck>> = {
  'apps/Deployment': workloads.deployment, 'apps/StatefulSet': workloads.statefulSet, 'apps/DaemonSet': workloads.daemonSet, 'apps/ReplicaSet': workloads.replicaSet,
  'batch/Job': workloads.job, 'batch/CronJob': workloads.cronJob, '/Pod': workloads.pod,
  '/PersistentVolumeClaim': core.persistentVolumeClaim, '/Service': core.service, 'networking.k8s.io/Ingress': core.ingress, 'extensions/Ingress': core.ingress,
  'autoscaling/HorizontalPodAutoscaler': core.horizontalPodAutoscaler, 'apiregistration.k8s.io/APIService': core.apiService,
  'apiextensions.k8s.io/CustomResourceDefinition': core.customResourceDefinition, 'policy/PodDisruptionBudget': core.podDisruptionBudget,
  'argoproj.io/Application': custom.application, 'argoproj.io/ApplicationSet': custom.applicationSet,
  'argoproj.io/Workflow': custom.workflow, 'argoproj.io/CronWorkflow': custom.cronWorkflow, 'argoproj.io/EventBus': custom.eventBus,
  'cert-manager.io/Certificate': custom.certificate, 'cert-manager.io/Issuer': ready('Initializing issuer'), 'cert-manager.io/ClusterIssuer': ready('Initializing issuer'),
  'external-secrets.io/ExternalSecret': ready('Waiting for ExternalSecret'), 'external-secrets.io/ClusterExternalSecret': ready('Waiting for ClusterExternalSecret'),
  'external-secrets.io/SecretStore': ready('Waiting for SecretStore'), 'external-secrets.io/ClusterSecretStore': ready('Waiting for ClusterSecretStore'),
  'external-secrets.io/PushSecret': ready('Waiting for PushSecret'),
  'kyverno.io/ClusterPolicy': custom.kyvernoPolicy, 'kyverno.io/Policy': custom.kyvernoPolicy,
  'monitoring.coreos.com/Prometheus': custom.availableByOperator, 'monitoring.coreos.com/Alertmanager': custom.availableByOperator,
  'gateway.networking.k8s.io/GatewayClass': custom.gatewayClass, 'gateway.networking.k8s.io/Gateway': custom.gateway,
  'gateway.networking.k8s.io/HTTPRoute': custom.route, 'gateway.networking.k8s.io/GRPCRoute': custom.route,
}

/** Judgements that come from the configuration, asked before the built-in ones. */
export type HealthOverrides = (groupKind: string) => HealthCheck | undefined

/** Health of a live object; undefined for kinds that have none (ConfigMap, Role …). */
export function healthOf(object: AnyObject, overrides?: HealthOverrides): Verdict | undefined {
  if (object.metadata.deletionTimestamp !== undefined) return verdict('Progressing', 'Pending deletion')
  const groupKind = `${parseApiVersion(object.apiVersion).group}/${object.kind}`
  return overrides?.(groupKind)?.(object) ?? checks[groupKind]?.(object)
}

const order: readonly HealthStatusCode[] = ['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown']

/** True when `next` is worse news than `current`. */
export function isWorse(current: HealthStatusCode, next: HealthStatusCode): boolean {
  return order.indexOf(next) > order.indexOf(current)
}
