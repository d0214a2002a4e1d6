import { ConfigMap, Namespace, Secret, Service, StatefulSet, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { configSecret, governingService, prometheusYaml, rulesConfigMap, statefulSet, type Chosen, type OperatorImages } from '../engine/operator/server-objects.ts'
import { unsupportedIn } from '../engine/operator/scrape-job.ts'
import { selected } from '../engine/operator/select.ts'
import { AlertmanagerKind, PodMonitorKind, PrometheusKind, PrometheusRuleKind, ServiceMonitorKind, type Alertmanager, type PodMonitor, type Prometheus, type ServiceMonitor } from '../kinds/monitoring.ts'

const fieldManager = 'PrometheusOperator'
const owns = [StatefulSet, Secret, ConfigMap, Service] as unknown as readonly Kind<KubeObject>[]

/** Every monitor and rule may concern every Prometheus. */
const allPrometheuses = (_: KubeObject, scope: Scope) => scope.cache(PrometheusKind).list().map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace }))

/** Keeps a Prometheus' StatefulSet, governing Service, configuration and rule files as its resource and the monitors say. */
export function prometheusController(images: OperatorImages): Controller<Prometheus> {
  return {
    name: 'prometheus', for: PrometheusKind, owns,
    watches: [watch(ServiceMonitorKind, allPrometheuses), watch(PodMonitorKind, allPrometheuses), watch(PrometheusRuleKind, allPrometheuses), watch(Namespace, allPrometheuses)],
    async reconcile(prometheus, scope) {
      if (prometheus.spec.paused === true) return { status: { ...(statusOf(prometheus, scope, `prometheus-${prometheus.metadata.name}`)), paused: true } }
      const kind = PrometheusKind as unknown as Kind<never>
      const chosen = choose(prometheus, scope)
      const { name = '' } = prometheus.metadata
      await put(scope, Secret, configSecret(prometheus, kind, `prometheus-${name}`, 'prometheus.yaml', prometheusYaml(prometheus, chosen)))
      await put(scope, ConfigMap, rulesConfigMap(prometheus, kind, chosen.rules))
      await put(scope, Service, governingService(prometheus, kind))
      await put(scope, StatefulSet, statefulSet(prometheus, kind, images))
      return { status: statusOf(prometheus, scope, `prometheus-${name}`) }
    },
  }
}

function choose({ metadata: { namespace = '' }, spec }: Prometheus, scope: Scope): Chosen {
  const namespaces = scope.cache(Namespace).list()
  const supported = <T extends ServiceMonitor | PodMonitor>(monitors: readonly T[], endpoints: (monitor: T) => Parameters<typeof unsupportedIn>[0]): T[] => monitors.filter((monitor) => {
    const why = unsupportedIn(endpoints(monitor))
    if (why !== undefined) scope.event(monitor, 'Warning', 'InvalidConfiguration', `${monitor.kind} ${monitor.metadata.name} was rejected due to invalid configuration: ${why}`)
    return why === undefined
  })
  return {
    serviceMonitors: supported(selected(scope.cache(ServiceMonitorKind).list(), spec.serviceMonitorSelector, spec.serviceMonitorNamespaceSelector, namespace, namespaces), ({ spec: { endpoints = [] } }) => endpoints),
    podMonitors: supported(selected(scope.cache(PodMonitorKind).list(), spec.podMonitorSelector, spec.podMonitorNamespaceSelector, namespace, namespaces), ({ spec: { podMetricsEndpoints = [] } }) => podMetricsEndpoints),
    rules: selected(scope.cache(PrometheusRuleKind).list(), spec.ruleSelector, spec.ruleNamespaceSelector, namespace, namespaces),
  }
}

/** What Alertmanager does until somebody says where alerts go. */
const defaultAlertmanagerYaml = 'route:\n  receiver: "null"\nreceivers:\n  - name: "null"\n'

/** Keeps an Alertmanager's StatefulSet, governing Service and configuration. */
export function alertmanagerController(images: OperatorImages): Controller<Alertmanager> {
  return {
    name: 'alertmanager', for: AlertmanagerKind, owns,
    watches: [watch(Secret, ({ metadata }, scope) => scope.cache(AlertmanagerKind).list({ namespace: metadata.namespace ?? '' }).filter((one) => configName(one) === metadata.name).map((one) => ({ name: one.metadata.name ?? '', namespace: one.metadata.namespace })))],
    async reconcile(alertmanager, scope) {
      const kind = AlertmanagerKind as unknown as Kind<never>
      const { name = '', namespace = '' } = alertmanager.metadata
      const given = scope.cache(Secret).get(configName(alertmanager), namespace)?.data?.['alertmanager.yaml']
      const text = given === undefined ? defaultAlertmanagerYaml : Buffer.from(given, 'base64').toString()
      await put(scope, Secret, configSecret(alertmanager, kind, `alertmanager-${name}-generated`, 'alertmanager.yaml', text))
      await put(scope, Service, governingService(alertmanager, kind))
      await put(scope, StatefulSet, statefulSet(alertmanager, kind, images))
      return { status: statusOf(alertmanager, scope, `alertmanager-${name}`) }
    },
  }
}

const configName = ({ metadata, spec }: Alertmanager): string => spec.configSecret ?? `alertmanager-${metadata.name}`

async function put<T extends KubeObject>({ client }: Scope, kind: Kind<T>, object: T): Promise<void> {
  await client.apply(kind, object as never, { fieldManager, force: true })
}

interface Condition { type: string; status: string; reason: string; message: string; lastTransitionTime: string; observedGeneration: number }

function statusOf(server: Prometheus | Alertmanager, scope: Scope, set: string): object {
  const { status } = scope.cache(StatefulSet).get(set, server.metadata.namespace) ?? {}
  const replicas = server.spec.replicas ?? 1
  const available = status?.availableReplicas ?? 0
  const before = (server as { status?: { conditions?: Condition[] } }).status?.conditions ?? []
  const condition = (type: string, holds: boolean, reason: string, message: string): Condition => {
    const known = before.find((one) => one.type === type)
    const value = holds ? 'True' : 'False'
    return { type, status: value, reason: holds ? '' : reason, message: holds ? '' : message, lastTransitionTime: known?.status === value ? known.lastTransitionTime : rfc3339(scope.clock.now()), observedGeneration: server.metadata.generation ?? 0 }
  }
  return {
    paused: false, replicas: status?.replicas ?? 0, updatedReplicas: status?.updatedReplicas ?? 0, availableReplicas: available, unavailableReplicas: Math.max(0, replicas - available),
    selector: `app.kubernetes.io/instance=${server.metadata.name},app.kubernetes.io/managed-by=prometheus-operator,app.kubernetes.io/name=${server.kind.toLowerCase()}`,
    conditions: [condition('Available', available >= replicas, available === 0 ? 'NoPodReady' : 'SomePodsNotReady', `${available} of ${replicas} pods available`), condition('Reconciled', true, '', '')],
  }
}
