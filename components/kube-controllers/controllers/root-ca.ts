import { ConfigMap, isApiError, Namespace } from '@idp/api'
import { watch, type Controller } from '@idp/controller'
import { deepEqual } from '@idp/formats'

const name = 'kube-root-ca.crt'

/** Publishes the cluster's CA to every namespace, where pods mount it beside their token. @param ca PEM */
export function rootCaPublisher(ca: string): Controller<Namespace> {
  return {
    name: 'root-ca-certificate-publisher-controller',
    for: Namespace, concurrency: 5,
    watches: [watch(ConfigMap, (map) => (map.metadata.name === name ? [{ name: map.metadata.namespace ?? '' }] : []))],
    async reconcile({ metadata, status }, { client, cache }) {
      const namespace = metadata.name ?? ''
      if (status?.phase === 'Terminating' || metadata.deletionTimestamp !== undefined) return
      const wanted: ConfigMap = {
        apiVersion: 'v1', kind: 'ConfigMap', data: { 'ca.crt': ca },
        metadata: { name, namespace, annotations: { 'kubernetes.io/description': 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.' } },
      }
      const found = cache(ConfigMap).get(name, namespace)
      if (found !== undefined && deepEqual(found.data, wanted.data)) return
      try {
        if (found === undefined) await client.create(ConfigMap, wanted)
        else await client.update(ConfigMap, { ...found, data: wanted.data ?? {} })
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error
      }
    },
  }
}
