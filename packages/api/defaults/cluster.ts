import type { Json, JsonObject } from '@idp/formats'
import { child, ensure, fill, items } from './fields.ts'

export function defaultNamespace(object: JsonObject): void {
  const meta = ensure(object, 'metadata')
  if (typeof meta.name === 'string' && meta.name !== '') ensure(meta, 'labels')['kubernetes.io/metadata.name'] = meta.name
  fill(ensure(object, 'status'), 'phase', 'Active')
}

export function defaultNode(object: JsonObject): void {
  const status = ensure(object, 'status')
  const capacity = child(status, 'capacity')
  if (capacity) fill(status, 'allocatable', { ...capacity })
}

export function defaultSecret(object: JsonObject): void {
  if (object.type === undefined || object.type === '') object.type = 'Opaque'
}

export function defaultPersistentVolume(object: JsonObject): void {
  fill(ensure(object, 'status'), 'phase', 'Pending')
  const spec = ensure(object, 'spec')
  fill(spec, 'persistentVolumeReclaimPolicy', 'Retain')
  fill(spec, 'volumeMode', 'Filesystem')
  const hostPath = child(spec, 'hostPath')
  if (hostPath) fill(hostPath, 'type', '')
}

export function defaultStorageClass(object: JsonObject): void {
  fill(object, 'reclaimPolicy', 'Delete')
  fill(object, 'volumeBindingMode', 'Immediate')
}

const driver: JsonObject = { attachRequired: true, podInfoOnMount: false, storageCapacity: false, fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Persistent'], requiresRepublish: false, seLinuxMount: false }

export function defaultCsiDriver(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  for (const name in driver) fill(spec, name, structuredClone(driver[name] ?? null))
}

export function defaultEndpoints(object: JsonObject): void {
  for (const subset of items(object, 'subsets')) for (const port of items(subset, 'ports')) fill(port, 'protocol', 'TCP')
}

export function defaultEndpointSlice(object: JsonObject): void {
  for (const port of items(object, 'ports')) {
    fill(port, 'name', '')
    fill(port, 'protocol', 'TCP')
  }
}

export function defaultLimitRange(object: JsonObject): void {
  for (const limit of items(child(object, 'spec'), 'limits')) {
    if (limit.type !== 'Container') continue
    const copy = (from: string, to: string) => {
      const source = child(limit, from)
      if (source) for (const name in source) fill(ensure(limit, to), name, source[name] ?? '0')
    }
    copy('max', 'default')
    copy('default', 'defaultRequest')
    copy('min', 'defaultRequest')
  }
}

export function defaultPriorityClass(object: JsonObject): void {
  fill(object, 'preemptionPolicy', 'PreemptLowerPriority')
}

export function defaultIngressClass(object: JsonObject): void {
  const parameters = child(object, 'spec', 'parameters')
  if (parameters) fill(parameters, 'scope', 'Cluster')
}

export function defaultTokenRequest(object: JsonObject): void {
  fill(ensure(object, 'spec'), 'expirationSeconds', 3600)
}

export function defaultFlowSchema(object: JsonObject): void {
  fill(ensure(object, 'spec'), 'matchingPrecedence', 1000)
}

const scaleUp: Json[] = [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }]
const scaleDown: Json[] = [{ type: 'Percent', value: 100, periodSeconds: 15 }]

export function defaultAutoscalerV1(object: JsonObject): void {
  fill(ensure(object, 'spec'), 'minReplicas', 1)
}

export function defaultAutoscaler(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'minReplicas', 1)
  if (items(spec, 'metrics').length === 0) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }]
  const behavior = child(spec, 'behavior')
  if (!behavior) return
  const up = ensure(behavior, 'scaleUp')
  fill(up, 'stabilizationWindowSeconds', 0)
  fill(up, 'selectPolicy', 'Max')
  fill(up, 'policies', structuredClone(scaleUp))
  const down = ensure(behavior, 'scaleDown')
  fill(down, 'selectPolicy', 'Max')
  fill(down, 'policies', structuredClone(scaleDown))
}
