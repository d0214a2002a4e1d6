import type { Attributes } from './authorizer.ts'

/** A rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/** Whether a rule allows what is asked, of one object or another: names are not looked at. */
export function ruleConcerns(rule: PolicyRule, attributes: Omit<Attributes, 'name'>): boolean {
  if (!has(rule.verbs, attributes.verb)) return false
  if (!attributes.isResource) return rule.nonResourceURLs?.some((pattern) => urlMatches(pattern, attributes.path)) === true
  if (!has(rule.apiGroups, attributes.group)) return false
  const { resource, subresource } = attributes
  const combined = subresource === '' ? resource : `${resource}/${subresource}`
  return rule.resources?.some((allowed) => allowed === '*' || allowed === combined || (subresource !== '' && allowed === `*/${subresource}`)) === true
}

/** Whether a rule that concerns a request allows it for an object of this name. */
export function allowsName({ resourceNames }: PolicyRule, isResource: boolean, name: string): boolean {
  return !isResource || resourceNames === undefined || resourceNames.length === 0 || resourceNames.includes(name)
}

function has(list: readonly string[] | undefined, wanted: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(wanted))
}

export function urlMatches(pattern: string, path: string): boolean {
  return pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))
}

/** Every single permission of a rule, as rules of one verb, group, resource and name each. */
export function breakdown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = []
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) out.push({ verbs: [verb], nonResourceURLs: [url] })
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const names = rule.resourceNames ?? []
        if (names.length === 0) out.push({ verbs: [verb], apiGroups: [group], resources: [resource] })
        for (const name of names) out.push({ verbs: [verb], apiGroups: [group], resources: [resource], resourceNames: [name] })
      }
    }
  }
  return out
}

/** Whether one of `owned` grants the single permission `wanted`. */
export function covers(owned: readonly PolicyRule[], wanted: PolicyRule): boolean {
  return owned.some((rule) => wanted.verbs.every((verb) => has(rule.verbs, verb))
    && (wanted.nonResourceURLs ?? []).every((url) => rule.nonResourceURLs?.some((pattern) => urlMatches(pattern, url)) === true)
    && (wanted.apiGroups ?? []).every((group) => has(rule.apiGroups, group))
    && (wanted.resources ?? []).every((resource) => rule.resources?.some((allowed) => allowed === '*' || allowed === resource || (resource.includes('/') && allowed === `*/${resource.split('/')[1] ?? ''}`)) === true)
    && ((rule.resourceNames?.length ?? 0) === 0 || ((wanted.resourceNames?.length ?? 0) > 0 && (wanted.resourceNames ?? []).every((name) => rule.resourceNames?.includes(name) === true))))
}

/** A rule as upstream's refusals show it. */
export function ruleText(rule: PolicyRule): string {
  const list = (items: readonly string[]) => `[${items.map((item) => JSON.stringify(item)).join(' ')}]`
  const parts = [
    ...(rule.nonResourceURLs?.length ? [`NonResourceURLs:${list(rule.nonResourceURLs)}`] : []),
    ...(rule.apiGroups?.length ? [`APIGroups:${list(rule.apiGroups)}`] : []),
    ...(rule.resources?.length ? [`Resources:${list(rule.resources)}`] : []),
    ...(rule.resourceNames?.length ? [`ResourceNames:${list(rule.resourceNames)}`] : []),
    `Verbs:${list(rule.verbs)}`,
  ]
  return `{${parts.join(', ')}}`
}
