import { ConfigMap } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { AnyObject, JsonObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { defaultResourceFilters, isFiltered, parseResourceFilters, type ResourceFilter } from '../engine/resource-filter.ts'
import { wildcardTest } from '../engine/wildcard.ts'

/** Kyverno's ConfigMap, live. */
export interface KyvernoConfig {
  readonly synced: Promise<void>
  /** Resources that no policy is about. */
  isFiltered(object: Pick<AnyObject, 'kind' | 'metadata'>, subresource?: string): boolean
  /** Requests of users that no policy is about. */
  isExcluded(user: { readonly username: string; readonly groups: readonly string[] }): boolean
  /** What the webhooks are for; the ConfigMap's word, else all but the system's namespace and Kyverno's own. */
  namespaceSelector(): JsonObject
  onChange(listener: () => void): void
}

interface Options extends Pick<Container, 'clock' | 'log' | 'signal'> { readonly client: Client; readonly namespace: string }

/** Follows ConfigMap `kyverno` in Kyverno's namespace; what it does not say is as upstream's chart has it. */
export function followConfig({ client, clock, log, signal, namespace }: Options): KyvernoConfig {
  const view = informer(client, ConfigMap, { clock, log, signal, query: { namespace, fieldSelector: 'metadata.name=kyverno' } })
  const standard = defaultResourceFilters(namespace)
  let [filters, users, groups]: [readonly ResourceFilter[], readonly string[], readonly string[]] = [parseResourceFilters(standard), [], ['system:nodes']]
  let selector: JsonObject = { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', namespace] }] }
  const listed = (text: string | undefined): string[] => (text ?? '').split(',').map((one) => one.trim()).filter((one) => one !== '' && !one.startsWith('!'))
  view.onChange(({ after }) => {
    const data = after?.data ?? {}
    filters = parseResourceFilters(data['resourceFilters'] ?? standard)
    users = listed(data['excludeUsernames'])
    groups = listed(data['excludeGroups'] ?? 'system:nodes')
    const given = data['webhooks']
    if (given === undefined) return
    try {
      const read = JSON.parse(given) as { namespaceSelector?: JsonObject } | { namespaceSelector?: JsonObject }[]
      const found = (Array.isArray(read) ? read[0] : read)?.namespaceSelector
      if (found !== undefined) selector = found
    } catch (error) {
      log.warn('webhooks in the ConfigMap cannot be read', { error: messageOf(error) })
    }
  })
  return {
    synced: view.synced,
    isFiltered: (object, subresource) => isFiltered(filters, object, subresource),
    isExcluded: ({ username, groups: have }) => users.some((one) => wildcardTest(one)(username)) || groups.some((one) => have.some((group) => wildcardTest(one)(group))),
    namespaceSelector: () => selector,
    onChange: (listener) => void view.onChange(listener),
  }
}
