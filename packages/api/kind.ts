import type { KubeObject } from '@idp/formats'

/**
 * A Kubernetes kind as a value. It carries the type of its objects, so that `client.get(Pod, …)` returns a `Pod`.
 * Built-in kinds live in `kinds/`; custom kinds are made with `defineKind` beside the component that serves them.
 */
export interface Kind<T extends KubeObject = KubeObject> {
  /** API group; '' is the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Lower-case plural as in URLs, e.g. `deployments`. */
  readonly plural: string
  readonly singular: string
  readonly scope: 'Namespaced' | 'Cluster'
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  /** Names of subresources, e.g. `status`, `scale`, `log`. */
  readonly subresources: readonly string[]
  /** Only carries the type; never set. */
  readonly object?: T
}

export type KindFields = Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'scope'> & Partial<Kind>

/** Completes a kind: singular is the lower-case kind, the lists are empty unless given. */
export function defineKind<T extends KubeObject>(fields: KindFields): Kind<T> {
  return { singular: fields.kind.toLowerCase(), shortNames: [], categories: [], subresources: [], ...fields } as Kind<T>
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}

/** Splits `apps/v1` into group and version. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? { group: '', version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}

/** Where objects of a kind live: `/api/v1/namespaces/x/pods` or `/apis/apps/v1/deployments`. */
export function resourcePath(kind: Pick<Kind, 'group' | 'version' | 'plural' | 'scope'>, at: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {}): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
  const namespace = at.namespace !== undefined && kind.scope === 'Namespaced' ? `/namespaces/${encodeURIComponent(at.namespace)}` : ''
  const name = at.name === undefined ? '' : `/${encodeURIComponent(at.name)}`
  const subresource = at.subresource === undefined ? '' : `/${at.subresource}`
  return `${root}${namespace}/${kind.plural}${name}${subresource}`
}
