import type { Pod } from '@idp/api'
import { compareQuantities, parseQuantity } from '@idp/formats'

/** The quality of service class of a pod: Guaranteed when every container limits cpu and memory and requests as much, BestEffort when none asks for anything. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  let any = false
  let guaranteed = true
  for (const { resources } of containers) {
    const requests = resources?.requests as Readonly<Record<string, string | number>> | undefined
    const limits = resources?.limits as Readonly<Record<string, string | number>> | undefined
    for (const name of ['cpu', 'memory']) {
      const limit = positive(limits?.[name])
      const request = positive(requests?.[name])
      if (limit !== undefined || request !== undefined) any = true
      if (limit === undefined || (request !== undefined && compareQuantities(parseQuantity(limit), parseQuantity(request)) !== 0)) guaranteed = false
    }
  }
  if (!any) return 'BestEffort'
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function positive(quantity: string | number | undefined): string | number | undefined {
  return quantity === undefined || compareQuantities(parseQuantity(quantity), parseQuantity(0)) === 0 ? undefined : quantity
}
