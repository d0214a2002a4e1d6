import { defineKind, type Kind } from '@idp/api'
import type { JsonObject, KubeObject } from '@idp/formats'

/** Counts by severity; `none` only in reports about vulnerabilities. */
export interface Summary { readonly criticalCount: number; readonly highCount: number; readonly mediumCount: number; readonly lowCount: number; readonly unknownCount?: number; readonly noneCount?: number }

/** What every report says beside its findings. */
export interface ReportBody {
  readonly updateTimestamp: string
  readonly scanner: { readonly name: string; readonly vendor: string; readonly version: string }
  readonly summary: Summary
  readonly registry?: { readonly server: string }
  readonly artifact?: { readonly repository: string; readonly tag?: string; readonly digest?: string }
  readonly os?: { readonly family: string; readonly name: string; readonly eosl?: true }
  readonly vulnerabilities?: readonly JsonObject[]
  readonly checks?: readonly JsonObject[]
  readonly secrets?: readonly JsonObject[]
  readonly components?: JsonObject
}

/** A report of the operator (aquasecurity.github.io/v1alpha1). */
export interface Report extends KubeObject { readonly report: ReportBody }

const reportKind = (kind: string, scope: Kind['scope'] = 'Namespaced', shortNames: readonly string[] = []): Kind<Report> => defineKind<Report>({ group: 'aquasecurity.github.io', version: 'v1alpha1', kind, plural: `${kind.toLowerCase()}s`, scope, shortNames })

export const VulnerabilityReport = reportKind('VulnerabilityReport', 'Namespaced', ['vuln', 'vulns'])
export const ConfigAuditReport = reportKind('ConfigAuditReport', 'Namespaced', ['configaudit'])
export const ExposedSecretReport = reportKind('ExposedSecretReport', 'Namespaced', ['exposedsecret'])
export const SbomReport = reportKind('SbomReport', 'Namespaced', ['sbom'])
export const RbacAssessmentReport = reportKind('RbacAssessmentReport', 'Namespaced', ['rbacassessment'])
export const ClusterRbacAssessmentReport = reportKind('ClusterRbacAssessmentReport', 'Cluster', ['clusterrbacassessmentreport'])
