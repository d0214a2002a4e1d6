import { defineKind, type Kind } from '@idp/api'
import type { KubeObject } from '@idp/formats'

export interface LabelSelector { matchLabels?: Record<string, string>; matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[] }
export interface SecretKey { name: string; key: string; optional?: boolean }
export interface SafeTls { ca?: { secret?: SecretKey; configMap?: SecretKey }; serverName?: string; insecureSkipVerify?: boolean; caFile?: string; certFile?: string; keyFile?: string }

/** `relabelings` of monitors: the fields of a relabel_config in camel case. */
export interface RelabelSpec { sourceLabels?: string[]; separator?: string; targetLabel?: string; regex?: string; modulus?: number; replacement?: string; action?: string }

export interface EndpointSpec {
  port?: string
  targetPort?: string | number
  path?: string
  scheme?: string
  params?: Record<string, string[]>
  interval?: string
  scrapeTimeout?: string
  tlsConfig?: SafeTls
  bearerTokenFile?: string
  bearerTokenSecret?: SecretKey
  authorization?: { type?: string; credentials?: SecretKey }
  basicAuth?: { username?: SecretKey; password?: SecretKey }
  honorLabels?: boolean
  honorTimestamps?: boolean
  metricRelabelings?: RelabelSpec[]
  relabelings?: RelabelSpec[]
  portNumber?: number
}
interface NamespaceSelector { any?: boolean; matchNames?: string[] }

export interface ServiceMonitor extends KubeObject { spec: { jobLabel?: string; targetLabels?: string[]; podTargetLabels?: string[]; endpoints?: EndpointSpec[]; selector: LabelSelector; namespaceSelector?: NamespaceSelector; sampleLimit?: number; attachMetadata?: { node?: boolean } } }
export interface PodMonitor extends KubeObject { spec: { jobLabel?: string; podTargetLabels?: string[]; podMetricsEndpoints?: EndpointSpec[]; selector: LabelSelector; namespaceSelector?: NamespaceSelector; sampleLimit?: number } }
export interface PrometheusRule extends KubeObject { spec?: { groups?: unknown[] } }

/** What both servers of the operator share. */
interface ServerSpec {
  replicas?: number
  image?: string
  version?: string
  serviceAccountName?: string
  externalUrl?: string
  routePrefix?: string
  nodeSelector?: Record<string, string>
  tolerations?: unknown[]
  affinity?: unknown
  resources?: unknown
  priorityClassName?: string
  podMetadata?: { labels?: Record<string, string>; annotations?: Record<string, string> }
  retention?: string
  storage?: { volumeClaimTemplate?: { metadata?: { name?: string }; spec?: unknown }; emptyDir?: unknown }
  portName?: string
  paused?: boolean
  logLevel?: string
}
export interface Prometheus extends KubeObject {
  spec: ServerSpec & {
    scrapeInterval?: string
    scrapeTimeout?: string
    evaluationInterval?: string
    externalLabels?: Record<string, string>
    serviceMonitorSelector?: LabelSelector | null
    serviceMonitorNamespaceSelector?: LabelSelector | null
    podMonitorSelector?: LabelSelector | null
    podMonitorNamespaceSelector?: LabelSelector | null
    ruleSelector?: LabelSelector | null
    ruleNamespaceSelector?: LabelSelector | null
    alerting?: { alertmanagers?: { namespace?: string; name: string; port: string | number; pathPrefix?: string; apiVersion?: string; scheme?: string }[] }
    serviceDiscoveryRole?: 'Endpoints' | 'EndpointSlice'
    additionalScrapeConfigs?: SecretKey
    enableAdminAPI?: boolean
    walCompression?: boolean
  }
}
export interface Alertmanager extends KubeObject { spec: ServerSpec & { configSecret?: string } }

const monitoring = <T extends KubeObject>(kind: string, plural: string): Kind<T> => defineKind<T>({ group: 'monitoring.coreos.com', version: 'v1', kind, plural, scope: 'Namespaced' })
export const PrometheusKind = monitoring<Prometheus>('Prometheus', 'prometheuses')
export const AlertmanagerKind = monitoring<Alertmanager>('Alertmanager', 'alertmanagers')
export const ServiceMonitorKind = monitoring<ServiceMonitor>('ServiceMonitor', 'servicemonitors')
export const PodMonitorKind = monitoring<PodMonitor>('PodMonitor', 'podmonitors')
export const PrometheusRuleKind = monitoring<PrometheusRule>('PrometheusRule', 'prometheusrules')
