import { controllerReference } from '@idp/controller'
import type { ConfigMap, Kind, Secret, Service, StatefulSet } from '@idp/api'
import { formatYaml } from '@idp/formats'
import { gzipSync } from 'node:zlib'
import type { Alertmanager, PodMonitor, Prometheus, PrometheusRule, ServiceMonitor } from '../../kinds/monitoring.ts'
import { podMonitorJobs, serviceMonitorJobs } from './scrape-job.ts'

/** What the operator knows by its flags. */
export interface OperatorImages { readonly prometheus: string; readonly alertmanager: string; readonly reloader: string; readonly reloaderResources?: { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> } }

export interface Chosen { readonly serviceMonitors: readonly ServiceMonitor[]; readonly podMonitors: readonly PodMonitor[]; readonly rules: readonly PrometheusRule[] }

/** `prometheus.yaml` of one Prometheus. */
export function prometheusYaml({ metadata, spec }: Prometheus, { serviceMonitors, podMonitors }: Chosen): string {
  const { name = '', namespace = '' } = metadata
  const discovery = spec.serviceDiscoveryRole ?? 'Endpoints'
  return formatYaml({
    global: {
      scrape_interval: spec.scrapeInterval ?? '30s', ...(spec.scrapeTimeout === undefined || spec.scrapeTimeout === '' ? {} : { scrape_timeout: spec.scrapeTimeout }), evaluation_interval: spec.evaluationInterval ?? '30s',
      external_labels: { prometheus: `${namespace}/${name}`, prometheus_replica: '$(POD_NAME)', ...spec.externalLabels },
    },
    rule_files: [`/etc/prometheus/rules/prometheus-${name}-rulefiles-0/*.yaml`],
    scrape_configs: [...serviceMonitors.flatMap((one) => serviceMonitorJobs(one, discovery)), ...podMonitors.flatMap(podMonitorJobs)],
    alerting: {
      alert_relabel_configs: [{ action: 'labeldrop', regex: 'prometheus_replica' }],
      alertmanagers: (spec.alerting?.alertmanagers ?? []).map((one) => ({
        path_prefix: one.pathPrefix ?? '/', scheme: one.scheme ?? 'http', api_version: one.apiVersion ?? 'v2',
        kubernetes_sd_configs: [{ role: discovery === 'EndpointSlice' ? 'endpointslice' : 'endpoints', namespaces: { names: [one.namespace ?? namespace] } }],
        relabel_configs: [
          { action: 'keep', source_labels: ['__meta_kubernetes_service_name'], regex: one.name },
          { action: 'keep', source_labels: [`__meta_kubernetes_${discovery === 'EndpointSlice' ? 'endpointslice_port' : 'endpoint_port'}${typeof one.port === 'number' ? '' : '_name'}`], regex: String(one.port) },
        ],
      })),
    },
  })
}

type Server = Prometheus | Alertmanager

const ownedBy = (server: Server, kind: Kind<never>) => ({ ownerReferences: [{ ...controllerReference(kind as never, server as never), blockOwnerDeletion: true, controller: true }] })

export function configSecret(server: Server, kind: Kind<never>, name: string, file: string, text: string): Secret {
  return {
    apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: server.metadata.namespace ?? '', labels: { ...labelsOf(server), 'managed-by': 'prometheus-operator' }, ...ownedBy(server, kind) },
    // Without time in its head, so that the same text is the same archive.
    data: { [`${file}.gz`]: gzipSync(text, { level: 9 }).toString('base64') },
  } as Secret
}

export function rulesConfigMap(server: Prometheus, kind: Kind<never>, rules: readonly PrometheusRule[]): ConfigMap {
  const data = Object.fromEntries(rules.map(({ metadata, spec }) => [`${metadata.namespace}-${metadata.name}-${metadata.uid}.yaml`, formatYaml({ groups: spec?.groups ?? [] })]))
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `prometheus-${server.metadata.name}-rulefiles-0`, namespace: server.metadata.namespace ?? '', labels: { ...labelsOf(server), 'managed-by': 'prometheus-operator', 'prometheus-name': server.metadata.name ?? '' }, ...ownedBy(server, kind) }, data } as ConfigMap
}

