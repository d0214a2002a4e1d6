import { isApiError, Namespace } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { deepEqual, matchesLabelSelector, type LabelSelector } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { parseGoDuration } from '../engine/go-duration.ts'
import { ClusterExternalSecret, ExternalSecret } from '../kinds/external-secrets.ts'
import type { Operator } from './operator.ts'

/** Keeps an ExternalSecret in every namespace that a ClusterExternalSecret selects. */
export function clusterExternalSecretController(operator: Operator): Controller<ClusterExternalSecret> {
  return {
    name: 'cluster-external-secrets',
    for: ClusterExternalSecret,
    owns: [ExternalSecret as never],
    watches: [watch(Namespace, (_namespace, scope) => scope.cache(ClusterExternalSecret).list().map(({ metadata }) => ({ name: metadata.name ?? '' })))],
    concerns: (before, after) => before === undefined || before.metadata.generation !== after.metadata.generation || !deepEqual(before.metadata.annotations, after.metadata.annotations),
    async reconcile(owner, scope) {
      const name = owner.spec.externalSecretName ?? owner.metadata.name ?? ''
      const failed: { namespace: string; reason: string }[] = []
      const provisioned: string[] = []
      const wanted = namespacesOf(owner, scope)
      for (const namespace of wanted) {
        try {
          await provide(owner, name, namespace, scope)
          provisioned.push(namespace)
        } catch (error) {
          if (isApiError(error, 'Conflict')) throw error
          failed.push({ namespace, reason: messageOf(error) })
        }
      }
      for (const each of scope.cache(ExternalSecret).ownedBy(owner.metadata.uid ?? '')) {
        if (each.metadata.name === name && wanted.includes(each.metadata.namespace ?? '')) continue
        await scope.client.delete(ExternalSecret, each.metadata.name ?? '', { namespace: each.metadata.namespace })
      }
      const ready = { type: 'Ready', status: failed.length === 0 ? 'True' : 'False', ...(failed.length === 0 ? {} : { message: 'one or more namespaces failed' }) }
      for (const value of ['True', 'False']) operator.metrics.set('clusterexternalsecret_status_condition', { name: owner.metadata.name ?? '', condition: 'Ready', status: value }, value === ready.status ? 1 : 0)
      return {
        status: { externalSecretName: name, conditions: [ready], ...(provisioned.length === 0 ? {} : { provisionedNamespaces: provisioned }), ...(failed.length === 0 ? {} : { failedNamespaces: failed }) },
        requeueAfter: parseGoDuration(owner.spec.refreshTime ?? '1h') || 3_600_000,
      }
    },
  }
}

function namespacesOf({ spec }: ClusterExternalSecret, scope: Scope): string[] {
  const selectors = [...spec.namespaceSelector === undefined ? [] : [spec.namespaceSelector], ...spec.namespaceSelectors ?? []] as LabelSelector[]
  return scope.cache(Namespace).list().filter(({ metadata, status }) => status?.phase !== 'Terminating' && (spec.namespaces?.includes(metadata.name ?? '') === true || selectors.some((selector) => matchesLabelSelector(selector, metadata.labels ?? {})))).map(({ metadata }) => metadata.name ?? '').sort()
}

async function provide({ metadata, spec }: ClusterExternalSecret, name: string, namespace: string, scope: Scope): Promise<void> {
  const existing = scope.cache(ExternalSecret).get(name, namespace)
  const { labels, annotations } = spec.externalSecretMetadata ?? {}
  if (existing === undefined) {
    await scope.client.create(ExternalSecret, {
      apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', spec: spec.externalSecretSpec,
      metadata: { name, namespace, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }), ownerReferences: [{ apiVersion: 'external-secrets.io/v1', kind: 'ClusterExternalSecret', name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }] },
    })
    return
  }
  if (existing.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) !== true) throw new Error('external secret already exists in namespace')
  if (deepEqual(existing.spec, spec.externalSecretSpec) && deepEqual(existing.metadata.labels ?? {}, labels ?? {}) && deepEqual(existing.metadata.annotations ?? {}, annotations ?? {})) return
  const { labels: _labels, annotations: _annotations, ...rest } = existing.metadata
  await scope.client.update(ExternalSecret, { ...existing, apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', spec: spec.externalSecretSpec, metadata: { ...rest, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } })
}
