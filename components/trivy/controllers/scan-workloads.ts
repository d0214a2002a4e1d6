import { Job, Pod, type Kind } from '@idp/api'
import { controllerOf, watch, Waiting, type Controller, type Scope } from '@idp/controller'
import { auditConfig } from '../engine/config-audit.ts'
import { findSecrets } from '../engine/exposed-secrets.ts'
import type { ContainerShape, PodShape } from '../engine/pod-shape.ts'
import { checkReport, configHashLabel, hashOf, reportName, sbomReport, secretReport, specHashLabel, vulnerabilityReport, type Reported, type Stamp, type Workload } from '../engine/report.ts'
import { scanImage, type ImageScan } from '../engine/scan-image.ts'
import type { Sbom } from '../engine/sbom.ts'
import type { VulnerabilityDatabase } from '../engine/vulnerability-database.ts'
import { ConfigAuditReport, ExposedSecretReport, SbomReport, VulnerabilityReport, type Report } from '../kinds/reports.ts'
import { scansNamespace, type Settings } from '../programs/settings.ts'
import { writeReport } from './write-report.ts'

export interface ScanOptions {
  readonly settings: Settings
  /** Asked for each scan: what is mounted may change. */
  readonly database: () => VulnerabilityDatabase
  readonly sboms: () => readonly Sbom[]
  /** Version of the operator, as its image's tag says. */
  readonly version: string
  /** Milliseconds since the epoch before which nothing is scanned: a cluster that starts has better things to do. */
  readonly notBefore: number
  readonly scanned: (scan: ImageScan) => void
}

/** Milliseconds that a workload is left alone after a pod of it appeared, and that a lane rests between two scans. */
const settleMs = 1_000

/** Watches pods, finds the workload behind each, and keeps its reports: written when the pod template, the settings or the database change, and again when they are too old. */
export function scanWorkloads(options: ScanOptions): Controller<Pod> {
  const { settings: { scanners, concurrency, ttlMs } } = options
  const kinds = reportKinds(options.settings)
  return {
    name: 'vulnerability-scanner', for: Pod, concurrency,
    reads: [Job, ...kinds],
    // A report that somebody deletes is written anew.
    watches: kinds.map((kind) => watch(kind, (report, scope, { after }) => (after === undefined ? scope.cache(Pod).ownedBy(controllerOf(report)?.uid ?? '').map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace })) : []))),
    concerns: (before, after) => before === undefined || hashOf(before.spec) !== hashOf(after.spec),
    async reconcile(pod, scope) {
      if (pod.metadata.deletionTimestamp !== undefined) return undefined
      const workload = workloadOf(pod, scope)
      if (!scansNamespace(options.settings, workload.namespace ?? '') || !options.settings.targetWorkloads.has(workload.kind.toLowerCase())) return undefined
      if (!speaksForOthers(pod, scope)) return undefined
      const now = scope.clock.now()
      const wait = Math.max(options.notBefore, Date.parse(pod.metadata.creationTimestamp ?? '') + settleMs) - now
      if (wait > 0) throw new Waiting('the cluster is busy starting', wait)
      const shape = pod.spec as unknown as PodShape
      const stamp: Stamp = { now, ttl: options.settings.ttl, specHash: hashOf(shape), configHash: hashOf([options.database().version, [...options.settings.severities], options.settings.ignoreUnfixed, options.sboms().length]) }
      const reports = [...scanners.configAudit ? [configAudit(options, workload, stamp, shape)] : [], ...[...shape.initContainers ?? [], ...shape.containers].flatMap((container) => containerReports(options, workload, stamp, container))]
      for (const { kind, container, make } of reports) {
        const held = scope.cache(kind).get(reportName(workload, container), workload.namespace)
        if (held === undefined || !isCurrent(held, stamp, ttlMs)) await writeReport(scope.client, kind, make(), held)
      }
      return { requeueAfter: ttlMs }
    },
  }
}

export const reportKinds = ({ scanners }: Settings): Kind<Report>[] => [...scanners.vulnerability ? [VulnerabilityReport] : [], ...scanners.configAudit ? [ConfigAuditReport] : [], ...scanners.exposedSecret ? [ExposedSecretReport] : [], ...scanners.sbom ? [SbomReport] : []]

/** What a pod belongs to: its controller, the CronJob of its Job, or itself. */
function workloadOf(pod: Pod, scope: Scope): Workload {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const owner = controllerOf(pod)
  if (owner === undefined) return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid }
  const cron = owner.kind === 'Job' ? controllerOf(scope.cache(Job).get(owner.name, namespace) ?? pod) : undefined
  const { apiVersion, kind, name: ownerName, uid: ownerUid } = cron?.kind === 'CronJob' ? cron : owner
  return { apiVersion, kind, name: ownerName, namespace, uid: ownerUid }
}

/** Of several pods of one owner the first by name is looked at: they come from one template. */
function speaksForOthers(pod: Pod, scope: Scope): boolean {
  const owner = controllerOf(pod)
  if (owner === undefined) return true
  const names = scope.cache(Pod).ownedBy(owner.uid).filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ metadata }) => metadata.name ?? '').sort()
  return names[0] === pod.metadata.name
}

function isCurrent({ metadata, report }: Report, stamp: Stamp, ttlMs: number): boolean {
  return metadata.labels?.[specHashLabel] === stamp.specHash && metadata.labels[configHashLabel] === stamp.configHash && Date.parse(report.updateTimestamp) + ttlMs > stamp.now
}

interface Planned { readonly kind: Kind<Report>; readonly container?: string; readonly make: () => Report }

const configAudit = ({ version }: ScanOptions, workload: Workload, stamp: Stamp, pod: PodShape): Planned => ({
  kind: ConfigAuditReport, make: () => checkReport({ kind: ConfigAuditReport, workload, stamp, version }, auditConfig({ ...workload, namespace: workload.namespace ?? '', pod })),
})

function containerReports(options: ScanOptions, workload: Workload, stamp: Stamp, container: ContainerShape): Planned[] {
  const { settings: { scanners, severities, ignoreUnfixed }, version } = options
  let found: ImageScan | undefined
  const scan = (): ImageScan => {
    if (found !== undefined) return found
    const all = scanImage(container.image, options.database(), { sboms: options.sboms(), now: stamp.now })
    options.scanned(all)
    return found = { ...all, findings: all.findings.filter(({ severity, fixed }) => severities.has(severity) && !(ignoreUnfixed && fixed.length === 0)) }
  }
  const about = (kind: Kind<Report>): Reported => ({ kind, workload, container: container.name, stamp, version })
  return [
    ...scanners.vulnerability ? [{ kind: VulnerabilityReport, container: container.name, make: () => vulnerabilityReport(about(VulnerabilityReport), scan(), options.database()) }] : [],
    ...scanners.exposedSecret ? [{ kind: ExposedSecretReport, container: container.name, make: () => secretReport(about(ExposedSecretReport), scan(), findSecrets(container)) }] : [],
    ...scanners.sbom ? [{ kind: SbomReport, container: container.name, make: () => sbomReport(about(SbomReport), scan()) }] : [],
  ]
}