/** Labels of the server's own objects: those of the custom resource that policies look at. */
function labelsOf({ metadata }: Server): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([name]) => !name.startsWith('argocd.argoproj.io/') && name !== 'app.kubernetes.io/name' && name !== 'app.kubernetes.io/instance'))
}

/** The release that made the server: its StatefulSet says so too, as upstream's does. */
function instanceOf({ metadata }: Server): Record<string, string> {
  const release = metadata.labels?.['app.kubernetes.io/instance']
  return release === undefined ? {} : { 'app.kubernetes.io/instance': release }
}

interface Shape { readonly program: 'prometheus' | 'alertmanager'; readonly port: number; readonly portName: string; readonly service: string }
const shapes = {
  Prometheus: { program: 'prometheus', port: 9090, portName: 'http-web', service: 'prometheus-operated' },
  Alertmanager: { program: 'alertmanager', port: 9093, portName: 'http-web', service: 'alertmanager-operated' },
} as const satisfies Record<string, Shape>

export function governingService(server: Server, kind: Kind<never>): Service {
  const { program, port, portName, service } = shapes[server.kind as keyof typeof shapes]
  return {
    apiVersion: 'v1', kind: 'Service', metadata: { name: service, namespace: server.metadata.namespace ?? '', labels: { ...labelsOf(server), 'operated-prometheus': 'true', 'managed-by': 'prometheus-operator' }, ...ownedBy(server, kind) },
    spec: { clusterIP: 'None', ports: [{ name: server.spec.portName ?? portName, port, targetPort: server.spec.portName ?? portName, protocol: 'TCP' }], selector: { 'app.kubernetes.io/name': program } },
  } as unknown as Service
}

