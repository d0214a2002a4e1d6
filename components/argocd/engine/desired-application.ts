import { deepEqual, type AnyObject } from '@idp/formats'
import type { Application } from '../kinds/application.ts'
import type { ApplicationSet } from '../kinds/application-set.ts'
import { compileIgnoreRule, respectingLive } from './compare/ignored-fields.ts'
import { pushedAtAnnotation, refreshAnnotation } from './refresh.ts'

/** Annotations of Applications that others write and the template does not rule. */
const keptAnnotations = ['notified.notifications.argoproj.io', refreshAnnotation, pushedAtAnnotation, 'argocd.argoproj.io/hydrate']

/** Makes the set the controlling owner. */
export function ownerReference({ metadata }: ApplicationSet) {
  return { apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', name: metadata.name ?? '', uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }
}

/** The live Application with what the template rules replaced. */
export function desiredApplication(set: ApplicationSet, live: Application, wanted: Application): Application {
  const kept = (of: Readonly<Record<string, string>> | undefined, names: readonly string[]): Record<string, string> => Object.fromEntries(Object.entries(of ?? {}).filter(([key]) => names.includes(key)))
  const annotations = { ...kept(live.metadata.annotations, [...keptAnnotations, ...(set.spec.preservedFields?.annotations ?? [])]), ...wanted.metadata.annotations }
  const labels = { ...kept(live.metadata.labels, set.spec.preservedFields?.labels ?? []), ...wanted.metadata.labels }
  const rules = (set.spec.ignoreApplicationDifferences ?? []).filter((one) => one.name === undefined || one.name === '' || one.name === live.metadata.name)
    .map(({ jsonPointers, jqPathExpressions }) => compileIgnoreRule({ group: '*', kind: '*', ...(jsonPointers === undefined ? {} : { jsonPointers }), ...(jqPathExpressions === undefined ? {} : { jqPathExpressions }) }))
  const ruled = rules.length === 0 ? wanted : respectingLive(wanted as unknown as AnyObject, live as unknown as AnyObject, rules) as unknown as Application
  const { labels: _labels, annotations: _annotations, finalizers: _finalizers, ...metadata } = live.metadata
  const finalizers = [...(wanted.metadata.finalizers ?? []), ...(live.metadata.finalizers ?? []).filter((one) => one.startsWith('post-delete-finalizer.'))]
  return {
    ...live, spec: ruled.spec,
    metadata: {
      ...metadata, ownerReferences: [ownerReference(set)], ...(Object.keys(labels).length === 0 ? {} : { labels }), ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ...(finalizers.length === 0 ? {} : { finalizers: [...new Set(finalizers)] }),
    },
  }
}

/** True when two Applications differ in nothing that a template rules. */
export function sameDesire(a: Application, b: Application): boolean {
  const ruled = (of: Readonly<Record<string, string>> = {}): object => Object.fromEntries(Object.entries(of).filter(([key]) => !keptAnnotations.includes(key)))
  const part = ({ spec, metadata }: Application): unknown => [spec, metadata.labels ?? {}, ruled(metadata.annotations), metadata.finalizers ?? [], metadata.ownerReferences ?? [], metadata.deletionTimestamp]
  return deepEqual(part(a), part(b))
}
