import { CodedError } from '@idp/kit'
import { parseYaml } from '@idp/formats'
import { parseDuration } from '@idp/lang-promql'
import { compileRelabel, type RelabelFields, type RelabelRule } from './relabel.ts'

export type DiscoveryRole = 'node' | 'service' | 'pod' | 'endpoints' | 'endpointslice' | 'ingress'

export interface KubernetesDiscovery {
  readonly role: DiscoveryRole
  /** Empty: all. */
  readonly namespaces: readonly string[]
  readonly attachNode: boolean
}

export interface TlsConfig { readonly caFile?: string; readonly ca?: string; readonly certFile?: string; readonly keyFile?: string; readonly serverName?: string; readonly insecure: boolean }

/** How to reach an HTTP endpoint: what `scrape_config`, `alertmanager_config` and `remote_write` share. */
export interface HttpConfig {
  readonly scheme: 'http' | 'https'
  readonly tls: TlsConfig
  readonly authorization?: { readonly type: string; readonly credentials?: string; readonly credentialsFile?: string }
  readonly basicAuth?: { readonly username: string; readonly password?: string; readonly passwordFile?: string }
}

export interface TargetSource {
  readonly kubernetes: readonly KubernetesDiscovery[]
  readonly fixed: readonly { readonly targets: readonly string[]; readonly labels: Readonly<Record<string, string>> }[]
}

export interface ScrapeConfig extends HttpConfig, TargetSource {
  readonly job: string
  /** Milliseconds. */
  readonly interval: number
  readonly timeout: number
  readonly path: string
  readonly params: Readonly<Record<string, readonly string[]>>
  readonly honorLabels: boolean
  readonly honorTimestamps: boolean
  readonly relabel: readonly RelabelRule[]
  readonly metricRelabel: readonly RelabelRule[]
  /** 0: no limit. */
  readonly sampleLimit: number
  readonly bodySizeLimit: number
}

export interface AlertmanagerConfig extends HttpConfig, TargetSource { readonly pathPrefix: string; readonly relabel: readonly RelabelRule[]; readonly timeout: number }

export interface PrometheusConfig {
  readonly scrapeInterval: number
  readonly evaluationInterval: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly ruleFiles: readonly string[]
  readonly scrapes: readonly ScrapeConfig[]
  readonly alertmanagers: readonly AlertmanagerConfig[]
  readonly alertRelabel: readonly RelabelRule[]
}

type Fields = Readonly<Record<string, unknown>>

/** Reads a configuration file of Prometheus. Throws CodedError `InvalidConfig` with the field; what is not supported is refused by name. */
export function readConfig(text: string, source: string): PrometheusConfig {
  const top = object(parseYaml(text, { source }) ?? {}, source)
  only(top, ['global', 'scrape_configs', 'rule_files', 'alerting', 'storage', 'runtime', 'otlp', 'tracing'], source)
  const global = object(top['global'] ?? {}, 'global')
  const scrapeInterval = duration(global['scrape_interval'], 60_000, 'global.scrape_interval')
  const scrapeTimeout = duration(global['scrape_timeout'], Math.min(10_000, scrapeInterval), 'global.scrape_timeout')
  const scrapes = list(top['scrape_configs'], 'scrape_configs').map((one, index) => readScrape(one, `scrape_configs[${index}]`, scrapeInterval, scrapeTimeout))
  const twice = scrapes.find(({ job }, index) => scrapes.findIndex((other) => other.job === job) !== index)
  if (twice !== undefined) throw invalid(`found multiple scrape configs with job name ${JSON.stringify(twice.job)}`, 'scrape_configs')
  const alerting = object(top['alerting'] ?? {}, 'alerting')
  return {
    scrapeInterval, scrapes, evaluationInterval: duration(global['evaluation_interval'], 60_000, 'global.evaluation_interval'),
    externalLabels: texts(global['external_labels'], 'global.external_labels'), ruleFiles: list(top['rule_files'], 'rule_files').map(String),
    alertmanagers: list(alerting['alertmanagers'], 'alerting.alertmanagers').map((one, index) => readAlertmanager(one, `alerting.alertmanagers[${index}]`)),
    alertRelabel: relabels(alerting['alert_relabel_configs'], 'alerting.alert_relabel_configs'),
  }
}

