import type { EndpointSpec, LabelSelector, PodMonitor, RelabelSpec, SafeTls, ServiceMonitor } from '../../kinds/monitoring.ts'
import type { RelabelFields } from '../relabel.ts'

/** One entry of `scrape_configs`, as it will stand in the file. */
export type ScrapeJob = Readonly<Record<string, unknown>>

export type DiscoveryKind = 'Endpoints' | 'EndpointSlice'

const safe = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_')

/** What keeps only objects that a selector matches, by the labels that discovery gives them. */
function selectorRules(what: 'service' | 'pod', { matchLabels = {}, matchExpressions = [] }: LabelSelector): RelabelFields[] {
  const label = (key: string): string[] => [`__meta_kubernetes_${what}_label_${safe(key)}`, `__meta_kubernetes_${what}_labelpresent_${safe(key)}`]
  return [
    ...Object.entries(matchLabels).sort().map(([key, value]) => ({ action: 'keep', source_labels: label(key), regex: `(${escape(value)});true` })),
    ...matchExpressions.map(({ key, operator, values = [] }) => operator === 'Exists' ? { action: 'keep', source_labels: label(key).slice(1), regex: 'true' }
      : operator === 'DoesNotExist' ? { action: 'drop', source_labels: label(key).slice(1), regex: 'true' }
      : { action: operator === 'In' ? 'keep' : 'drop', source_labels: label(key), regex: `(${values.map(escape).join('|')});true` }),
  ]
}

const escape = (text: string): string => text.replace(/[.+*?^${}()|[\]\\]/g, '\\$&')

const to = (target_label: string, source_labels: string[], more: RelabelFields = {}): RelabelFields => ({ source_labels, target_label, ...more })
const fixed = (target_label: string, replacement: string): RelabelFields => ({ target_label, replacement })

function relabelings(specs: readonly RelabelSpec[] = []): RelabelFields[] {
  return specs.map(({ sourceLabels, separator, targetLabel, regex, modulus, replacement, action }) => ({
    ...(sourceLabels === undefined ? {} : { source_labels: sourceLabels }), ...(separator === undefined ? {} : { separator }), ...(targetLabel === undefined ? {} : { target_label: targetLabel }),
    ...(regex === undefined ? {} : { regex }), ...(modulus === undefined ? {} : { modulus }), ...(replacement === undefined ? {} : { replacement }), ...(action === undefined ? {} : { action: action.toLowerCase() }),
  }))
}

function tlsOf(tls: SafeTls, assets: string): Record<string, unknown> {
  const key = tls.ca?.secret ?? tls.ca?.configMap
  return {
    ...(tls.insecureSkipVerify === undefined ? {} : { insecure_skip_verify: tls.insecureSkipVerify }), ...(tls.serverName === undefined ? {} : { server_name: tls.serverName }),
    ...(tls.caFile === undefined ? {} : { ca_file: tls.caFile }), ...(tls.certFile === undefined ? {} : { cert_file: tls.certFile }), ...(tls.keyFile === undefined ? {} : { key_file: tls.keyFile }),
    ...(key === undefined ? {} : { ca_file: `/etc/prometheus/certs/${assets}_${tls.ca?.secret === undefined ? 'configmap' : 'secret'}_${key.name}_${key.key}` }),
  }
}

/** What the two kinds of monitors have in common. */
function common(endpoint: EndpointSpec, namespace: string): Record<string, unknown> {
  return {
    honor_labels: endpoint.honorLabels ?? false, ...(endpoint.honorTimestamps === undefined ? {} : { honor_timestamps: endpoint.honorTimestamps }),
    ...(endpoint.interval === undefined ? {} : { scrape_interval: endpoint.interval }), ...(endpoint.scrapeTimeout === undefined ? {} : { scrape_timeout: endpoint.scrapeTimeout }),
    ...(endpoint.path === undefined || endpoint.path === '' ? {} : { metrics_path: endpoint.path }), ...(endpoint.params === undefined ? {} : { params: endpoint.params }),
    ...(endpoint.scheme === undefined || endpoint.scheme === '' ? {} : { scheme: endpoint.scheme.toLowerCase() }), ...(endpoint.tlsConfig === undefined ? {} : { tls_config: tlsOf(endpoint.tlsConfig, namespace) }),
    ...(endpoint.bearerTokenFile === undefined || endpoint.bearerTokenFile === '' ? {} : { authorization: { credentials_file: endpoint.bearerTokenFile } }),
  }
}

/** What a monitor asks for that the stand-in's operator does not do; the monitor is then rejected with this reason. */
export function unsupportedIn(endpoints: readonly EndpointSpec[]): string | undefined {
  for (const { bearerTokenSecret, authorization, basicAuth, tlsConfig } of endpoints) {
    if ((bearerTokenSecret?.key ?? '') !== '') return 'bearerTokenSecret is not supported here'
    if (authorization !== undefined) return 'authorization from a Secret is not supported here'
    if (basicAuth !== undefined) return 'basicAuth is not supported here'
    if (tlsConfig?.ca !== undefined && Object.keys(tlsConfig.ca).length > 0) return 'tlsConfig.ca from a Secret or ConfigMap is not supported here; use caFile'
  }
  return undefined
}

const namespacesOf = ({ metadata, spec: { namespaceSelector = {} } }: ServiceMonitor | PodMonitor): Record<string, unknown> => (namespaceSelector.any === true ? {} : { namespaces: { names: namespaceSelector.matchNames ?? [metadata.namespace ?? ''] } })

