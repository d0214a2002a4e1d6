import type { AnyObject, KubeObject } from '@idp/formats'

/** What an object still lacks, in words; undefined when it is ready. Follows the rules of kstatus (SIG CLI), by kind. */
export type Readiness = (object: KubeObject) => string | undefined

interface Fields { [field: string]: unknown }
interface Condition { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }

const part = (object: KubeObject, name: 'spec' | 'status'): Fields => ((object as AnyObject)[name] ?? {}) as Fields
const count = (value: unknown, otherwise = 0): number => (typeof value === 'number' ? value : otherwise)
const conditions = (object: KubeObject): readonly Condition[] => (part(object, 'status')['conditions'] ?? []) as Condition[]

/** Ready when condition `type` is True; otherwise says what the condition says. */
const needs = (type: string): Readiness => (object) => {
  const found = conditions(object).find((c) => c.type === type)
  if (found?.status === 'True') return undefined
  return found === undefined ? `no condition ${type} yet` : `${type} is ${found.status}${found.reason === undefined ? '' : ` (${found.reason})`}${found.message ? `: ${found.message}` : ''}`
}

const observed = (then: Readiness): Readiness => (object) =>
  count(part(object, 'status')['observedGeneration']) < count(object.metadata.generation) ? 'its controller has not seen this generation yet' : then(object)

/** `replicas` of `wanted` per field of status, in the order upstream's rollout goes. */
const replicas = (fields: readonly (readonly [field: string, what: string])[], wantedOf: (object: KubeObject) => number): Readiness => observed((object) => {
  const wanted = wantedOf(object)
  const lacking = fields.find(([field]) => count(part(object, 'status')[field]) < wanted)
  return lacking === undefined ? undefined : `${count(part(object, 'status')[lacking[0]])} of ${wanted} pods ${lacking[1]}`
})

const specReplicas = (object: KubeObject): number => count(part(object, 'spec')['replicas'], 1)

const byKind: Readonly<Record<string, Readiness>> = {
  'apps/Deployment': replicas([['updatedReplicas', 'updated'], ['availableReplicas', 'available']], specReplicas),
  'apps/StatefulSet': replicas([['updatedReplicas', 'updated'], ['readyReplicas', 'ready']], specReplicas),
  'apps/DaemonSet': observed((object) => {
    const status = part(object, 'status')
    const wanted = count(status['desiredNumberScheduled'])
    const ready = count(status['numberReady'])
    return ready >= wanted && count(status['updatedNumberScheduled']) >= wanted ? undefined : `${ready} of ${wanted} pods ready`
  }),
  'batch/Job': needs('Complete'),
  'apiextensions.k8s.io/CustomResourceDefinition': needs('Established'),
  'apiregistration.k8s.io/APIService': needs('Available'),
  'cert-manager.io/Certificate': needs('Ready'),
  'cert-manager.io/ClusterIssuer': needs('Ready'),
  'cert-manager.io/Issuer': needs('Ready'),
  'external-secrets.io/SecretStore': needs('Ready'),
  'external-secrets.io/ClusterSecretStore': needs('Ready'),
  'external-secrets.io/ExternalSecret': needs('Ready'),
  'gateway.networking.k8s.io/GatewayClass': needs('Accepted'),
  'gateway.networking.k8s.io/Gateway': (object) => needs('Programmed')(object) ?? listenerLacks(object),
}

/** A listener whose certificate is not there yet takes no connection, though the Gateway is programmed. */
function listenerLacks(object: KubeObject): string | undefined {
  const listeners = (part(object, 'status')['listeners'] ?? []) as { name: string; conditions?: readonly Condition[] }[]
  const refused = listeners.flatMap(({ name, conditions: all = [] }) => all.filter((c) => c.type === 'ResolvedRefs' && c.status !== 'True').map((c) => `listener ${name}: ${c.reason ?? ''}: ${c.message ?? ''}`))
  return refused[0]
}

const groupKind = (object: KubeObject): string => `${object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''}/${object.kind}`

/** True for kinds whose readiness is more than their existence. */
export function hasReadiness(object: KubeObject): boolean {
  return groupKind(object) in byKind
}

/** What `object` (as it is live) still lacks; undefined when it is ready. */
export const readiness: Readiness = (object) => byKind[groupKind(object)]?.(object)
