import type { KubeObject } from '@idp/formats'
import type { LabelSelector } from '../../kinds/monitoring.ts'

/** Whether labels fulfil a selector; an empty selector takes all, an absent one nothing. */
export function selects(selector: LabelSelector | null | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  if (selector === undefined || selector === null) return false
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) && (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    switch (operator) {
      case 'In': return value !== undefined && values.includes(value)
      case 'NotIn': return value === undefined || !values.includes(value)
      case 'Exists': return value !== undefined
      case 'DoesNotExist': return value === undefined
    }
  })
}

/** The objects that a server takes: those its selector names, in its own namespace or in those that the other selector names. */
export function selected<T extends KubeObject>(objects: readonly T[], selector: LabelSelector | null | undefined, namespaceSelector: LabelSelector | null | undefined, own: string, namespaces: readonly KubeObject[]): T[] {
  const inside = new Set(namespaceSelector === undefined || namespaceSelector === null ? [own] : namespaces.filter(({ metadata }) => selects(namespaceSelector, metadata.labels)).map(({ metadata }) => metadata.name ?? ''))
  return objects.filter(({ metadata }) => inside.has(metadata.namespace ?? '') && selects(selector, metadata.labels))
    .sort((a, b) => (`${a.metadata.namespace}/${a.metadata.name}` < `${b.metadata.namespace}/${b.metadata.name}` ? -1 : 1))
}
