import type { JsonObject } from '@idp/formats'
import type { PolicyResponse } from '../../../components/kyverno/engine/apply-policies.ts'

/** A PolicyException for each rule that fails, for the resource and (for derived rules) the pods it makes; `ttl` in hours deletes it again. */
export function exceptionsFor(responses: readonly PolicyResponse[], ttl: string): JsonObject[] {
  return responses.flatMap(({ policy, object, rules }) => rules.filter(({ verdict }) => verdict === 'fail').map(({ rule }): JsonObject => {
    const { name = '', namespace } = object.metadata
    const derived = /^autogen-(cronjob-)?(.*)$/.exec(rule)
    const cron = derived?.[1] !== undefined
    const ruleNames = derived === null ? [rule] : [rule, ...(cron ? [`autogen-${derived[2] ?? ''}`] : []), derived[2] ?? '']
    const kinds = [object.kind, ...(cron ? ['Job'] : []), ...(derived === null ? [] : ['Pod'])]
    return {
      apiVersion: 'kyverno.io/v2', kind: 'PolicyException',
      metadata: { name: [policy.metadata.name ?? '', rule, namespace ?? '', name].filter((part) => part !== '').join('-'), labels: { 'cleanup.kyverno.io/ttl': ttl } },
      spec: {
        exceptions: [{ policyName: policy.metadata.name ?? '', ruleNames }],
        match: { all: [{ resources: { kinds, names: [name, ...(derived === null ? [] : [`${name}-*`])], ...(namespace === undefined ? {} : { namespaces: [namespace] }) } }] },
      },
    }
  }))
}
