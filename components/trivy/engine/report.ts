import { createHash } from 'node:crypto'
import { apiVersionOf, type Kind } from '@idp/api'
import { isLabelValue, type JsonObject, type OwnerReference } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import type { Report, ReportBody, Summary } from '../kinds/reports.ts'
import type { Severity } from './advisory.ts'
import type { FailedCheck } from './config-audit.ts'
import type { ExposedSecret } from './exposed-secrets.ts'
import type { ImageScan } from './scan-image.ts'

/** What a report is about. */
export interface Workload { readonly kind: string; readonly name: string; readonly namespace?: string; readonly uid: string; readonly apiVersion: string }

/** Hashes and life span that a report carries, so that the next pass knows whether it still holds. */
export interface Stamp { readonly now: number; readonly ttl: string; readonly specHash: string; readonly configHash: string }

const prefix = 'trivy-operator'
export const specHashLabel = 'resource-spec-hash'
export const configHashLabel = 'plugin-config-hash'
export const coverageAnnotation = 'idp.dev/scan-coverage'
const scanner = (version: string): ReportBody['scanner'] => ({ name: 'Trivy', vendor: 'Aqua Security', version })

/** Eight to ten characters of the hash of a value: not for secrecy, to see a change. */
export const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value) ?? '').digest('hex').slice(0, 10)

/** `replicaset-web-6d4b-nginx`; by hash where that is longer than a label may be, as upstream. */
export function reportName({ kind, name }: Pick<Workload, 'kind' | 'name'>, container?: string): string {
  const rest = container === undefined ? name : `${name}-${container}`
  const full = `${kind.toLowerCase()}-${rest}`.replaceAll(':', '-').toLowerCase()
  return full.length <= 63 ? full : `${kind.toLowerCase()}-${hashOf(rest)}`
}

function metadataOf(workload: Workload, stamp: Stamp, container: string | undefined, annotations: Readonly<Record<string, string>>): Report['metadata'] {
  const { kind, name, namespace, uid, apiVersion } = workload
  const owner: OwnerReference = { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false }
  const named = isLabelValue(name)
  return {
    name: reportName(workload, container), ...(namespace === undefined ? {} : { namespace }),
    labels: {
      'app.kubernetes.io/managed-by': prefix,
      [`${prefix}.resource.kind`]: kind, ...(named ? { [`${prefix}.resource.name`]: name } : { [`${prefix}.resource.name-hash`]: hashOf(name) }),
      ...(namespace === undefined ? {} : { [`${prefix}.resource.namespace`]: namespace }),
      ...(container === undefined ? {} : { [`${prefix}.container.name`]: container }),
      [specHashLabel]: stamp.specHash, [configHashLabel]: stamp.configHash,
    },
    annotations: { [`${prefix}.aquasecurity.github.io/report-ttl`]: stamp.ttl, ...(named ? {} : { [`${prefix}.resource.name`]: name }), ...annotations },
    ownerReferences: [owner],
  }
}

function summaryOf(found: readonly { readonly severity: Severity }[]): Summary & { readonly unknownCount: number } {
  const count = (severity: Severity): number => found.filter((one) => one.severity === severity).length
  return { criticalCount: count('CRITICAL'), highCount: count('HIGH'), mediumCount: count('MEDIUM'), lowCount: count('LOW'), unknownCount: count('UNKNOWN') }
}

const artifactOf = ({ image: { registry, repository, tag, digest } }: ImageScan) => ({ registry: { server: registry }, artifact: { repository, ...(tag === '' ? {} : { tag }), ...(digest === undefined ? {} : { digest }) } })
const typed = (kind: Kind) => ({ apiVersion: apiVersionOf(kind), kind: kind.kind })
const timestamp = (now: number): { updateTimestamp: string } => ({ updateTimestamp: rfc3339(now) })

