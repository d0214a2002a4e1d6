import type { KubeObject } from '@idp/formats'
import { gvkText, type Gvk } from '../schema/built-in.ts'
import {
  admissionPolicyBindingColumns, admissionPolicyColumns, apiServiceColumns, bindingColumns, configMapColumns, eventColumns, flowSchemaColumns, leaseColumns, namespaceColumns,
  newEventColumns, nodeColumns, priorityClassColumns, priorityLevelColumns, quotaColumns, runtimeClassColumns, secretColumns, serviceAccountColumns, signingRequestColumns, webhookColumns,
} from './cluster.ts'
import { ageColumn, type Cell, createdAtColumn, nameColumn, type PrinterColumn } from './column.ts'
import { endpointsColumns, endpointSliceColumns, ingressClassColumns, ingressColumns, ipAddressColumns, networkPolicyColumns, serviceCidrColumns, serviceColumns } from './network.ts'
import { podColumns, podTemplateColumns } from './pod.ts'
import { claimColumns, csiDriverColumns, csiNodeColumns, csiStorageCapacityColumns, persistentVolumeColumns, storageClassColumns, volumeAttachmentColumns, volumeAttributesClassColumns } from './storage.ts'
import {
  autoscalerColumns, controllerRevisionColumns, cronJobColumns, daemonSetColumns, deploymentColumns, disruptionBudgetColumns, jobColumns, replicaSetColumns, replicationControllerColumns, statefulSetColumns,
} from './workloads.ts'

const createdAt = [nameColumn, createdAtColumn]
const byKind: Readonly<Record<string, readonly PrinterColumn<never>[]>> = {
  'v1/Pod': podColumns, 'v1/PodTemplate': podTemplateColumns, 'v1/ReplicationController': replicationControllerColumns, 'v1/Service': serviceColumns, 'v1/Endpoints': endpointsColumns,
  'v1/Node': nodeColumns, 'v1/Namespace': namespaceColumns, 'v1/Secret': secretColumns, 'v1/ConfigMap': configMapColumns, 'v1/ServiceAccount': serviceAccountColumns, 'v1/Event': eventColumns,
  'v1/PersistentVolume': persistentVolumeColumns, 'v1/PersistentVolumeClaim': claimColumns, 'v1/ResourceQuota': quotaColumns, 'v1/LimitRange': createdAt,
  'apps/v1/Deployment': deploymentColumns, 'apps/v1/ReplicaSet': replicaSetColumns, 'apps/v1/DaemonSet': daemonSetColumns, 'apps/v1/StatefulSet': statefulSetColumns, 'apps/v1/ControllerRevision': controllerRevisionColumns,
  'batch/v1/Job': jobColumns, 'batch/v1/CronJob': cronJobColumns, 'autoscaling/v2/HorizontalPodAutoscaler': autoscalerColumns, 'policy/v1/PodDisruptionBudget': disruptionBudgetColumns,
  'events.k8s.io/v1/Event': newEventColumns, 'discovery.k8s.io/v1/EndpointSlice': endpointSliceColumns,
  'networking.k8s.io/v1/Ingress': ingressColumns, 'networking.k8s.io/v1/IngressClass': ingressClassColumns, 'networking.k8s.io/v1/NetworkPolicy': networkPolicyColumns,
  'networking.k8s.io/v1/IPAddress': ipAddressColumns, 'networking.k8s.io/v1/ServiceCIDR': serviceCidrColumns,
  'rbac.authorization.k8s.io/v1/Role': createdAt, 'rbac.authorization.k8s.io/v1/ClusterRole': createdAt, 'rbac.authorization.k8s.io/v1/RoleBinding': bindingColumns, 'rbac.authorization.k8s.io/v1/ClusterRoleBinding': bindingColumns,
  'storage.k8s.io/v1/StorageClass': storageClassColumns, 'storage.k8s.io/v1/VolumeAttachment': volumeAttachmentColumns, 'storage.k8s.io/v1/VolumeAttributesClass': volumeAttributesClassColumns,
  'storage.k8s.io/v1/CSIDriver': csiDriverColumns, 'storage.k8s.io/v1/CSINode': csiNodeColumns, 'storage.k8s.io/v1/CSIStorageCapacity': csiStorageCapacityColumns,
  'coordination.k8s.io/v1/Lease': leaseColumns, 'scheduling.k8s.io/v1/PriorityClass': priorityClassColumns, 'node.k8s.io/v1/RuntimeClass': runtimeClassColumns, 'certificates.k8s.io/v1/CertificateSigningRequest': signingRequestColumns,
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': webhookColumns, 'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': webhookColumns,
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': admissionPolicyColumns, 'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': admissionPolicyBindingColumns,
  'flowcontrol.apiserver.k8s.io/v1/FlowSchema': flowSchemaColumns, 'flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration': priorityLevelColumns,
  'apiextensions.k8s.io/v1/CustomResourceDefinition': createdAt, 'apiregistration.k8s.io/v1/APIService': apiServiceColumns,
}

/** The columns `kubectl get` shows of a built-in kind, those of `-o wide` with a priority; name and age for kinds without their own. */
export function columnsFor(gvk: Gvk): readonly PrinterColumn[] {
  // Each list is only ever applied to objects of its own kind.
  return (byKind[gvkText(gvk)] as readonly PrinterColumn[] | undefined) ?? [nameColumn, ageColumn]
}

/** The cells of one row. A cell is null when the object lacks a required part that the cell shows. */
export function rowCells(columns: readonly PrinterColumn[], object: KubeObject, now: number): Cell[] {
  return columns.map((column) => {
    try {
      return column.cell(object, now)
    } catch (error) {
      // The types promise required fields; objects stored before a field was required do not have them, and a list must still print.
      if (error instanceof TypeError) return null
      throw error
    }
  })
}