export function serviceMonitorJobs(monitor: ServiceMonitor, discovery: DiscoveryKind): ScrapeJob[] {
  const { name = '', namespace = '' } = monitor.metadata
  const { jobLabel, targetLabels = [], podTargetLabels = [], selector, sampleLimit } = monitor.spec
  const slices = discovery === 'EndpointSlice'
  const meta = slices ? 'endpointslice' : 'endpoint'
  return (monitor.spec.endpoints ?? []).map((endpoint, index) => ({
    job_name: `serviceMonitor/${namespace}/${name}/${index}`,
    kubernetes_sd_configs: [{ role: slices ? 'endpointslice' : 'endpoints', ...namespacesOf(monitor) }],
    ...common(endpoint, namespace), ...(sampleLimit === undefined ? {} : { sample_limit: sampleLimit }),
    relabel_configs: [
      to('__tmp_prometheus_job_name', ['job']),
      ...selectorRules('service', selector),
      ...(endpoint.port !== undefined && endpoint.port !== '' ? [{ action: 'keep', source_labels: [`__meta_kubernetes_${meta}_port_name`], regex: endpoint.port }]
        : endpoint.targetPort === undefined ? []
        : [{ action: 'keep', source_labels: [`__meta_kubernetes_pod_container_port_${typeof endpoint.targetPort === 'number' ? 'number' : 'name'}`], regex: String(endpoint.targetPort) }]),
      to('node', slices ? ['__meta_kubernetes_endpointslice_address_target_kind', '__meta_kubernetes_endpointslice_address_target_name'] : ['__meta_kubernetes_endpoint_address_target_kind', '__meta_kubernetes_endpoint_address_target_name'], { separator: ';', regex: 'Node;(.*)' }),
      to('pod', slices ? ['__meta_kubernetes_endpointslice_address_target_kind', '__meta_kubernetes_endpointslice_address_target_name'] : ['__meta_kubernetes_endpoint_address_target_kind', '__meta_kubernetes_endpoint_address_target_name'], { separator: ';', regex: 'Pod;(.*)' }),
      to('namespace', ['__meta_kubernetes_namespace']), to('service', ['__meta_kubernetes_service_name']), to('pod', ['__meta_kubernetes_pod_name']), to('container', ['__meta_kubernetes_pod_container_name']),
      { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: '(Failed|Succeeded)' },
      ...targetLabels.map((label) => to(safe(label), [`__meta_kubernetes_service_label_${safe(label)}`], { regex: '(.+)' })),
      ...podTargetLabels.map((label) => to(safe(label), [`__meta_kubernetes_pod_label_${safe(label)}`], { regex: '(.+)' })),
      to('job', ['__meta_kubernetes_service_name']),
      ...(jobLabel === undefined ? [] : [to('job', [`__meta_kubernetes_service_label_${safe(jobLabel)}`], { regex: '(.+)' })]),
      ...(endpoint.port !== undefined && endpoint.port !== '' ? [fixed('endpoint', endpoint.port)] : endpoint.targetPort === undefined ? [] : [fixed('endpoint', String(endpoint.targetPort))]),
      ...relabelings(endpoint.relabelings),
    ],
    ...(endpoint.metricRelabelings === undefined ? {} : { metric_relabel_configs: relabelings(endpoint.metricRelabelings) }),
  }))
}

export function podMonitorJobs(monitor: PodMonitor): ScrapeJob[] {
  const { name = '', namespace = '' } = monitor.metadata
  const { jobLabel, podTargetLabels = [], selector, sampleLimit } = monitor.spec
  return (monitor.spec.podMetricsEndpoints ?? []).map((endpoint, index) => ({
    job_name: `podMonitor/${namespace}/${name}/${index}`,
    kubernetes_sd_configs: [{ role: 'pod', ...namespacesOf(monitor) }],
    ...common(endpoint, namespace), ...(sampleLimit === undefined ? {} : { sample_limit: sampleLimit }),
    relabel_configs: [
      to('__tmp_prometheus_job_name', ['job']),
      { action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'], regex: '(Failed|Succeeded)' },
      ...selectorRules('pod', selector),
      ...(endpoint.port !== undefined ? [{ action: 'keep', source_labels: ['__meta_kubernetes_pod_container_port_name'], regex: endpoint.port }]
        : endpoint.portNumber === undefined ? [] : [{ action: 'keep', source_labels: ['__meta_kubernetes_pod_container_port_number'], regex: String(endpoint.portNumber) }]),
      to('namespace', ['__meta_kubernetes_namespace']), to('container', ['__meta_kubernetes_pod_container_name']), to('pod', ['__meta_kubernetes_pod_name']),
      ...podTargetLabels.map((label) => to(safe(label), [`__meta_kubernetes_pod_label_${safe(label)}`], { regex: '(.+)' })),
      fixed('job', `${namespace}/${name}`),
      ...(jobLabel === undefined ? [] : [to('job', [`__meta_kubernetes_pod_label_${safe(jobLabel)}`], { regex: '(.+)' })]),
      ...(endpoint.port === undefined ? [] : [fixed('endpoint', endpoint.port)]),
      ...relabelings(endpoint.relabelings),
    ],
    ...(endpoint.metricRelabelings === undefined ? {} : { metric_relabel_configs: relabelings(endpoint.metricRelabelings) }),
  }))
}
