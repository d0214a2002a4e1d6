import { defineKind, type Kind } from '@idp/api'
import type { JsonObject, KubeObject } from '@idp/formats'
import type { Condition, Conditions, ContextEntry, MatchBlock } from './policy.ts'

/** CleanupPolicy and ClusterCleanupPolicy (kyverno.io): what is deleted when. */
export interface CleanupPolicyObject extends KubeObject {
  readonly spec: {
    /** Cron's five fields, UTC. */
    readonly schedule: string
    readonly match: MatchBlock
    readonly exclude?: MatchBlock
    readonly conditions?: Conditions | readonly Condition[]
    readonly context?: readonly ContextEntry[]
    readonly deletionPropagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  }
  readonly status?: { readonly lastExecutionTime?: string; readonly conditions?: readonly JsonObject[] }
}

export const CleanupPolicy: Kind<CleanupPolicyObject> = defineKind({ group: 'kyverno.io', version: 'v2', kind: 'CleanupPolicy', plural: 'cleanuppolicies', scope: 'Namespaced', shortNames: ['cleanpol'], subresources: ['status'] })
export const ClusterCleanupPolicy: Kind<CleanupPolicyObject> = defineKind({ group: 'kyverno.io', version: 'v2', kind: 'ClusterCleanupPolicy', plural: 'clustercleanuppolicies', scope: 'Cluster', shortNames: ['ccleanpol'], subresources: ['status'] })
