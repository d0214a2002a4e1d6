import type { AnyObject } from '@idp/formats'
import { wildcardTest } from './wildcard.ts'

/** What Kyverno never looks at, whatever policies say: `[kind, namespace, name]`, each with wildcards; `Kind/sub` is a subresource. */
export interface ResourceFilter { readonly kind: string; readonly subresource: string; readonly namespace: string; readonly name: string }

/** Reads `resourceFilters` of Kyverno's ConfigMap: `[Event,*,*] [*\/*,kube-system,*]`. What is no filter is passed over. */
export function parseResourceFilters(text: string): ResourceFilter[] {
  return [...text.matchAll(/\[([^\]]*)\]/g)].flatMap(([, inner = '']) => {
    const [what = '', namespace = '', name = ''] = inner.split(',').map((part) => part.trim())
    if (what === '') return []
    const parts = what.split('/')
    const sub = parts.length > 1 && !/^[A-Z]/.test(parts.at(-1) ?? '') ? parts.pop() ?? '' : ''
    return [{ kind: parts.at(-1) ?? '', subresource: sub, namespace: namespace === '' ? '*' : namespace, name: name === '' ? '*' : name }]
  })
}

/** Whether a resource is among those that Kyverno leaves alone. A Namespace counts as lying in itself. */
export function isFiltered(filters: readonly ResourceFilter[], { kind, metadata }: Pick<AnyObject, 'kind' | 'metadata'>, subresource = ''): boolean {
  const namespace = kind === 'Namespace' ? metadata.name ?? '' : metadata.namespace ?? ''
  return filters.some((one) => wildcardTest(one.kind)(kind) && wildcardTest(one.subresource)(subresource) && wildcardTest(one.namespace)(namespace) && wildcardTest(one.name)(metadata.name ?? ''))
}

/** What upstream's chart leaves out, for a Kyverno without a ConfigMap: the system's namespaces and its own, events, nodes, reviews. */
export const defaultResourceFilters = (own: string): string =>
  `[Event,*,*] [*/*,kube-system,*] [*/*,kube-public,*] [*/*,kube-node-lease,*] [*/*,${own},*] [Node,*,*] [Node/?*,*,*] [APIService,*,*] [TokenReview,*,*] [SubjectAccessReview,*,*] [SelfSubjectAccessReview,*,*] [Binding,*,*] [Pod/binding,*,*] [ReplicaSet,*,*] [ReplicaSet/?*,*,*] [EphemeralReport,*,*] [ClusterEphemeralReport,*,*]`
