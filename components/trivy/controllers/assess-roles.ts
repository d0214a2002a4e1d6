import { apiVersionOf, ClusterRole, Role, type Kind } from '@idp/api'
import { Waiting, type Controller } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { assessRole, type PolicyRule } from '../engine/rbac-assessment.ts'
import { checkReport, configHashLabel, hashOf, reportName, specHashLabel, type Stamp, type Workload } from '../engine/report.ts'
import { ClusterRbacAssessmentReport, RbacAssessmentReport, type Report } from '../kinds/reports.ts'
import { scansNamespace } from '../programs/settings.ts'
import type { ScanOptions } from './scan-workloads.ts'
import { writeReport } from './write-report.ts'

type AnyRole = KubeObject & { readonly rules?: readonly PolicyRule[] }

/** Keeps a report about each Role and ClusterRole. */
export function assessRoles(options: Pick<ScanOptions, 'settings' | 'version' | 'notBefore'>): Controller<AnyRole>[] {
  return [assess(Role as unknown as Kind<AnyRole>, RbacAssessmentReport, options), assess(ClusterRole as unknown as Kind<AnyRole>, ClusterRbacAssessmentReport, options)]
}

function assess(roles: Kind<AnyRole>, kind: Kind<Report>, { settings, version, notBefore }: Pick<ScanOptions, 'settings' | 'version' | 'notBefore'>): Controller<AnyRole> {
  return {
    name: `${roles.singular}-assessment`, for: roles, reads: [kind],
    concerns: (before, after) => hashOf(before?.rules) !== hashOf(after.rules) || before === undefined,
    async reconcile({ metadata: { name = '', namespace, uid = '' }, rules = [] }, { cache, client, clock }) {
      if (namespace !== undefined && !scansNamespace(settings, namespace)) return
      if (clock.now() < notBefore) throw new Waiting('the cluster is busy starting', notBefore - clock.now())
      const workload: Workload = { apiVersion: apiVersionOf(roles), kind: roles.kind, name, uid, ...(namespace === undefined ? {} : { namespace }) }
      const stamp: Stamp = { now: clock.now(), ttl: settings.ttl, specHash: hashOf(rules), configHash: hashOf(version) }
      const held = cache(kind).get(reportName(workload), namespace)
      if (held?.metadata.labels?.[specHashLabel] === stamp.specHash && held.metadata.labels[configHashLabel] === stamp.configHash) return
      await writeReport(client, kind, checkReport({ kind, workload, stamp, version }, assessRole(roles.kind, name, rules)), held)
    },
  }
}
