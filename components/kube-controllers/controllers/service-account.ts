import { isApiError, Namespace, ServiceAccount } from '@idp/api'
import { watch, type Controller } from '@idp/controller'

/** Every namespace has a ServiceAccount `default`. Tokens come from TokenRequest; no Secrets are made. */
export const serviceAccountController: Controller<Namespace> = {
  name: 'serviceaccount-controller',
  for: Namespace, concurrency: 5,
  watches: [watch(ServiceAccount, (account) => (account.metadata.name === 'default' ? [{ name: account.metadata.namespace ?? '' }] : []))],
  async reconcile(namespace, { client, cache }) {
    const name = namespace.metadata.name ?? ''
    if (namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp !== undefined) return
    if (cache(ServiceAccount).get('default', name) !== undefined) return
    try {
      await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } })
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
    }
  },
}