/** The StatefulSet of one server, with the sidecar that unpacks its configuration. */
export function statefulSet(server: Server, kind: Kind<never>, images: OperatorImages): StatefulSet {
  const shape = shapes[server.kind as keyof typeof shapes]
  const { program, port, service } = shape
  const { name = '', namespace = '' } = server.metadata
  const { spec } = server
  const set = `${program}-${name}`
  const portName = spec.portName ?? shape.portName
  const own = { 'app.kubernetes.io/name': program, 'app.kubernetes.io/managed-by': 'prometheus-operator', 'app.kubernetes.io/instance': name, 'operator.prometheus.io/name': name, [program]: name }
  const isPrometheus = program === 'prometheus'
  const config = isPrometheus ? '/etc/prometheus/config_out' : '/etc/alertmanager/config_out'
  const source = isPrometheus ? '/etc/prometheus/config' : '/etc/alertmanager/config'
  const file = isPrometheus ? 'prometheus' : 'alertmanager'
  const rules = `/etc/prometheus/rules/prometheus-${name}-rulefiles-0`
  const reloader = (init: boolean) => ({
    name: init ? 'init-config-reloader' : 'config-reloader', image: images.reloader, imagePullPolicy: 'IfNotPresent', command: ['/bin/prometheus-config-reloader'],
    args: [`--watch-interval=${init ? 0 : 180}s`, `--listen-address=:${init ? 8081 : 8080}`, `--config-file=${source}/${file}.yaml.gz`, `--config-envsubst-file=${config}/${file}.env.yaml`, ...(init ? [] : [`--reload-url=http://127.0.0.1:${port}/-/reload`, ...(isPrometheus ? [`--watched-dir=${rules}`] : [])])],
    env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    ...(init ? {} : { ports: [{ name: 'reloader-web', containerPort: 8080, protocol: 'TCP' }] }),
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
    ...(images.reloaderResources === undefined ? {} : { resources: images.reloaderResources }),
    volumeMounts: [{ name: 'config', mountPath: source }, { name: 'config-out', mountPath: config }, ...(isPrometheus && !init ? [{ name: 'rules', mountPath: rules }] : [])],
  })
  const claim = spec.storage?.volumeClaimTemplate
  const db = claim?.metadata?.name ?? `${program}-${name}-db`
  const mount = isPrometheus ? '/prometheus' : '/alertmanager'
  const args = isPrometheus
    ? [`--config.file=${config}/prometheus.env.yaml`, '--storage.tsdb.path=/prometheus', `--storage.tsdb.retention.time=${spec.retention ?? '24h'}`, '--web.enable-lifecycle', `--web.external-url=${spec.externalUrl ?? `http://${name}.${namespace}:${port}`}`, `--web.route-prefix=${spec.routePrefix ?? '/'}`]
    : [`--config.file=${config}/alertmanager.env.yaml`, '--storage.path=/alertmanager', `--data.retention=${spec.retention ?? '120h'}`, `--web.external-url=${spec.externalUrl ?? `http://${name}.${namespace}:${port}`}`]
  return {
    apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: set, namespace, labels: { ...labelsOf(server), ...instanceOf(server), 'managed-by': 'prometheus-operator', 'operator.prometheus.io/name': name, 'app.kubernetes.io/name': program, 'app.kubernetes.io/version': spec.version ?? '' }, ...ownedBy(server, kind) },
    spec: {
      replicas: spec.replicas ?? 1, serviceName: service, podManagementPolicy: 'Parallel', selector: { matchLabels: own },
      template: {
        metadata: { labels: { ...labelsOf(server), ...spec.podMetadata?.labels, ...own, 'app.kubernetes.io/version': spec.version ?? '' }, ...(spec.podMetadata?.annotations === undefined ? {} : { annotations: spec.podMetadata.annotations }) },
        spec: {
          serviceAccountName: spec.serviceAccountName ?? 'default', terminationGracePeriodSeconds: isPrometheus ? 600 : 120,
          ...(spec.nodeSelector === undefined ? {} : { nodeSelector: spec.nodeSelector }), ...(spec.tolerations === undefined ? {} : { tolerations: spec.tolerations }), ...(spec.affinity === undefined ? {} : { affinity: spec.affinity }),
          ...(spec.priorityClassName === undefined ? {} : { priorityClassName: spec.priorityClassName }),
          initContainers: [reloader(true)],
          containers: [{
            name: program, image: spec.image ?? images[program], imagePullPolicy: 'IfNotPresent', args,
            ports: [{ name: portName, containerPort: port, protocol: 'TCP' }],
            // Upstream asks every five seconds behind a startup probe; asked every second, a server counts as soon as it is ready.
            readinessProbe: { httpGet: { path: '/-/ready', port: portName }, periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 10 },
            livenessProbe: { httpGet: { path: '/-/healthy', port: portName }, periodSeconds: 30, timeoutSeconds: 3, failureThreshold: 6 },
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
            ...(spec.resources === undefined ? {} : { resources: spec.resources }),
            volumeMounts: [{ name: 'config-out', mountPath: config, readOnly: true }, { name: db, mountPath: mount, ...(claim === undefined ? {} : { subPath: `${program}-db` }) }, ...(isPrometheus ? [{ name: 'rules', mountPath: rules }] : [])],
          }, reloader(false)],
          volumes: [
            { name: 'config', secret: { secretName: isPrometheus ? set : `${set}-generated` } }, { name: 'config-out', emptyDir: { medium: 'Memory' } },
            ...(isPrometheus ? [{ name: 'rules', configMap: { name: `prometheus-${name}-rulefiles-0`, optional: true } }] : []),
            ...(claim === undefined ? [{ name: db, emptyDir: spec.storage?.emptyDir ?? {} }] : []),
          ],
        },
      },
      ...(claim === undefined ? {} : { volumeClaimTemplates: [{ metadata: { name: db }, spec: claim.spec }] }),
    },
  } as unknown as StatefulSet
}
