import { parseApiVersion } from '@idp/api'
import { type AnyObject, type LabelSelector, matchesLabelSelector } from '@idp/formats'
import type { ServerContext } from '../server-context.ts'

export interface ParamKind { readonly apiVersion?: string; readonly kind?: string }
export interface ParamRef { readonly name?: string; readonly namespace?: string; readonly selector?: LabelSelector; readonly parameterNotFoundAction?: string }

/** What a binding cannot be used for as it is set up; the policy's failurePolicy says what that means. */
export class ConfigurationError extends Error {}

/**
 * The objects that a binding's `paramRef` names, or `[undefined]` where no parameter is asked for. A policy is evaluated once for each, and
 * not at all when there are none and `parameterNotFoundAction` allows that. Throws {@link ConfigurationError}.
 */
export function collectParams({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>, kind: ParamKind | undefined, ref: ParamRef | undefined, namespace: string): (AnyObject | undefined)[] {
  if (!kind || !ref) return [undefined]
  const { group, version } = parseApiVersion(kind.apiVersion ?? '')
  const resource = registry.findKind(group, version, kind.kind ?? '')
  if (!resource) throw new ConfigurationError(`failed to find resource referenced by paramKind: '${group === '' ? '' : `${group}/`}${version}, Kind=${kind.kind ?? ''}'`)
  const namespaced = resource.kind.scope === 'Namespaced'
  if (!namespaced && (ref.namespace ?? '') !== '') throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`')
  const within = namespaced ? ref.namespace || namespace : ''
  if (namespaced && within === '') throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources')
  const place = namespaced ? { namespace: within } : {}
  let found: (AnyObject | undefined)[]
  if ((ref.name ?? '') !== '') found = [storage.find(resource, { ...place, name: ref.name ?? '' })].filter((param) => param !== undefined)
  else if (ref.selector) found = storage.list(resource).filter((param) => (!namespaced || param.metadata.namespace === within) && matchesLabelSelector(ref.selector as LabelSelector, param.metadata.labels ?? {}))
  else throw new ConfigurationError('one of name or selector must be provided')
  if (found.length === 0 && ref.parameterNotFoundAction === 'Deny') throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction')
  return found
}
