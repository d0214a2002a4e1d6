import type { JsonObject, KubeObject } from '@idp/formats'
import { gvkText, type Gvk } from '../schema/built-in.ts'
import {
  defaultAutoscaler, defaultAutoscalerV1, defaultCsiDriver, defaultEndpointSlice, defaultEndpoints, defaultFlowSchema, defaultIngressClass, defaultLimitRange,
  defaultNamespace, defaultNode, defaultPersistentVolume, defaultPriorityClass, defaultSecret, defaultStorageClass, defaultTokenRequest,
} from './cluster.ts'
import { ensure } from './fields.ts'
import { defaultPod, defaultPodSpec } from './pod.ts'
import {
  defaultAdmissionPolicy, defaultAdmissionPolicyBinding, defaultApiService, defaultBinding, defaultCustomResourceDefinition, defaultMutatingWebhooks,
  defaultNetworkPolicy, defaultValidatingWebhooks,
} from './policy.ts'
import { defaultService } from './service.ts'
import {
  defaultClaim, defaultCronJob, defaultDaemonSet, defaultDeployment, defaultJob, defaultReplicaSet, defaultReplicationController, defaultStatefulSet,
} from './workloads.ts'

const defaulters: Readonly<Record<string, (object: JsonObject) => void>> = {
  'v1/Pod': defaultPod, 'v1/PodTemplate': (object) => defaultPodSpec(ensure(ensure(object, 'template'), 'spec')), 'v1/ReplicationController': defaultReplicationController,
  'v1/Service': defaultService, 'v1/Namespace': defaultNamespace, 'v1/Node': defaultNode, 'v1/Secret': defaultSecret, 'v1/PersistentVolume': defaultPersistentVolume,
  'v1/PersistentVolumeClaim': defaultClaim, 'v1/Endpoints': defaultEndpoints, 'v1/LimitRange': defaultLimitRange,
  'apps/v1/Deployment': defaultDeployment, 'apps/v1/ReplicaSet': defaultReplicaSet, 'apps/v1/DaemonSet': defaultDaemonSet, 'apps/v1/StatefulSet': defaultStatefulSet,
  'batch/v1/Job': defaultJob, 'batch/v1/CronJob': defaultCronJob,
  'autoscaling/v1/HorizontalPodAutoscaler': defaultAutoscalerV1, 'autoscaling/v2/HorizontalPodAutoscaler': defaultAutoscaler,
  'discovery.k8s.io/v1/EndpointSlice': defaultEndpointSlice, 'networking.k8s.io/v1/NetworkPolicy': defaultNetworkPolicy, 'networking.k8s.io/v1/IngressClass': defaultIngressClass,
  'rbac.authorization.k8s.io/v1/RoleBinding': defaultBinding, 'rbac.authorization.k8s.io/v1/ClusterRoleBinding': defaultBinding,
  'storage.k8s.io/v1/StorageClass': defaultStorageClass, 'storage.k8s.io/v1/CSIDriver': defaultCsiDriver, 'scheduling.k8s.io/v1/PriorityClass': defaultPriorityClass,
  'authentication.k8s.io/v1/TokenRequest': defaultTokenRequest, 'flowcontrol.apiserver.k8s.io/v1/FlowSchema': defaultFlowSchema,
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': defaultValidatingWebhooks, 'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': defaultMutatingWebhooks,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': defaultAdmissionPolicy, 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': defaultAdmissionPolicyBinding,
  'apiextensions.k8s.io/v1/CustomResourceDefinition': defaultCustomResourceDefinition, 'apiregistration.k8s.io/v1/APIService': defaultApiService,
}

/** Fills in what the API server fills in for a built-in kind, in place; safe to repeat. Expects an object that `decodeBuiltIn` has read. */
export function applyBuiltInDefaults(gvk: Gvk, object: KubeObject | JsonObject): void {
  defaulters[gvkText(gvk)]?.(object as unknown as JsonObject)
}
