import { parseApiVersion } from '@idp/api'
import type { AnyObject, KubeObject } from '@idp/formats'

/** `application.resourceTrackingMethod` of argocd-cm; `annotation` is the default since version 3. */
export type TrackingMethod = 'annotation' | 'annotation+label' | 'label'

export const trackingAnnotation = 'argocd.argoproj.io/tracking-id'
export const defaultInstanceLabel = 'app.kubernetes.io/instance'

export interface Tracking { readonly method: TrackingMethod; readonly label: string; readonly installationId?: string }

const isDefinition = ({ kind, apiVersion }: KubeObject): boolean => kind === 'CustomResourceDefinition' && apiVersion.startsWith('apiextensions.k8s.io/')

/** `<application>:<group>/<kind>:<namespace>/<name>`; of what has no namespace, that of the application's destination. */
export function trackingId(application: string, object: KubeObject, destination = ''): string {
  const { group } = parseApiVersion(object.apiVersion)
  return `${application}:${group}/${object.kind}:${object.metadata.namespace ?? destination}/${object.metadata.name ?? ''}`
}

/**
 * A copy of `object` that says which application it belongs to. Definitions of custom resources are left as they are, as upstream's repo
 * server leaves them: they are never pruned, since all their objects would go with them.
 */
export function withTracking(object: AnyObject, application: string, { method, label }: Tracking, destination?: string): AnyObject {
  if (isDefinition(object)) return object
  const { metadata } = object
  const annotations = method === 'label' ? metadata.annotations : { ...metadata.annotations, [trackingAnnotation]: trackingId(application, object, destination) }
  const labels = method === 'annotation' ? metadata.labels : { ...metadata.labels, [label]: application.slice(0, 63) }
  return { ...object, metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }), ...(labels === undefined ? {} : { labels }) } }
}

/**
 * The application that a live object says it belongs to. A tracking id that names another object is a copy
 * (an operator that copies annotations to what it creates) and does not count; where there is no namespace, any is right.
 */
export function trackedBy(object: KubeObject, { method, label }: Tracking): string | undefined {
  if (isDefinition(object)) return undefined
  if (method === 'label') return object.metadata.labels?.[label]
  const id = object.metadata.annotations?.[trackingAnnotation]
  const [, application, group, kind, namespace, name] = /^([^:]*):([^/:]*)\/([^:]*):([^/]*)\/([^/]*)$/.exec(id ?? '') ?? []
  if (application === undefined) return undefined
  const { metadata } = object
  const isItself = group === parseApiVersion(object.apiVersion).group && kind === object.kind && name === metadata.name && (metadata.namespace === undefined || metadata.namespace === namespace)
  return isItself ? application : undefined
}