const httpFields = ['scheme', 'tls_config', 'authorization', 'basic_auth', 'bearer_token_file', 'bearer_token', 'follow_redirects', 'enable_http2', 'proxy_url']
const discoveryFields = ['kubernetes_sd_configs', 'static_configs']
const scrapeFields = ['job_name', 'scrape_interval', 'scrape_timeout', 'metrics_path', 'params', 'honor_labels', 'honor_timestamps', 'track_timestamps_staleness', 'relabel_configs', 'metric_relabel_configs', 'sample_limit', 'body_size_limit',
  'label_limit', 'label_name_length_limit', 'label_value_length_limit', 'target_limit', 'keep_dropped_targets', 'scrape_classic_histograms', 'always_scrape_classic_histograms', 'scrape_protocols', 'fallback_scrape_protocol', 'enable_compression', 'metric_name_validation_scheme', 'metric_name_escaping_scheme', 'native_histogram_bucket_limit', 'native_histogram_min_bucket_factor', 'convert_classic_histograms_to_nhcb']

function readScrape(value: unknown, where: string, interval: number, timeout: number): ScrapeConfig {
  const fields = object(value, where)
  only(fields, [...scrapeFields, ...httpFields, ...discoveryFields], where)
  const job = String(fields['job_name'] ?? '')
  if (job === '') throw invalid('job_name is empty', where)
  const own = duration(fields['scrape_interval'], interval, `${where}.scrape_interval`)
  const ownTimeout = duration(fields['scrape_timeout'], Math.min(timeout, own), `${where}.scrape_timeout`)
  if (ownTimeout > own) throw invalid(`scrape timeout greater than scrape interval for scrape config with job name ${JSON.stringify(job)}`, where)
  return {
    job, interval: own, timeout: ownTimeout, path: String(fields['metrics_path'] ?? '/metrics'), ...readHttp(fields, where), ...readTargets(fields, where),
    params: Object.fromEntries(Object.entries(object(fields['params'] ?? {}, `${where}.params`)).map(([name, values]) => [name, list(values, `${where}.params.${name}`).map(String)])),
    honorLabels: fields['honor_labels'] === true, honorTimestamps: fields['honor_timestamps'] !== false,
    relabel: relabels(fields['relabel_configs'], `${where}.relabel_configs`), metricRelabel: relabels(fields['metric_relabel_configs'], `${where}.metric_relabel_configs`),
    sampleLimit: Number(fields['sample_limit'] ?? 0), bodySizeLimit: byteSize(fields['body_size_limit']),
  }
}

function readAlertmanager(value: unknown, where: string): AlertmanagerConfig {
  const fields = object(value, where)
  only(fields, ['path_prefix', 'timeout', 'api_version', 'relabel_configs', 'alert_relabel_configs', ...httpFields, ...discoveryFields], where)
  return { ...readHttp(fields, where), ...readTargets(fields, where), pathPrefix: String(fields['path_prefix'] ?? ''), relabel: relabels(fields['relabel_configs'], `${where}.relabel_configs`), timeout: duration(fields['timeout'], 10_000, `${where}.timeout`) }
}

