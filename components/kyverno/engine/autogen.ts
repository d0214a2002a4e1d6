import type { Json, JsonObject } from '@idp/formats'
import type { MatchBlock, Mutation, PolicyObject, ResourceFilter, Rule } from '../kinds/policy.ts'

const controllers = ['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet']
const annotation = 'pod-policies.kyverno.io/autogen-controllers'

const derivedOf = new WeakMap<PolicyObject, readonly Rule[]>()

/** The rules of a policy with those that Kyverno derives for pod controllers: what is asked of a Pod is asked of its template. Kept per policy object. */
export function rulesOf(policy: PolicyObject): readonly Rule[] {
  const known = derivedOf.get(policy)
  if (known !== undefined) return known
  const made = derivedRules(policy)
  derivedOf.set(policy, made)
  return made
}

function derivedRules(policy: PolicyObject): readonly Rule[] {
  const rules = policy.spec.rules ?? []
  const wanted = policy.metadata.annotations?.[annotation]
  const names = wanted === undefined || wanted === 'all' ? [...controllers, 'CronJob'] : wanted === 'none' ? [] : wanted.split(',').map((one) => one.trim())
  const plain = names.filter((name) => controllers.includes(name))
  // One rule that cannot be carried over keeps the whole policy from it.
  if (!rules.every(canDerive)) return rules
  return [...rules, ...rules.flatMap((rule) => {
    if (!isPodRule(rule)) return []
    const template = plain.length === 0 ? [] : [derive(rule, `autogen-${rule.name}`.slice(0, 63), plain, ['spec', 'template'])]
    const cron = names.includes('CronJob') ? [derive(rule, `autogen-cronjob-${rule.name}`.slice(0, 63), ['CronJob'], ['spec', 'jobTemplate', 'spec', 'template'])] : []
    return [...template, ...cron]
  })]
}

const filtersOf = (block: MatchBlock | undefined): readonly ResourceFilter[] => (block === undefined ? [] : [...(block.resources === undefined ? [] : [block]), ...(block.any ?? []), ...(block.all ?? [])])
const isPod = (kind: string): boolean => kind === 'Pod' || kind.endsWith('/Pod')
const kindsOf = (block: MatchBlock | undefined): readonly string[] => filtersOf(block).flatMap(({ resources }) => resources?.kinds ?? [])

/** What tells one pod from another (names, selectors), JSON patches (their paths) and generation stay with pods alone. */
function canDerive(rule: Rule): boolean {
  if (rule.generate !== undefined || rule.mutate?.patchesJson6902 !== undefined) return false
  const foreach = rule.mutate?.['foreach']
  if (Array.isArray(foreach) && foreach.some((entry: { patchesJson6902?: string }) => entry.patchesJson6902 !== undefined)) return false
  return [...filtersOf(rule.match), ...filtersOf(rule.exclude)].every(({ resources = {} }) => resources.name === undefined && (resources.names ?? []).length === 0 && resources.selector === undefined
    && resources.annotations === undefined && !((resources.kinds ?? []).length > 1 && (resources.kinds ?? []).some(isPod)))
}

function isPodRule(rule: Rule): boolean {
  const excluded = kindsOf(rule.exclude)
  if (rule['verifyImages'] === undefined && rule.validate === undefined && rule.mutate === undefined) return false
  return !rule.name.startsWith('autogen-') && kindsOf(rule.match).some(isPod) && (excluded.length === 0 || excluded.some(isPod))
}

function derive(rule: Rule, name: string, kinds: readonly string[], path: readonly string[]): Rule {
  const block = (given: MatchBlock | undefined): MatchBlock | undefined => given === undefined ? undefined : {
    ...given, ...(given.resources?.kinds === undefined ? {} : { resources: { ...given.resources, kinds } }),
    ...(given.any === undefined ? {} : { any: given.any.map(withKinds) }), ...(given.all === undefined ? {} : { all: given.all.map(withKinds) }),
  }
  const withKinds = (filter: ResourceFilter): ResourceFilter => (filter.resources?.kinds === undefined || !filter.resources.kinds.some(isPod) ? filter : { ...filter, resources: { ...filter.resources, kinds } })
  const nest = (value: Json): Json => path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value)
  const moved = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value).replaceAll(/request\.(object|oldObject)\.(spec|metadata)\b/g, `request.$1.${path.join('.')}.$2`)) as T)
  const { validate, mutate, exclude } = rule
  const movedCel = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(/\b(object|oldObject)\.(spec|metadata)\b/g, `$1.${path.join('.')}.$2`)) as T
  if (validate?.['cel'] !== undefined) {
    const excluded = block(exclude)
    return { ...rule, name, match: block(rule.match) ?? rule.match, ...(excluded === undefined ? {} : { exclude: excluded }), validate: movedCel(validate), ...(rule['celPreconditions'] === undefined ? {} : { celPreconditions: movedCel(rule['celPreconditions']) }) }
  }
  const deriveMutation = (given: Mutation): Mutation => ({
    ...given, ...(given.patchStrategicMerge === undefined ? {} : { patchStrategicMerge: nest(moved(given.patchStrategicMerge)) as JsonObject }),
    ...(given['foreach'] === undefined ? {} : { foreach: (moved(given['foreach']) as Mutation[]).map(deriveMutation) }),
  })
  const excluded = block(exclude)
  return {
    ...rule, name, match: block(rule.match) ?? rule.match, ...(excluded === undefined ? {} : { exclude: excluded }),
    ...(rule.preconditions === undefined ? {} : { preconditions: moved(rule.preconditions) }), ...(rule.context === undefined ? {} : { context: moved(rule.context) }),
    ...(validate === undefined ? {} : { validate: { ...moved(validate), ...(validate.pattern === undefined ? {} : { pattern: nest(validate.pattern) }), ...(validate.anyPattern === undefined ? {} : { anyPattern: validate.anyPattern.map(nest) }) } }),
    ...(mutate === undefined ? {} : { mutate: deriveMutation(mutate) }),
  }
}
