import type { Controller } from '@idp/controller'
import { CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, type PolicyCondition } from '../kinds/cilium.ts'
import { compilePolicy } from '../policy/compile-policy.ts'

const kinds = { CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy }

/** Says of each policy in condition `Valid` whether it is one, and why not: what is not valid is not enforced. */
export function policyStatusController(name: keyof typeof kinds): Controller<CiliumNetworkPolicy> {
  return {
    name: name === 'CiliumNetworkPolicy' ? 'cnp-validation' : 'ccnp-validation',
    for: kinds[name],
    async reconcile(policy, { clock }) {
      const { errors } = compilePolicy({ ...policy, kind: name }, { cluster: '' })
      const status = errors.length === 0 ? 'True' : 'False'
      const message = errors.length === 0 ? 'Policy validation succeeded' : errors.join('\n')
      const conditions = policy.status?.conditions ?? []
      const known = conditions.find(({ type }) => type === 'Valid')
      if (known?.status === status && known.message === message) return undefined
      const valid: PolicyCondition = { type: 'Valid', status, lastTransitionTime: known?.status === status && known.lastTransitionTime !== undefined ? known.lastTransitionTime : new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'), message }
      return { status: { ...policy.status, conditions: [...conditions.filter(({ type }) => type !== 'Valid'), valid] } }
    },
  }
}
