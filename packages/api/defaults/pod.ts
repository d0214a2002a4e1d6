import type { JsonObject } from '@idp/formats'
import { child, ensure, fill, items } from './fields.ts'

/** `Always` for an image without tag and digest or with tag `latest`, else `IfNotPresent`. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const name = image.slice(image.lastIndexOf('/') + 1)
  const digest = name.includes('@')
  const tag = name.split('@')[0]?.split(':')[1]
  return tag === 'latest' || (tag === undefined && !digest) ? 'Always' : 'IfNotPresent'
}

function defaultHandler(handler: JsonObject | undefined): void {
  const http = child(handler, 'httpGet')
  if (http) {
    if (http.path === undefined || http.path === '') http.path = '/'
    fill(http, 'scheme', 'HTTP')
  }
  const grpc = child(handler, 'grpc')
  if (grpc) fill(grpc, 'service', '')
}

const probeFields = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }

function defaultProbe(probe: JsonObject | undefined): void {
  if (!probe) return
  for (const [name, value] of Object.entries(probeFields)) if (probe[name] === undefined || probe[name] === 0) probe[name] = value
  defaultHandler(probe)
}

function defaultContainer(container: JsonObject): void {
  if (container.imagePullPolicy === undefined || container.imagePullPolicy === '') container.imagePullPolicy = defaultPullPolicy(String(container.image ?? ''))
  fill(container, 'terminationMessagePath', '/dev/termination-log')
  fill(container, 'terminationMessagePolicy', 'File')
  for (const port of items(container, 'ports')) fill(port, 'protocol', 'TCP')
  for (const variable of items(container, 'env')) defaultFieldRef(child(variable, 'valueFrom'))
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(child(container, probe))
  defaultHandler(child(container, 'lifecycle', 'postStart'))
  defaultHandler(child(container, 'lifecycle', 'preStop'))
}

function defaultFieldRef(source: JsonObject | undefined): void {
  const field = child(source, 'fieldRef')
  if (field) fill(field, 'apiVersion', 'v1')
  const resource = child(source, 'resourceFieldRef')
  if (resource) fill(resource, 'divisor', '0')
}

function defaultVolume(volume: JsonObject): void {
  if (Object.keys(volume).every((name) => name === 'name')) volume.emptyDir = {}
  for (const name of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const source = child(volume, name)
    if (source) fill(source, 'defaultMode', 420)
  }
  for (const item of items(child(volume, 'downwardAPI'), 'items')) defaultFieldRef(item)
  for (const source of items(child(volume, 'projected'), 'sources')) {
    const token = child(source, 'serviceAccountToken')
    if (token) fill(token, 'expirationSeconds', 3600)
    for (const item of items(child(source, 'downwardAPI'), 'items')) defaultFieldRef(item)
  }
  const image = child(volume, 'image')
  if (image) fill(image, 'pullPolicy', defaultPullPolicy(String(image.reference ?? '')))
  const hostPath = child(volume, 'hostPath')
  if (hostPath) fill(hostPath, 'type', '')
  const claim = child(volume, 'ephemeral', 'volumeClaimTemplate')
  if (claim) fill(ensure(claim, 'spec'), 'volumeMode', 'Filesystem')
}

/** The defaults of a pod template's spec. */
export function defaultPodSpec(spec: JsonObject): void {
  fill(spec, 'dnsPolicy', 'ClusterFirst')
  fill(spec, 'restartPolicy', 'Always')
  fill(spec, 'securityContext', {})
  fill(spec, 'terminationGracePeriodSeconds', 30)
  fill(spec, 'schedulerName', 'default-scheduler')
  if (spec.serviceAccountName === undefined && typeof spec.serviceAccount === 'string' && spec.serviceAccount !== '') spec.serviceAccountName = spec.serviceAccount
  if (spec.serviceAccountName !== undefined && spec.serviceAccountName !== '') spec.serviceAccount = spec.serviceAccountName
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) for (const container of items(spec, list)) defaultContainer(container)
  for (const volume of items(spec, 'volumes')) defaultVolume(volume)
}

/** The defaults of a pod itself: those of a template, host ports on the host's network, and requests taken from limits. */
export function defaultPod(pod: JsonObject): void {
  const spec = ensure(pod, 'spec')
  fill(spec, 'enableServiceLinks', true)
  defaultPodSpec(spec)
  for (const list of ['containers', 'initContainers']) {
    for (const container of items(spec, list)) {
      if (spec.hostNetwork === true) for (const port of items(container, 'ports')) if (port.hostPort === undefined || port.hostPort === 0) port.hostPort = port.containerPort ?? 0
      const limits = child(container, 'resources', 'limits')
      if (!limits) continue
      const requests = ensure(ensure(container, 'resources'), 'requests')
      for (const name in limits) fill(requests, name, limits[name] ?? '0')
    }
  }
}
