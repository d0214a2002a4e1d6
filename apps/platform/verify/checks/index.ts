import type { Check } from '../check.ts'
import { certificateChecks } from './certificates.ts'
import { gitopsChecks } from './gitops.ts'
import { observabilityChecks } from './observability.ts'
import { pipelineChecks } from './pipelines.ts'
import { policyChecks } from './policy.ts'
import { routingChecks } from './routing.ts'
import { secretChecks } from './secrets.ts'
import { securityChecks } from './security.ts'
import { workloadChecks } from './workloads.ts'

/** Every check by the name that diagrams call it. */
export const checks: Readonly<Record<string, Check>> = { ...routingChecks, ...gitopsChecks, ...workloadChecks, ...certificateChecks, ...policyChecks, ...secretChecks, ...observabilityChecks, ...securityChecks, ...pipelineChecks }
