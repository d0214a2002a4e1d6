import type { LimitRange, PersistentVolumeClaim, Pod } from '@idp/api'
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity } from '@idp/formats'
import type { ServerContext } from '../server-context.ts'
import { byNamespace, storedList } from '../stored-list.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { creates, deny } from './deny.ts'

type Amounts = Record<string, string>
type Limit = LimitRange['spec']['limits'][number]
interface Resources { requests?: Amounts; limits?: Amounts }

/** Fills in and enforces what the namespace's LimitRanges say of containers, pods and claims. */
export function limitRanger(server: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  const ranges = storedList(server, { group: '', version: 'v1', plural: 'limitranges' }, byNamespace<LimitRange>)
  const limitsOf = ({ namespace }: AdmissionRequest): Limit[] => (ranges.current().get(namespace) ?? []).flatMap(({ spec }) => spec.limits)
  const applies = (request: AdmissionRequest, plural: string) => request.object !== undefined && request.subresource === '' && request.resource.kind.group === '' && request.resource.kind.plural === plural
  return {
    name: 'LimitRanger',
    mayChange: (request) => creates(request, '', 'pods'),
    mutate(request) {
      if (!applies(request, 'pods') || request.operation !== 'CREATE') return
      const { spec } = request.object as unknown as Pod
      for (const limit of limitsOf(request)) {
        if (limit.type === 'Container') for (const container of [...(spec.initContainers ?? []), ...spec.containers]) fillIn(container as { resources?: Resources }, limit)
      }
    },
    validate(request) {
      if (request.resource.kind.group !== '' || ranges.current().size === 0) return
      const problems: string[] = []
      if (applies(request, 'pods') && request.operation === 'CREATE') {
        const { spec } = request.object as unknown as Pod
        for (const limit of limitsOf(request)) {
          if (limit.type === 'Container') for (const container of [...(spec.initContainers ?? []), ...spec.containers]) check(limit, (container.resources ?? {}) as Resources, problems)
          if (limit.type === 'Pod') check(limit, total(spec.containers.map((container) => (container.resources ?? {}) as Resources)), problems)
        }
      }
      if (applies(request, 'persistentvolumeclaims')) {
        const { spec } = request.object as unknown as PersistentVolumeClaim
        for (const limit of limitsOf(request)) if (limit.type === 'PersistentVolumeClaim') check(limit, { requests: (spec.resources?.requests ?? {}) as Amounts }, problems)
      }
      if (problems.length > 0) throw deny(request, problems.length === 1 ? problems[0] ?? '' : `[${problems.join(', ')}]`)
    },
  }
}

function fillIn(container: { resources?: Resources }, limit: Limit): void {
  const resources = (container.resources ??= {})
  const requests = { ...((limit.defaultRequest ?? {}) as Amounts), ...resources.requests }
  const limits = { ...((limit.default ?? {}) as Amounts), ...resources.limits }
  // A limit without request is its own request; upstream's defaults run before this.
  for (const [name, amount] of Object.entries(resources.limits ?? {})) if (resources.requests?.[name] === undefined) requests[name] = amount
  if (Object.keys(requests).length > 0) resources.requests = requests
  if (Object.keys(limits).length > 0) resources.limits = limits
}

function check(limit: Limit, { requests = {}, limits = {} }: Resources, problems: string[]): void {
  const of = limit.type
  const show = (amount: string) => canonicalQuantity(amount)
  for (const [name, min] of Object.entries((limit.min ?? {}) as Amounts)) {
    const request = requests[name]
    if (request === undefined) problems.push(`minimum ${name} usage per ${of} is ${show(min)}.  No request is specified`)
    else if (compare(request, min) < 0) problems.push(`minimum ${name} usage per ${of} is ${show(min)}, but request is ${show(request)}`)
    else if (limits[name] !== undefined && compare(limits[name], min) < 0) problems.push(`minimum ${name} usage per ${of} is ${show(min)}, but limit is ${show(limits[name])}`)
  }
  for (const [name, max] of Object.entries((limit.max ?? {}) as Amounts)) {
    const upper = of === 'PersistentVolumeClaim' ? requests[name] : limits[name]
    if (upper === undefined) problems.push(`maximum ${name} usage per ${of} is ${show(max)}.  No limit is specified`)
    else if (compare(upper, max) > 0) problems.push(`maximum ${name} usage per ${of} is ${show(max)}, but ${of === 'PersistentVolumeClaim' ? 'request' : 'limit'} is ${show(upper)}`)
    else if (requests[name] !== undefined && compare(requests[name], max) > 0) problems.push(`maximum ${name} usage per ${of} is ${show(max)}, but request is ${show(requests[name])}`)
  }
}

function compare(a: string, b: string): number {
  return compareQuantities(parseQuantity(a), parseQuantity(b))
}

function total(containers: readonly Resources[]): Resources {
  const sum = (field: 'requests' | 'limits') => {
    const out: Amounts = {}
    for (const resources of containers) for (const [name, amount] of Object.entries(resources[field] ?? {})) out[name] = out[name] === undefined ? amount : addAmounts(out[name], amount)
    return out
  }
  return { requests: sum('requests'), limits: sum('limits') }
}

export function addAmounts(a: string, b: string): string {
  return formatQuantity(addQuantities(parseQuantity(a), parseQuantity(b)))
}
