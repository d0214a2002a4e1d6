import { ApiError } from '@idp/api'
import { fieldAt } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { deny } from './deny.ts'

const immortal = new Set(['default', 'kube-system', 'kube-public'])

/** Nothing is created in a namespace that is not there or is ending, and the system's own namespaces stay. */
export function namespaceLifecycle({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  return {
    name: 'NamespaceLifecycle',
    mayChange: () => false,
    mutate(request) {
      const { operation, namespace, resource } = request
      const isNamespace = resource.kind.group === '' && resource.kind.plural === 'namespaces'
      if (isNamespace && operation === 'DELETE' && immortal.has(request.name)) throw deny(request, 'this namespace may not be deleted')
      if (operation !== 'CREATE' || namespace === '' || isNamespace) return
      const namespaces = registry.find('', 'v1', 'namespaces')
      const found = namespaces === undefined ? undefined : storage.find(namespaces, { name: namespace })
      if (found === undefined) throw new ApiError('NotFound', `namespaces ${JSON.stringify(namespace)} not found`, { details: { name: namespace, kind: 'namespaces' } })
      if (found.metadata.deletionTimestamp !== undefined || fieldAt(found, ['status', 'phase']) === 'Terminating') {
        throw deny(request, `unable to create new content in namespace ${namespace} because it is being terminated`, [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }])
      }
    },
  }
}
