import type { Json, JsonObject } from '@idp/formats'
import type { CelFamily, CelMutation, CelPolicySpec, MatchConstraints } from '../../kinds/cel-policy.ts'

type Layout = 'defaults' | 'cronjobs'
interface Controller { readonly group: string; readonly kind: string; readonly layout: Layout }
const controllers: Readonly<Record<string, Controller>> = {
  daemonsets: { group: 'apps', kind: 'DaemonSet', layout: 'defaults' }, deployments: { group: 'apps', kind: 'Deployment', layout: 'defaults' }, replicasets: { group: 'apps', kind: 'ReplicaSet', layout: 'defaults' },
  statefulsets: { group: 'apps', kind: 'StatefulSet', layout: 'defaults' }, jobs: { group: 'batch', kind: 'Job', layout: 'defaults' }, cronjobs: { group: 'batch', kind: 'CronJob', layout: 'cronjobs' },
}
const templates: Readonly<Record<Layout, string>> = { defaults: 'spec.template', cronjobs: 'spec.jobTemplate.spec.template' }

interface Derived { readonly layout: Layout; readonly names: readonly string[]; readonly spec: CelPolicySpec }

/** What Kyverno derives from a spec about pods: what is asked of a pod is asked of the templates of its controllers. */
function derived(spec: CelPolicySpec, family: CelFamily): Derived[] {
  const match = spec.matchConstraints
  if (match === undefined || !isAboutPods(match) || family === 'Generating' || family === 'Deleting') return []
  const wanted = spec.autogen?.podControllers?.controllers ?? Object.keys(controllers)
  return (['cronjobs', 'defaults'] as const).flatMap((layout) => {
    const names = wanted.filter((name) => controllers[name]?.layout === layout).sort()
    if (names.length === 0) return []
    return [{ layout, names, spec: { ...(family === 'Mutating' ? mutatingSpec(spec, layout) : movedSpec(spec, layout)), matchConstraints: constraintsFor(names, match) } }]
  })
}

export const derivedSpecs = (spec: CelPolicySpec, family: CelFamily): CelPolicySpec[] => derived(spec, family).map((one) => one.spec)

/** `status.autogen.configs` of a policy: by layout of the template, what it is about and the spec made for it. */
export function autogenConfigs(spec: CelPolicySpec, family: CelFamily): JsonObject {
  return Object.fromEntries(derived(spec, family).map((one) => [one.layout, {
    targets: one.names.map((name): Json => ({ group: controllers[name]?.group ?? '', version: 'v1', resource: name, kind: controllers[name]?.kind ?? '' })), spec: JSON.parse(JSON.stringify(one.spec)) as Json,
  }]))
}

/** Selectors of objects, names and exclusions tell one pod from another: such a rule stays with pods. */
function isAboutPods({ objectSelector, excludeResourceRules = [], resourceRules = [] }: MatchConstraints): boolean {
  if (Object.values(objectSelector ?? {}).some((part) => part !== undefined && Object.keys(part as object).length > 0) || excludeResourceRules.length > 0) return false
  const [rule, ...more] = resourceRules
  const only = (list: readonly string[] | undefined, value: string): boolean => list?.length === 1 && list[0] === value
  return rule !== undefined && more.length === 0 && (rule.resourceNames ?? []).length === 0 && only(rule.apiGroups, '') && only(rule.apiVersions, 'v1') && only(rule.resources, 'pods')
}

function constraintsFor(names: readonly string[], match: MatchConstraints): MatchConstraints {
  const operations = match.resourceRules?.[0]?.operations
  const groups = [...new Set(names.map((name) => controllers[name]?.group ?? ''))].sort()
  return {
    ...(match.namespaceSelector === undefined ? {} : { namespaceSelector: match.namespaceSelector }),
    resourceRules: groups.map((group) => ({ apiGroups: [group], apiVersions: ['v1'], resources: names.filter((name) => controllers[name]?.group === group), ...(operations === undefined ? {} : { operations }) })),
  }
}

/** Every expression's `object.spec` and `object.metadata` moved into the template; `metadata.namespace` stays the workload's own. */
function movedSpec(spec: CelPolicySpec, layout: Layout): CelPolicySpec {
  const template = templates[layout]
  const text = JSON.stringify(spec).replaceAll(/\b(object|oldObject)\.(spec|metadata)(?!\.namespace\b)/g, `$1.${template}.$2`)
  return JSON.parse(text) as CelPolicySpec
}

/** Mutations keep labels and annotations apart, and an `Object{…}` of a pod is wrapped into its template; JSON patches stay as they are. */
function mutatingSpec(spec: CelPolicySpec, layout: Layout): CelPolicySpec {
  const move = (expression: string): string => wrapped(expression.replaceAll(/\b(object|oldObject|Object)\.(spec|metadata\.labels|metadata\.annotations)/g, `$1.${templates[layout]}.$2`), layout)
  return {
    ...spec, ...(spec.matchConditions === undefined ? {} : { matchConditions: spec.matchConditions.map((one) => ({ ...one, expression: move(one.expression) })) }),
    mutations: (spec.mutations ?? []).map((one): CelMutation => (one.applyConfiguration === undefined ? one : { ...one, applyConfiguration: { expression: move(one.applyConfiguration.expression) } })),
  }
}

function wrapped(expression: string, layout: Layout): string {
  const start = /^\s*Object\s*\{/.exec(expression)
  if (start === null) return expression
  const inner = expression.slice(start[0].length)
  let depth = 1
  let end = 0
  for (; end < inner.length && depth > 0; end++) depth += inner[end] === '{' ? 1 : inner[end] === '}' ? -1 : 0
  if (depth > 0) return expression
  const path = templates[layout].split('.')
  const open = path.map((name, index) => `${name}: Object.${path.slice(0, index + 1).join('.')}{`).join('')
  return `Object{${open}${inner.slice(0, end - 1)}${'}'.repeat(path.length + 1)}${inner.slice(end)}`
}
