import { parseApiVersion } from '@idp/api'
import type { AnyObject, KubeObject } from '@idp/formats'

/** `application.resourceTrackingMethod` of argocd-cm; `annotation` is the default since version 3. */
export type TrackingMethod = 'annotation' | 'annotation+label' | 'label'

export const trackingAnnotation = 'argocd.argoproj.io/tracking-id'
export const defaultInstanceLabel = 'app.kubernetes.io/instance'

export interface Tracking { readonly method: TrackingMethod; readonly label: string; readonly installationId?: string }

/** `<application>:<group>/<kind>:<namespace>/<name>`. */
export function trackingId(application: string, object: KubeObject): string {
  const { group } = parseApiVersion(object.apiVersion)
  return `${application}:${group}/${object.kind}:${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`
}

/** A copy of `object` that says which application it belongs to. */
export function withTracking(object: AnyObject, application: string, { method, label }: Tracking): AnyObject {
  const { metadata } = object
  const annotations = method === 'label' ? metadata.annotations : { ...metadata.annotations, [trackingAnnotation]: trackingId(application, object) }
  const labels = method === 'annotation' ? metadata.labels : { ...metadata.labels, [label]: application.slice(0, 63) }
  return { ...object, metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }), ...(labels === undefined ? {} : { labels }) } }
}

/**
 * The application that a live object says it belongs to. A tracking id that names another object is a copy
 * (an operator that copies annotations to what it creates) and does not count.
 */
export function trackedBy(object: KubeObject, { method, label }: Tracking): string | undefined {
  if (method === 'label') return object.metadata.labels?.[label]
  const id = object.metadata.annotations?.[trackingAnnotation]
  if (id === undefined) return undefined
  const application = id.slice(0, id.indexOf(':'))
  return id === trackingId(application, object) || isOtherNamespaceForm(id, application, object) ? application : undefined
}

/** Rendered without namespace, applied into one: upstream accepts an empty namespace for cluster-scoped kinds only, tools write both. */
function isOtherNamespaceForm(id: string, application: string, object: KubeObject): boolean {
  const { namespace: _dropped, ...metadata } = object.metadata
  return id === trackingId(application, { ...object, metadata })
}