export interface Reported { readonly kind: Kind<Report>; readonly workload: Workload; readonly container?: string; readonly stamp: Stamp; readonly version: string }

/** A VulnerabilityReport; what the scan did not look at is said in its annotations. */
export function vulnerabilityReport({ kind, workload, container, stamp, version }: Reported, scan: ImageScan, database: { readonly size: number; readonly updated: number }): Report {
  const vulnerabilities = scan.findings.map((found): JsonObject => ({
    vulnerabilityID: found.id, resource: found.package.name, installedVersion: found.package.version, fixedVersion: found.fixed.join(', '), severity: found.severity, title: found.title,
    primaryLink: `https://avd.aquasec.com/nvd/${found.id.toLowerCase()}`, links: [...found.links], target: `${scan.image.repository}:${scan.image.tag}`,
    class: scan.coverage === 'packages' && !found.package.ecosystem.startsWith('Debian') ? 'lang-pkgs' : scan.coverage === 'packages' ? 'os-pkgs' : 'image', packageType: found.package.ecosystem.split(':')[0]?.toLowerCase() ?? '',
    ...(found.score === undefined ? {} : { score: found.score }), ...(found.published === undefined ? {} : { publishedDate: found.published }), ...(found.modified === undefined ? {} : { lastModifiedDate: found.modified }),
  }))
  return {
    ...typed(kind),
    metadata: metadataOf(workload, stamp, container, { [coverageAnnotation]: scan.coverage, 'idp.dev/scan-note': scan.note, 'idp.dev/database': `${database.size} advisories, newest of ${rfc3339(database.updated)}` }),
    report: { ...timestamp(stamp.now), scanner: scanner(version), ...artifactOf(scan), os: scan.os ?? { family: '', name: '' }, summary: { ...summaryOf(scan.findings), noneCount: 0 }, vulnerabilities },
  }
}

/** A ConfigAuditReport or a (Cluster)RbacAssessmentReport. */
export function checkReport({ kind, workload, stamp, version }: Reported, failed: readonly FailedCheck[]): Report {
  const { unknownCount: _none, ...summary } = summaryOf(failed)
  return { ...typed(kind), metadata: metadataOf(workload, stamp, undefined, {}), report: { ...timestamp(stamp.now), scanner: scanner(version), summary, checks: failed as unknown as readonly JsonObject[] } }
}

/** An ExposedSecretReport. */
export function secretReport({ kind, workload, container, stamp, version }: Reported, scan: ImageScan, found: readonly ExposedSecret[]): Report {
  const { unknownCount: _none, ...summary } = summaryOf(found)
  return {
    ...typed(kind), metadata: metadataOf(workload, stamp, container, { [coverageAnnotation]: 'environment-and-arguments', 'idp.dev/scan-note': "the container's environment, command and arguments were looked at; the image's files were not" }),
    report: { ...timestamp(stamp.now), scanner: scanner(version), ...artifactOf(scan), summary, secrets: found as unknown as readonly JsonObject[] },
  }
}

/** An SbomReport: what is known of an image's content, as CycloneDX. */
export function sbomReport({ kind, workload, container, stamp, version }: Reported, scan: ImageScan): Report {
  const components = scan.packages.map(({ ecosystem, name, version: installed }): JsonObject => ({ type: 'library', name, version: installed, properties: [{ name: 'osv:ecosystem', value: ecosystem }] }))
  const body: ReportBody = {
    ...timestamp(stamp.now), scanner: scanner(version), ...artifactOf(scan), summary: { ...summaryOf([]) },
    components: { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component: { type: 'container', name: `${scan.image.repository}:${scan.image.tag}` } }, components },
  }
  return { ...typed(kind), metadata: metadataOf(workload, stamp, container, { [coverageAnnotation]: scan.coverage, 'idp.dev/scan-note': scan.note }), report: { ...body, summary: { componentsCount: components.length, dependenciesCount: 0 } as unknown as Summary } }
}
