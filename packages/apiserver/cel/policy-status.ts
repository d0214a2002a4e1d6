import type { ValidatingAdmissionPolicy } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { equalJson } from '../json-value.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { MatchRule } from '../webhook/match-webhook.ts'

/** Most kinds that one policy's expressions are checked against. */
const mostKinds = 10

/**
 * Lets a ValidatingAdmissionPolicy say in its status what of its expressions cannot be right for the kinds that it names: what upstream's
 * controller does after the write is done with it here. The engine is loaded when the first policy is written.
 */
export function checkPolicyTypes(policies: Resource, registry: ResourceRegistry): void {
  let check: typeof import('./type-check-policy.ts').typeCheckPolicy | undefined
  const { strategy } = policies
  const setStatus = (object: AnyObject, generation: number) => {
    const { spec } = object as unknown as ValidatingAdmissionPolicy
    const warnings = check?.(spec, kindsOf(registry, (spec.matchConstraints?.resourceRules ?? []) as MatchRule[])) ?? []
    object['status'] = { observedGeneration: generation, typeChecking: warnings.length === 0 ? {} : { expressionWarnings: warnings } }
  }
  Object.assign(policies, {
    async prepare() {
      check ??= (await import('./type-check-policy.ts')).typeCheckPolicy
    },
    strategy: {
      ...strategy,
      prepareCreate(object: AnyObject) {
        strategy?.prepareCreate?.(object)
        setStatus(object, 1)
      },
      prepareUpdate(object: AnyObject, old: AnyObject) {
        strategy?.prepareUpdate?.(object, old)
        // The write itself counts the generation up, after this.
        if (!equalJson(object['spec'], old['spec'])) setStatus(object, (old.metadata.generation ?? 0) + 1)
      },
    },
  })
}

/** The kinds that rules name outright: a wildcard says nothing of types. */
function kindsOf(registry: ResourceRegistry, rules: readonly MatchRule[]): Resource[] {
  const found = new Set<Resource>()
  for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
    for (const group of [...apiGroups].sort()) for (const version of [...apiVersions].sort()) for (const plural of [...resources].sort()) {
      const resource = registry.find(group, version, plural)
      if (resource && found.size < mostKinds) found.add(resource)
    }
  }
  return [...found]
}
