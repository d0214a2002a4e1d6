import { isDeepStrictEqual } from 'node:util'
import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { Json, JsonObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { autogenConfigs } from '../engine/cel/autogen-cel.ts'
import { compileCelPolicy } from '../engine/cel/compile-policy.ts'
import { celFamily, celPolicyKinds, type CelPolicy } from '../kinds/cel-policy.ts'

/** Writes into the status of every policy whether it is in force, and what is derived from it for pod controllers, where it does not say so yet. */
export async function markCelPolicies(client: Client, policies: readonly CelPolicy[], now: number): Promise<void> {
  for (const policy of policies) {
    const kind = celPolicyKinds.find((one) => one.kind === policy.kind)
    if (kind === undefined) continue
    const status = statusOf(policy, now)
    const changed = Object.entries(status).filter(([name, value]) => !isDeepStrictEqual(policy.status?.[name], value))
    if (changed.length === 0) continue
    const patch: JsonObject[] = policy.status === undefined ? [{ op: 'add', path: '/status', value: status }] : changed.map(([name, value = null]) => ({ op: 'add', path: `/status/${name}`, value }))
    await client.patch(kind, policy.metadata.name ?? '', patch, { namespace: policy.metadata.namespace, type: 'json', subresource: 'status', fieldManager: 'kyverno' }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
  }
}

function statusOf(policy: CelPolicy, now: number): JsonObject {
  const problem = problemOf(policy)
  const before = policy.status?.conditionStatus?.conditions ?? []
  const condition = (type: string, failure: string | undefined, success: string): JsonObject => {
    const said = { type, status: failure === undefined ? 'True' : 'False', reason: failure === undefined ? 'Succeeded' : 'Failed', message: failure ?? success }
    const last = before.find((one) => one['type'] === type)
    return last?.['status'] === said.status ? { ...said, lastTransitionTime: last['lastTransitionTime'] ?? rfc3339(now) } : { ...said, lastTransitionTime: rfc3339(now) }
  }
  const family = celFamily(policy)
  const { evaluation } = policy.spec
  const conditions = [
    ...(family === 'Deleting' || evaluation?.admission?.enabled === false ? [condition('PolicyCached', problem, 'Policy compiled.')] : [condition('WebhookConfigured', problem, 'Webhook configured.')]),
    // The role in the chart lets the reports controller read everything.
    ...(family === 'Deleting' ? [] : [condition('RBACPermissionsGranted', undefined, evaluation?.background?.enabled === false ? 'Background scanning disabled; reporting permissions not required.' : 'Policy is ready for reporting.')]),
  ]
  const configs = problem === undefined && family !== undefined ? autogenConfigs(policy.spec, family) : {}
  return { conditionStatus: { ready: problem === undefined, conditions: conditions as Json[] }, ...(Object.keys(configs).length > 0 || policy.status?.['autogen'] !== undefined ? { autogen: Object.keys(configs).length > 0 ? { configs: configs as unknown as Json } : {} } : {}) }
}

/** Why a policy does not compile; undefined when it does. */
export function problemOf(policy: CelPolicy): string | undefined {
  try {
    compileCelPolicy(policy)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
