import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { defaultClasses } from './default-classes.ts'
import { defaultTolerationSeconds } from './default-tolerations.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { podSecurity } from './pod-security/pod-security.ts'
import { priorityAdmission } from './priority.ts'
import { resourceQuota } from './resource-quota.ts'
import { serviceAccountAdmission } from './service-account.ts'

/** The admission that upstream has on by default, in upstream's order. Quota comes last: it counts what all others let pass. */
export function builtInAdmission(server: Pick<ServerContext, 'storage' | 'registry' | 'random'>): AdmissionPlugin[] {
  return [
    namespaceLifecycle(server), limitRanger(server), serviceAccountAdmission(server), podSecurity(server), priorityAdmission(server),
    defaultTolerationSeconds, defaultClasses(server), resourceQuota(server),
  ]
}