function readHttp(fields: Fields, where: string): HttpConfig {
  const tls = object(fields['tls_config'] ?? {}, `${where}.tls_config`)
  only(tls, ['ca_file', 'ca', 'cert_file', 'key_file', 'server_name', 'insecure_skip_verify', 'min_version', 'max_version'], `${where}.tls_config`)
  if (fields['proxy_url'] !== undefined) throw invalid('proxy_url is not supported', where)
  const authorization = object(fields['authorization'] ?? {}, `${where}.authorization`)
  const file = fields['bearer_token_file'] ?? authorization['credentials_file']
  const credentials = fields['bearer_token'] ?? authorization['credentials']
  const basic = fields['basic_auth'] === undefined ? undefined : object(fields['basic_auth'], `${where}.basic_auth`)
  const scheme = String(fields['scheme'] ?? 'http')
  if (scheme !== 'http' && scheme !== 'https') throw invalid(`unknown scheme ${JSON.stringify(scheme)}`, where)
  const text = (of: Fields, name: string): Record<string, string> => (of[name] === undefined ? {} : { [camel(name)]: String(of[name]) })
  return {
    scheme, tls: { ...text(tls, 'ca_file'), ...text(tls, 'ca'), ...text(tls, 'cert_file'), ...text(tls, 'key_file'), ...text(tls, 'server_name'), insecure: tls['insecure_skip_verify'] === true },
    ...(file === undefined && credentials === undefined ? {} : { authorization: { type: String(authorization['type'] ?? 'Bearer'), ...(file === undefined ? {} : { credentialsFile: String(file) }), ...(credentials === undefined ? {} : { credentials: String(credentials) }) } }),
    ...(basic === undefined ? {} : { basicAuth: { username: String(basic['username'] ?? ''), ...text(basic, 'password'), ...text(basic, 'password_file') } }),
  }
}

const roles: ReadonlySet<string> = new Set<DiscoveryRole>(['node', 'service', 'pod', 'endpoints', 'endpointslice', 'ingress'])

function readTargets(fields: Fields, where: string): TargetSource {
  return {
    kubernetes: list(fields['kubernetes_sd_configs'], `${where}.kubernetes_sd_configs`).map((one) => {
      const config = object(one, `${where}.kubernetes_sd_configs`)
      only(config, ['role', 'namespaces', 'selectors', 'attach_metadata', 'follow_redirects', 'enable_http2'], `${where}.kubernetes_sd_configs`)
      const role = String(config['role'] ?? '')
      if (!roles.has(role)) throw invalid(`unknown Kubernetes SD role ${JSON.stringify(role)}`, where)
      return { role: role as DiscoveryRole, namespaces: list(object(config['namespaces'] ?? {}, where)['names'], where).map(String), attachNode: object(config['attach_metadata'] ?? {}, where)['node'] === true }
    }),
    fixed: list(fields['static_configs'], `${where}.static_configs`).map((one) => {
      const config = object(one, `${where}.static_configs`)
      return { targets: list(config['targets'], where).map(String), labels: texts(config['labels'], `${where}.static_configs.labels`) }
    }),
  }
}

function relabels(value: unknown, where: string): readonly RelabelRule[] {
  return list(value, where).map((one, index) => compileRelabel(object(one, `${where}[${index}]`) as RelabelFields, `${where}[${index}]`))
}

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function invalid(message: string, where: string): CodedError {
  return new CodedError({ code: 'InvalidConfig', message, where })
}

function object(value: unknown, where: string): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw invalid('expected a mapping', where)
  return value as Fields
}

function list(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid('expected a list', where)
  return value
}

function texts(value: unknown, where: string): Record<string, string> {
  return Object.fromEntries(Object.entries(object(value ?? {}, where)).map(([name, text]) => [name, String(text)]))
}

function only(fields: Fields, known: readonly string[], where: string): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`field ${unknown} is not supported`, where)
}

function duration(value: unknown, otherwise: number, where: string): number {
  if (value === undefined || value === null || value === '') return otherwise
  const ms = parseDuration(String(value))
  if (ms === undefined) throw invalid(`not a valid duration string: ${JSON.stringify(value)}`, where)
  return ms
}

const sizes: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 }

function byteSize(value: unknown): number {
  const [, digits = '0', unit = 'B'] = /^(\d+)\s*([KMG]?B)?$/.exec(String(value ?? 0)) ?? []
  return Number(digits) * (sizes[unit] ?? 1)
}
