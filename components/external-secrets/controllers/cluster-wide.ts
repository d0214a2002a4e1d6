import type { Controller } from '@idp/controller'
import { ClusterExternalSecret, ClusterPushSecret, ExternalSecret, PushSecret } from '../kinds/external-secrets.ts'
import { acrossNamespaces } from './across-namespaces.ts'
import type { Operator } from './operator.ts'

/** Keeps an ExternalSecret in every namespace that a ClusterExternalSecret selects. */
export function clusterExternalSecretController(operator: Operator): Controller<ClusterExternalSecret> {
  return acrossNamespaces({
    name: 'cluster-external-secrets', owner: ClusterExternalSecret, child: ExternalSecret, childWords: 'external secret', metric: 'clusterexternalsecret_status_condition', nameField: 'externalSecretName',
    wanted: ({ metadata, spec }) => ({
      name: spec.externalSecretName ?? metadata.name ?? '', metadata: spec.externalSecretMetadata ?? {}, spec: spec.externalSecretSpec, namespaces: spec.namespaces ?? [],
      selectors: [...spec.namespaceSelector === undefined ? [] : [spec.namespaceSelector], ...spec.namespaceSelectors ?? []], refreshTime: spec.refreshTime,
    }),
  }, operator)
}

/** Keeps a PushSecret in every namespace that a ClusterPushSecret selects. */
export function clusterPushSecretController(operator: Operator): Controller<ClusterPushSecret> {
  return acrossNamespaces({
    name: 'cluster-push-secrets', owner: ClusterPushSecret, child: PushSecret, childWords: 'push secret', metric: 'clusterpushsecret_status_condition', nameField: 'pushSecretName',
    wanted: ({ metadata, spec }) => ({
      name: spec.pushSecretName ?? metadata.name ?? '', metadata: spec.pushSecretMetadata ?? {}, spec: spec.pushSecretSpec, namespaces: [], selectors: spec.namespaceSelectors ?? [], refreshTime: spec.refreshTime,
    }),
  }, operator)
}
