import type { Pod, ResourceQuota } from '@idp/api'
import { isPodTerminal } from '@idp/controller'
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '@idp/formats'

type Amounts = Map<string, Quantity>
type Resources = Pod['spec']['containers'][number]['resources']

/** What a pod uses of a quota: its requests (also under their short names), limits, and itself. */
export function podUsage(pod: Pod): Amounts {
  const usage: Amounts = new Map([['pods', parseQuantity('1')]])
  for (const [resource, amount] of podAmounts(pod, (resources) => ({ ...resources?.limits, ...resources?.requests }))) {
    usage.set(`requests.${resource}`, amount)
    if (resource === 'cpu' || resource === 'memory' || resource === 'ephemeral-storage') usage.set(resource, amount)
  }
  for (const [resource, amount] of podAmounts(pod, (resources) => ({ ...resources?.limits }))) usage.set(`limits.${resource}`, amount)
  return usage
}

/** Containers and sidecars together, or an init container beside the sidecars before it, whichever is more. */
function podAmounts(pod: Pod, of: (resources: Resources) => Record<string, string | number>): Amounts {
  const total: Amounts = new Map()
  const sidecars: Amounts = new Map()
  const peak: Amounts = new Map()
  const add = (into: Amounts, list: Iterable<readonly [string, Quantity]>) => {
    for (const [name, amount] of list) into.set(name, addQuantities(into.get(name) ?? parseQuantity('0'), amount))
    return into
  }
  const raise = (into: Amounts, list: Amounts) => {
    for (const [name, amount] of list) if (compareQuantities(amount, into.get(name) ?? parseQuantity('0')) > 0) into.set(name, amount)
  }
  const parse = (resources: Resources) => Object.entries(of(resources)).map(([name, text]) => [name, parseQuantity(text)] as const)
  for (const { resources } of pod.spec.containers) add(total, parse(resources))
  for (const { resources, restartPolicy } of pod.spec.initContainers ?? []) {
    if (restartPolicy === 'Always') raise(peak, add(sidecars, parse(resources)))
    else raise(peak, add(new Map(sidecars), parse(resources)))
  }
  add(total, sidecars)
  raise(total, peak)
  return add(total, Object.entries(pod.spec.overhead ?? {}).map(([name, text]) => [name, parseQuantity(text)] as const))
}

/** True when the quota's scopes include the pod. Pods that have ended count for none. */
export function quotaCountsPod(quota: ResourceQuota, pod: Pod): boolean {
  if (isPodTerminal(pod)) return false
  const plain = (quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists', values: [] as string[] }))
  return [...plain, ...(quota.spec?.scopeSelector?.matchExpressions ?? [])].every((scope) => inScope(scope, pod))
}

function inScope({ scopeName, operator, values = [] }: { scopeName: string; operator: string; values?: string[] }, pod: Pod): boolean {
  const bestEffort = pod.status?.qosClass === 'BestEffort'
  const terminating = pod.spec.activeDeadlineSeconds !== undefined
  switch (scopeName) {
    case 'BestEffort': return bestEffort
    case 'NotBestEffort': return !bestEffort
    case 'Terminating': return terminating
    case 'NotTerminating': return !terminating
    case 'CrossNamespacePodAffinity': return JSON.stringify(pod.spec.affinity ?? {}).includes('"namespace')
    case 'PriorityClass': {
      const name = pod.spec.priorityClassName ?? ''
      if (operator === 'Exists') return name !== ''
      if (operator === 'DoesNotExist') return name === ''
      return values.includes(name) === (operator === 'In')
    }
    default: return false
  }
}
