import type { Json, JsonObject } from '@idp/formats'
import type { MatchBlock, PolicyObject, ResourceFilter, Rule } from '../kinds/policy.ts'

const controllers = ['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'ReplicationController', 'StatefulSet']
const annotation = 'pod-policies.kyverno.io/autogen-controllers'

/** The rules of a policy with those that Kyverno derives for pod controllers: what is asked of a Pod is asked of its template. */
export function rulesOf(policy: PolicyObject): readonly Rule[] {
  const wanted = policy.metadata.annotations?.[annotation]
  const names = wanted === undefined || wanted === 'all' ? [...controllers, 'CronJob'] : wanted === 'none' ? [] : wanted.split(',').map((one) => one.trim())
  const plain = names.filter((name) => name !== 'CronJob')
  return policy.spec.rules.flatMap((rule) => {
    if (!isPodRule(rule)) return [rule]
    const template = plain.length === 0 ? [] : [derive(rule, `autogen-${rule.name}`, plain, ['spec', 'template'])]
    const cron = names.includes('CronJob') ? [derive(rule, `autogen-cronjob-${rule.name}`, ['CronJob'], ['spec', 'jobTemplate', 'spec', 'template'])] : []
    return [rule, ...template, ...cron]
  })
}

const filtersOf = (block: MatchBlock | undefined): readonly ResourceFilter[] => (block === undefined ? [] : [...(block.resources === undefined ? [] : [block]), ...(block.any ?? []), ...(block.all ?? [])])

/** Only rules about Pods alone, by nothing that a controller would not share with its pods. */
function isPodRule(rule: Rule): boolean {
  if (rule.generate !== undefined) return false
  const filters = [...filtersOf(rule.match), ...filtersOf(rule.exclude)]
  return filtersOf(rule.match).every(({ resources }) => resources?.kinds?.length === 1 && (resources.kinds[0] === 'Pod' || resources.kinds[0] === 'v1/Pod'))
    && filtersOf(rule.match).length > 0
    && filters.every(({ resources }) => resources?.name === undefined && resources?.names === undefined && resources?.selector === undefined && resources?.annotations === undefined)
}

function derive(rule: Rule, name: string, kinds: readonly string[], path: readonly string[]): Rule {
  const block = (given: MatchBlock | undefined): MatchBlock | undefined => given === undefined ? undefined : {
    ...given, ...(given.resources?.kinds === undefined ? {} : { resources: { ...given.resources, kinds } }),
    ...(given.any === undefined ? {} : { any: given.any.map(withKinds) }), ...(given.all === undefined ? {} : { all: given.all.map(withKinds) }),
  }
  const withKinds = (filter: ResourceFilter): ResourceFilter => (filter.resources?.kinds === undefined ? filter : { ...filter, resources: { ...filter.resources, kinds } })
  const nest = (value: Json): Json => path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value)
  const moved = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value).replaceAll(/request\.object\.(spec|metadata)/g, `request.object.${path.join('.')}.$1`)) as T)
  const { validate, mutate, exclude } = rule
  const excluded = block(exclude)
  return {
    ...rule, name, match: block(rule.match) ?? rule.match, ...(excluded === undefined ? {} : { exclude: excluded }),
    ...(rule.preconditions === undefined ? {} : { preconditions: moved(rule.preconditions) }), ...(rule.context === undefined ? {} : { context: moved(rule.context) }),
    ...(validate === undefined ? {} : { validate: { ...moved(validate), ...(validate.pattern === undefined ? {} : { pattern: nest(validate.pattern) }), ...(validate.anyPattern === undefined ? {} : { anyPattern: validate.anyPattern.map(nest) }) } }),
    ...(mutate?.patchStrategicMerge === undefined ? {} : { mutate: { ...mutate, patchStrategicMerge: nest(moved(mutate.patchStrategicMerge)) as JsonObject } }),
  }
}
