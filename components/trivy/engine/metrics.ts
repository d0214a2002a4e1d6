import type { Report, Summary } from '../kinds/reports.ts'
import { coverageAnnotation } from './report.ts'
import type { VulnerabilityDatabase } from './vulnerability-database.ts'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]
interface Family { readonly name: string; readonly help: string; readonly type?: 'counter'; readonly samples: readonly Sample[] }

export interface MetricsSource {
  readonly vulnerability: readonly Report[]
  readonly configAudit: readonly Report[]
  readonly exposedSecret: readonly Report[]
  readonly rbac: readonly Report[]
  readonly database: VulnerabilityDatabase
  readonly scans: number
  readonly now: number
  readonly vulnerabilityIds: boolean
}

/** The operator's metrics under upstream's names, and the state of the database under names of our own. */
export function metricsText(source: MetricsSource): string {
  const { database } = source
  const families: Family[] = [
    { name: 'trivy_image_vulnerabilities', help: 'Number of container image vulnerabilities', samples: source.vulnerability.flatMap((report) => bySeverity(imageLabels(report), report.report.summary, true)) },
    { name: 'trivy_image_info', help: 'scanned image information', samples: source.vulnerability.map((report) => [{ ...imageLabels(report), image_os_family: report.report.os?.family ?? '', image_os_name: report.report.os?.name ?? '', image_os_eosl: String(report.report.os?.eosl ?? false) }, 1] as const) },
    ...source.vulnerabilityIds ? [{ name: 'trivy_vulnerability_id', help: 'Number of container image vulnerabilities group by vulnerability id', samples: source.vulnerability.flatMap(byId) }] : [],
    { name: 'trivy_resource_configaudits', help: 'Number of failing resource configuration auditing checks', samples: source.configAudit.flatMap((report) => bySeverity(resourceLabels(report), report.report.summary, false)) },
    { name: 'trivy_image_exposedsecrets', help: 'Number of image exposed secrets', samples: source.exposedSecret.flatMap((report) => bySeverity(imageLabels(report), report.report.summary, false)) },
    { name: 'trivy_role_rbacassessments', help: 'Number of rbac risky role assessment checks', samples: source.rbac.flatMap((report) => bySeverity(resourceLabels(report), report.report.summary, false)) },
    { name: 'idp_trivy_image_coverage', help: 'What a scan looked at: packages, image-version, unknown-version or unknown-image.', samples: source.vulnerability.map((report) => [{ ...resourceLabels(report), container_name: containerOf(report), coverage: report.metadata.annotations?.[coverageAnnotation] ?? '' }, 1] as const) },
    { name: 'idp_trivy_database_advisories', help: 'Advisories in the vulnerability database by source.', samples: [...database.sources].map(([name, count]) => [{ source: name }, count] as const) },
    { name: 'idp_trivy_database_age_seconds', help: 'Seconds since the newest change of an advisory.', samples: [[{}, Math.round((source.now - database.updated) / 1000)]] },
    { name: 'idp_trivy_scans_total', help: 'Images looked up since the operator started.', type: 'counter', samples: [[{}, source.scans]] },
  ]
  return families.filter(({ samples }) => samples.length > 0).map(({ name, help, type = 'gauge', samples }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map(([labels, value]) => `${name}${braced(labels)} ${value}\n`).join('')}`).join('')
}

function braced(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const containerOf = ({ metadata }: Report): string => metadata.labels?.['trivy-operator.container.name'] ?? ''

function resourceLabels({ metadata }: Report): Record<string, string> {
  return { name: metadata.name ?? '', namespace: metadata.namespace ?? '', resource_kind: metadata.labels?.['trivy-operator.resource.kind'] ?? '', resource_name: metadata.labels?.['trivy-operator.resource.name'] ?? metadata.annotations?.['trivy-operator.resource.name'] ?? '' }
}

function imageLabels(report: Report): Record<string, string> {
  const { registry, artifact } = report.report
  return { ...resourceLabels(report), container_name: containerOf(report), image_registry: registry?.server ?? '', image_repository: artifact?.repository ?? '', image_tag: artifact?.tag ?? '', image_digest: artifact?.digest ?? '' }
}

function bySeverity(labels: Readonly<Record<string, string>>, summary: Summary, unknown: boolean): Sample[] {
  const counts: [string, number][] = [['Critical', summary.criticalCount], ['High', summary.highCount], ['Medium', summary.mediumCount], ['Low', summary.lowCount], ...unknown ? [['Unknown', summary.unknownCount ?? 0] as [string, number]] : []]
  return counts.map(([severity, count]) => [{ ...labels, severity }, count])
}

function byId(report: Report): Sample[] {
  const text = (value: unknown): string => String(value ?? '')
  return (report.report.vulnerabilities ?? []).map((one) => [{ ...imageLabels(report), vuln_id: text(one['vulnerabilityID']), severity: text(one['severity']), resource: text(one['resource']), installed_version: text(one['installedVersion']), fixed_version: text(one['fixedVersion']) }, 1])
}
