import type { JsonObject, KubeObject } from '@idp/formats'
import type { Kind } from '../kind.ts'
import { gvkText } from '../schema/built-in.ts'
import { Checker, child } from './checker.ts'
import {
  checkApiService, checkBinding, checkBindingUpdate, checkClaim, checkClaimUpdate, checkConfigMap, checkDataUpdate, checkPersistentVolume, checkPriorityClass, checkPriorityClassUpdate,
  checkResourceQuota, checkRole, checkSecret, checkStorageClass, checkStorageClassUpdate, checkWebhooks,
} from './cluster.ts'
import { checkCustomResourceDefinition, checkCustomResourceDefinitionUpdate } from './custom-resource-definition.ts'
import type { FieldError } from './field-error.ts'
import { checkMetadata, checkMetadataUpdate } from './metadata.ts'
import { dns1035Label, dns1123Label, dns1123Subdomain, pathSegment } from './names.ts'
import { checkIngress, checkNetworkPolicy, checkService, checkServiceUpdate } from './network.ts'
import { checkPod, checkPodUpdate } from './pod.ts'
import {
  checkAutoscaler, checkCronJob, checkDaemonSet, checkDeployment, checkDisruptionBudget, checkJob, checkJobUpdate, checkReplicaSet, checkReplicationController, checkSelectorUpdate, checkStatefulSet, checkStatefulSetUpdate,
} from './workloads.ts'

/** The rules of one kind. `update` is checked in addition to `object`. */
interface Rules {
  name?: (name: string) => string[]
  object?: (check: Checker, object: JsonObject) => void
  update?: (check: Checker, object: JsonObject, old: JsonObject, subresource?: string) => void
}

const rbac = (object: Rules['object'], update?: Rules['update']): Rules => ({ name: pathSegment, ...(object && { object }), ...(update && { update }) })

const rules: Readonly<Record<string, Rules>> = {
  'v1/Pod': { object: checkPod, update: checkPodUpdate },
  'v1/Service': { name: dns1035Label, object: checkService, update: checkServiceUpdate },
  'v1/Namespace': { name: dns1123Label },
  'v1/ConfigMap': { object: checkConfigMap, update: checkDataUpdate },
  'v1/Secret': { object: checkSecret, update: checkDataUpdate },
  'v1/PersistentVolumeClaim': { object: checkClaim, update: checkClaimUpdate },
  'v1/PersistentVolume': { object: checkPersistentVolume },
  'v1/ResourceQuota': { object: checkResourceQuota },
  'v1/ReplicationController': { object: checkReplicationController },
  'apps/v1/Deployment': { object: checkDeployment, update: checkSelectorUpdate },
  'apps/v1/ReplicaSet': { object: checkReplicaSet, update: checkSelectorUpdate },
  'apps/v1/DaemonSet': { object: checkDaemonSet, update: checkSelectorUpdate },
  'apps/v1/StatefulSet': { object: checkStatefulSet, update: checkStatefulSetUpdate },
  'batch/v1/Job': { object: checkJob, update: checkJobUpdate },
  'batch/v1/CronJob': { object: checkCronJob },
  'autoscaling/v2/HorizontalPodAutoscaler': { object: checkAutoscaler },
  'autoscaling/v1/HorizontalPodAutoscaler': { object: checkAutoscaler },
  'policy/v1/PodDisruptionBudget': { object: checkDisruptionBudget },
  'networking.k8s.io/v1/Ingress': { object: checkIngress },
  'networking.k8s.io/v1/NetworkPolicy': { object: checkNetworkPolicy },
  'rbac.authorization.k8s.io/v1/Role': rbac(checkRole),
  'rbac.authorization.k8s.io/v1/ClusterRole': rbac(checkRole),
  'rbac.authorization.k8s.io/v1/RoleBinding': rbac(checkBinding, checkBindingUpdate),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': rbac(checkBinding, checkBindingUpdate),
  'storage.k8s.io/v1/StorageClass': { object: checkStorageClass, update: checkStorageClassUpdate },
  'scheduling.k8s.io/v1/PriorityClass': { object: checkPriorityClass, update: checkPriorityClassUpdate },
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': { object: checkWebhooks },
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': { object: checkWebhooks },
  'apiextensions.k8s.io/v1/CustomResourceDefinition': { object: checkCustomResourceDefinition, update: checkCustomResourceDefinitionUpdate },
  'apiregistration.k8s.io/v1/APIService': { object: checkApiService },
  'certificates.k8s.io/v1/CertificateSigningRequest': {},
}

type Target = Pick<Kind, 'group' | 'version' | 'kind' | 'scope'>

/**
 * What is wrong with a new object of a built-in or custom kind, after decoding and defaulting. Custom kinds have only their metadata
 * checked here; their schema is `compileSchema`'s.
 */
export function validateCreate(kind: Target, object: KubeObject | JsonObject): FieldError[] {
  const check = new Checker()
  const json = object as unknown as JsonObject
  const own = rules[gvkText(kind)]
  checkMetadata(check, child(json, 'metadata') ?? {}, { namespaced: kind.scope === 'Namespaced', nameCheck: own?.name ?? dns1123Subdomain })
  own?.object?.(check, json)
  return check.errors
}

/** What is wrong with an object that is to replace `old`; `subresource` is the one that is written, e.g. `ephemeralcontainers`. */
export function validateUpdate(kind: Target, object: KubeObject | JsonObject, old: KubeObject | JsonObject, subresource?: string): FieldError[] {
  const check = new Checker()
  const json = object as unknown as JsonObject
  const before = old as unknown as JsonObject
  const own = rules[gvkText(kind)]
  const meta = child(json, 'metadata') ?? {}
  checkMetadata(check, meta, { namespaced: kind.scope === 'Namespaced', nameCheck: () => [] })
  checkMetadataUpdate(check, meta, child(before, 'metadata') ?? {})
  if (subresource !== 'status') own?.object?.(check, json)
  if (subresource !== 'status') own?.update?.(check, json, before, subresource)
  return check.errors
}
