import { isApiError, Namespace, type Kind } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { deepEqual, matchesLabelSelector, type JsonObject, type KubeObject, type LabelSelector } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { parseGoDuration } from '../engine/go-duration.ts'
import type { Condition } from '../kinds/external-secrets.ts'
import type { Operator } from './operator.ts'

/** What an owner wants in each namespace it selects. */
export interface Wanted {
  readonly name: string
  readonly metadata: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> }
  readonly spec: object
  readonly namespaces: readonly string[]
  readonly selectors: readonly object[]
  readonly refreshTime: string | undefined
}
/** How many of its namespaces an owner reached. */
interface Provision { provisionedNamespaces?: string[]; failedNamespaces?: { namespace: string; reason?: string }[]; conditions?: Condition[] }
type Owner = KubeObject & { readonly status?: Provision }
type Child = KubeObject & { readonly spec: object }

export interface AcrossNamespaces<T extends Owner, C extends Child> {
  readonly name: string
  readonly owner: Kind<T>
  readonly child: Kind<C>
  /** The child in the words of upstream's messages. */
  readonly childWords: string
  /** The metric of the Ready condition. */
  readonly metric: string
  wanted(owner: T): Wanted
  /** The status' field with the children's name. */
  readonly nameField: string
}

/** Keeps one child object in every namespace that a cluster-wide object selects, and takes it away from the others. */
export function acrossNamespaces<T extends Owner, C extends Child>(options: AcrossNamespaces<T, C>, operator: Operator): Controller<T> {
  const { owner: kind, child } = options
  return {
    name: options.name,
    for: kind,
    owns: [child as never],
    watches: [watch(Namespace, (_namespace, scope) => scope.cache(kind).list().map(({ metadata }) => ({ name: metadata.name ?? '' })))],
    concerns: (before, after) => before === undefined || before.metadata.generation !== after.metadata.generation || !deepEqual(before.metadata.annotations, after.metadata.annotations),
    async reconcile(owner, scope) {
      const wanted = options.wanted(owner)
      const failed: { namespace: string; reason: string }[] = []
      const provisioned: string[] = []
      const namespaces = namespacesOf(wanted, scope)
      for (const namespace of namespaces) {
        try {
          await provide(options, owner, { wanted, namespace }, scope)
          provisioned.push(namespace)
        } catch (error) {
          if (isApiError(error, 'Conflict')) throw error
          failed.push({ namespace, reason: messageOf(error) })
        }
      }
      for (const each of scope.cache(child).ownedBy(owner.metadata.uid ?? '')) {
        if (each.metadata.name === wanted.name && namespaces.includes(each.metadata.namespace ?? '')) continue
        await scope.client.delete(child, each.metadata.name ?? '', { namespace: each.metadata.namespace })
      }
      const ready = { type: 'Ready', status: failed.length === 0 ? 'True' : 'False', ...(failed.length === 0 ? {} : { message: 'one or more namespaces failed' }) }
      for (const value of ['True', 'False']) operator.metrics.set(options.metric, { name: owner.metadata.name ?? '', condition: 'Ready', status: value }, value === ready.status ? 1 : 0)
      return {
        status: { [options.nameField]: wanted.name, conditions: [ready], ...(provisioned.length === 0 ? {} : { provisionedNamespaces: provisioned }), ...(failed.length === 0 ? {} : { failedNamespaces: failed }) } as unknown as JsonObject,
        requeueAfter: parseGoDuration(wanted.refreshTime ?? '1h') || 3_600_000,
      }
    },
    async gone({ name }) {
      operator.metrics.forget({ name })
    },
  }
}

function namespacesOf({ namespaces, selectors }: Wanted, scope: Scope): string[] {
  const selected = ({ metadata }: Namespace): boolean => namespaces.includes(metadata.name ?? '') || selectors.some((selector) => matchesLabelSelector(selector as LabelSelector, metadata.labels ?? {}))
  return scope.cache(Namespace).list().filter((each) => each.status?.phase !== 'Terminating' && selected(each)).map(({ metadata }) => metadata.name ?? '').sort()
}

async function provide<T extends Owner, C extends Child>({ child, owner, childWords }: AcrossNamespaces<T, C>, { metadata }: T, { wanted, namespace }: { readonly wanted: Wanted; readonly namespace: string }, scope: Scope): Promise<void> {
  const { name, metadata: { labels, annotations }, spec } = wanted
  const type = { apiVersion: `${child.group}/${child.version}`, kind: child.kind }
  const marks = { ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) }
  const existing = scope.cache(child).get(name, namespace)
  if (existing === undefined) {
    const ownerReferences = [{ apiVersion: `${owner.group}/${owner.version}`, kind: owner.kind, name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }]
    await scope.client.create(child, { ...type, metadata: { name, namespace, ...marks, ownerReferences }, spec } as unknown as C)
    return
  }
  if (existing.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) !== true) throw new Error(`${childWords} already exists in namespace`)
  if (deepEqual(existing.spec, spec) && deepEqual(existing.metadata.labels ?? {}, labels ?? {}) && deepEqual(existing.metadata.annotations ?? {}, annotations ?? {})) return
  const { labels: _labels, annotations: _annotations, ...rest } = existing.metadata
  await scope.client.update(child, { ...existing, ...type, metadata: { ...rest, ...marks }, spec })
}
