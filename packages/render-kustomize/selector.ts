import { matchesRequirements, parseLabelSelector, type LabelRequirement } from '@idp/formats'
import { RE2JS } from 're2js'
import { failure } from './failure.ts'
import type { Selector } from './kustomization.ts'
import { originalId, stringMapOf, type Resource } from './resource.ts'
import { idOf } from './resource-id.ts'

export interface Matcher { test(text: string): boolean }

const LITERAL = /^[A-Za-z0-9_/:@ -]*$/
/** Alternatives, dots and one repetition: JavaScript's own expressions mean the same there and cannot run away. */
const SIMPLE = /^[A-Za-z0-9_/:@ .|-]*(?:\.[*+])?[A-Za-z0-9_/:@ .|-]*$/

/** A regular expression of Go's dialect that must match the whole text; '' matches everything. Linear in time. */
export function anchoredPattern(pattern: string): Matcher {
  if (pattern === '') return { test: () => true }
  if (LITERAL.test(pattern)) return { test: (text) => text === pattern }
  return SIMPLE.test(pattern) ? new RegExp(`^(?:${pattern})$`) : goPattern(`^(?:${pattern})$`)
}

/** A regular expression of Go's dialect, found anywhere. Throws `InvalidPattern`. */
export function goPattern(pattern: string): Matcher {
  try {
    const compiled = RE2JS.compile(pattern)
    return { test: (text) => compiled.matcher(text).find() }
  } catch (error) {
    throw failure('InvalidPattern', `error parsing regexp: ${error instanceof Error ? error.message : String(error)}`, pattern, error)
  }
}

const selectors = new Map<string, LabelRequirement[]>()

export function matchesLabels(selector: string | undefined, labels: () => Record<string, string>): boolean {
  if (selector === undefined || selector === '') return true
  let requirements = selectors.get(selector)
  if (requirements === undefined) {
    requirements = parseLabelSelector(selector)
    if (selectors.size < 1000) selectors.set(selector, requirements)
  }
  return matchesRequirements(requirements, labels())
}

/** The resources that a patch's target selects: by regular expressions over original or present name and namespace, kind, labels, annotations. */
export function selectResources(resources: readonly Resource[], selector: Selector): Set<Resource> {
  const [group, version, kind] = [anchoredPattern(selector.group ?? ''), anchoredPattern(selector.version ?? ''), anchoredPattern(selector.kind ?? '')]
  const [name, namespace] = [anchoredPattern(selector.name ?? ''), anchoredPattern(selector.namespace ?? '')]
  return new Set(resources.filter((resource) => {
    const current = idOf(resource.object)
    const original = originalId(resource)
    return (namespace.test(original.effectiveNamespace) || namespace.test(current.effectiveNamespace))
      && (name.test(original.name) || name.test(current.name))
      && group.test(current.group) && version.test(current.version) && kind.test(current.kind)
      && matchesLabels(selector.labelSelector, () => stringMapOf(resource.object, 'labels'))
      && matchesLabels(selector.annotationSelector, () => stringMapOf(resource.object, 'annotations'))
  }))
}
