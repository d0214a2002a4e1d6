import type { Kind } from '@idp/api'
import { metadataOnly } from '@idp/controller'
import type { AnyObject, KubeObject } from '@idp/formats'

/**
 * What the controllers keep of an object. ConfigMaps and Secrets are only counted, but for the published CA and for token Secrets:
 * what is in the others is nobody's business here, and there is much of it.
 */
export function trimCached(kind: Kind, object: KubeObject): KubeObject {
  if (kind.group !== '') return object
  if (kind.plural === 'configmaps') return object.metadata.name === 'kube-root-ca.crt' ? object : metadataOnly(object)
  if (kind.plural === 'secrets') return (object as AnyObject)['type'] === 'kubernetes.io/service-account-token' ? object : metadataOnly(object)
  return object
}
