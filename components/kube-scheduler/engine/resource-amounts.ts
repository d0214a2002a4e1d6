import type { Pod } from '@idp/api'
import { parseQuantity, quantityToMilli, quantityToNumber } from '@idp/formats'

/** Amounts by resource name: CPU in thousandths of a core, everything else in its unit (bytes, pieces). */
export type Amounts = Readonly<Record<string, number>>
export type ResourceList = Readonly<Record<string, string | number>> | undefined

const parsed = new Map<string, number>()

/** The amount behind a quantity. Quantities repeat without end, so the last few thousand are remembered. */
function amountOf(resource: string, quantity: string | number): number {
  const key = resource === 'cpu' ? `cpu ${quantity}` : String(quantity)
  let amount = parsed.get(key)
  if (amount === undefined) {
    const value = parseQuantity(quantity)
    amount = resource === 'cpu' ? quantityToMilli(value) : quantityToNumber(value)
    if (parsed.size > 5_000) parsed.clear()
    parsed.set(key, amount)
  }
  return amount
}

export function amountsOf(list: ResourceList): Record<string, number> {
  const amounts: Record<string, number> = {}
  for (const [resource, quantity] of Object.entries(list ?? {})) amounts[resource] = amountOf(resource, quantity)
  return amounts
}

function add(into: Record<string, number>, amounts: Amounts): void {
  for (const [resource, amount] of Object.entries(amounts)) into[resource] = (into[resource] ?? 0) + amount
}

function raise(into: Record<string, number>, amounts: Amounts): void {
  for (const [resource, amount] of Object.entries(amounts)) into[resource] = Math.max(into[resource] ?? 0, amount)
}

type Container = Pod['spec']['containers'][number]

function requestOf(container: Pick<Container, 'resources'>): Record<string, number> {
  return { ...amountsOf(container.resources?.limits), ...amountsOf(container.resources?.requests) }
}

const requests = new WeakMap<object, Amounts>()

/**
 * What a pod needs of its node: its containers and sidecars together, or more if an init container needs more beside the sidecars started
 * before it; plus the overhead. A request of the pod as a whole takes the place of its containers'.
 */
export function podRequest(pod: Pod): Amounts {
  let request = requests.get(pod.spec)
  if (request === undefined) requests.set(pod.spec, (request = computeRequest(pod)))
  return request
}

function computeRequest(pod: Pod): Amounts {
  const total: Record<string, number> = {}
  for (const container of pod.spec.containers) add(total, requestOf(container))
  const sidecars: Record<string, number> = {}
  const peak: Record<string, number> = {}
  for (const container of pod.spec.initContainers ?? []) {
    const own = requestOf(container)
    if (container.restartPolicy === 'Always') {
      add(sidecars, own)
      raise(peak, sidecars)
    } else {
      add(own, sidecars)
      raise(peak, own)
    }
  }
  add(total, sidecars)
  raise(total, peak)
  Object.assign(total, amountsOf(pod.spec.resources?.limits), amountsOf(pod.spec.resources?.requests))
  add(total, amountsOf(pod.spec.overhead))
  return total
}

/** The least that a pod is reckoned with when nodes are compared, so that pods without requests spread too. */
export function scoringRequest(pod: Pod, resource: 'cpu' | 'memory'): number {
  return podRequest(pod)[resource] ?? (resource === 'cpu' ? 100 : 200 * 1024 * 1024)
}
