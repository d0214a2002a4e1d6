import { CodedError } from '@idp/kit'
import type { Severity } from '../engine/advisory.ts'

/** What the operator is told by its environment, under upstream's names. */
export interface Settings {
  /** Empty: every namespace. */
  readonly targetNamespaces: ReadonlySet<string>
  readonly excludeNamespaces: readonly string[]
  /** Kinds in lower case, e.g. `replicaset`. */
  readonly targetWorkloads: ReadonlySet<string>
  readonly scanners: { readonly vulnerability: boolean; readonly configAudit: boolean; readonly exposedSecret: boolean; readonly rbac: boolean; readonly sbom: boolean }
  readonly concurrency: number
  /** As written (`24h`), and in milliseconds. */
  readonly ttl: string
  readonly ttlMs: number
  /** Milliseconds after its start that the operator begins to scan: the platform comes up first. */
  readonly startDelayMs: number
  readonly severities: ReadonlySet<Severity>
  readonly ignoreUnfixed: boolean
  readonly metricsPort: number
  readonly healthPort: number
  readonly vulnerabilityIdMetrics: boolean
  /** Directories that may be mounted: OSV records, and CycloneDX documents about images. */
  readonly databasePath: string
  readonly sbomPath: string
}

/** Two at a time, whatever is asked for: the engine shares one process with everything else. */
const mostConcurrent = 2

/** Reads the environment. Throws CodedError `InvalidSetting` with the variable's name. */
export function readSettings(env: Readonly<Record<string, string>>): Settings {
  const list = (name: string, fallback = ''): string[] => (env[name] ?? fallback).split(',').map((part) => part.trim()).filter((part) => part !== '')
  const flag = (name: string, fallback = true): boolean => (env[name] ?? String(fallback)) === 'true'
  const ttl = env['OPERATOR_SCANNER_REPORT_TTL'] ?? '24h'
  return {
    targetNamespaces: new Set(list('OPERATOR_TARGET_NAMESPACES')), excludeNamespaces: list('OPERATOR_EXCLUDE_NAMESPACES'),
    targetWorkloads: new Set(list('OPERATOR_TARGET_WORKLOADS', 'pod,replicaset,replicationcontroller,statefulset,daemonset,cronjob,job').map((kind) => kind.toLowerCase())),
    scanners: {
      vulnerability: flag('OPERATOR_VULNERABILITY_SCANNER_ENABLED'), configAudit: flag('OPERATOR_CONFIG_AUDIT_SCANNER_ENABLED'), exposedSecret: flag('OPERATOR_EXPOSED_SECRET_SCANNER_ENABLED'),
      rbac: flag('OPERATOR_RBAC_ASSESSMENT_SCANNER_ENABLED'), sbom: flag('OPERATOR_SBOM_GENERATION_ENABLED', false),
    },
    concurrency: Math.max(1, Math.min(mostConcurrent, Number(env['OPERATOR_CONCURRENT_SCAN_JOBS_LIMIT'] ?? mostConcurrent) || 1)),
    ttl, ttlMs: durationMs(ttl, 'OPERATOR_SCANNER_REPORT_TTL'),
    startDelayMs: durationMs(env['IDP_TRIVY_START_DELAY'] ?? '10s', 'IDP_TRIVY_START_DELAY'),
    severities: new Set(list('TRIVY_SEVERITY', 'UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL').map((one) => one.toUpperCase() as Severity)), ignoreUnfixed: flag('TRIVY_IGNORE_UNFIXED', false),
    metricsPort: portOf(env['OPERATOR_METRICS_BIND_ADDRESS'], 8080), healthPort: portOf(env['OPERATOR_HEALTH_PROBE_BIND_ADDRESS'], 9090), vulnerabilityIdMetrics: flag('OPERATOR_METRICS_VULN_ID_ENABLED', false),
    databasePath: env['IDP_TRIVY_DATABASE_PATH'] ?? '/var/lib/trivy/osv', sbomPath: env['IDP_TRIVY_SBOM_PATH'] ?? '/var/lib/trivy/sbom',
  }
}

const portOf = (address: string | undefined, fallback: number): number => Number(/:(\d+)$/.exec(address ?? '')?.[1] ?? fallback)

/** Go's durations: `24h`, `1h30m`. */
function durationMs(text: string, where: string): number {
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000 }
  if (!/^(?:\d+[hms])+$/.test(text)) throw new CodedError({ code: 'InvalidSetting', message: `${text} is not a duration`, where, remedy: 'write it as 24h or 1h30m' })
  return [...text.matchAll(/(\d+)([hms])/g)].reduce((sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 0), 0)
}

/** Whether workloads of a namespace are scanned; `*` in an excluded name stands for anything. */
export function scansNamespace({ targetNamespaces, excludeNamespaces }: Settings, namespace: string): boolean {
  if (targetNamespaces.size > 0 && !targetNamespaces.has(namespace)) return false
  return !excludeNamespaces.some((pattern) => new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`).test(namespace))
}
