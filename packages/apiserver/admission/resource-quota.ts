import type { Pod, ResourceQuota } from '@idp/api'
import { compareQuantities, parseQuantity, type AnyObject } from '@idp/formats'
import { fieldAt } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import { byNamespace, storedList } from '../stored-list.ts'
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts'
import { deny } from './deny.ts'
import { addAmounts } from './limit-ranger.ts'

type Amounts = Record<string, string>

/** Refuses what would exceed a ResourceQuota. Usage is counted from the objects that are there, so a stale status does no harm. */
export function resourceQuota(server: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  const { storage } = server
  const quotas = storedList(server, { group: '', version: 'v1', plural: 'resourcequotas' }, byNamespace<ResourceQuota>)
  const usedBy = (request: AdmissionRequest, quota: ResourceQuota): Amounts => {
    const others = storage.list(request.resource, request.namespace).filter((object) => object.metadata.name !== request.name && inScope(quota, request.resource.kind.plural, object))
    return others.reduce<Amounts>((sum, object) => addAll(sum, usageOf(request, object)), {})
  }
  return {
    name: 'ResourceQuota',
    validate(request) {
      const { object, namespace, subresource, operation } = request
      if (object === undefined || namespace === '' || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      for (const quota of quotas.current().get(namespace) ?? []) {
        if (!inScope(quota, request.resource.kind.plural, object)) continue
        const hard = (quota.spec?.hard ?? {}) as Amounts
        const asked = usageOf(request, object)
        if (operation === 'CREATE') checkSpecified(request, quota, hard, asked)
        const concerned = Object.keys(asked).filter((name) => hard[name] !== undefined).sort()
        if (concerned.length === 0) continue
        const used = usedBy(request, quota)
        const before = request.old === undefined ? {} : usageOf(request, request.old)
        const exceeded = concerned.filter((name) => grows(before[name], asked[name]) && compareQuantities(parseQuantity(addAmounts(used[name] ?? '0', asked[name] ?? '0')), parseQuantity(hard[name] ?? '0')) > 0)
        if (exceeded.length === 0) continue
        const show = (amounts: Amounts) => exceeded.map((name) => `${name}=${amounts[name] ?? '0'}`).join(',')
        throw deny(request, `exceeded quota: ${quota.metadata.name ?? ''}, requested: ${show(asked)}, used: ${show(used)}, limited: ${show(hard)}`)
      }
    },
  }
}

function grows(before: string | undefined, after: string | undefined): boolean {
  return before === undefined || compareQuantities(parseQuantity(after ?? '0'), parseQuantity(before)) > 0
}

function addAll(sum: Amounts, more: Amounts): Amounts {
  const out = { ...sum }
  for (const [name, amount] of Object.entries(more)) out[name] = out[name] === undefined ? amount : addAmounts(out[name], amount)
  return out
}

/** What one object counts for. */
function usageOf({ resource }: AdmissionRequest, object: AnyObject): Amounts {
  const { group, plural } = resource.kind
  const count: Amounts = { [`count/${group === '' ? plural : `${plural}.${group}`}`]: '1' }
  if (group !== '') return count
  switch (plural) {
    case 'pods': return isEnded(object) ? count : { ...count, ...podUsage(object as unknown as Pod) }
    case 'services': return { ...count, services: '1', ...serviceUsage(object) }
    case 'persistentvolumeclaims': return { ...count, persistentvolumeclaims: '1', ...claimUsage(object) }
    case 'configmaps': case 'secrets': case 'replicationcontrollers': case 'resourcequotas': return { ...count, [plural]: '1' }
    default: return count
  }
}

function isEnded(object: AnyObject): boolean {
  const phase = fieldAt(object, ['status', 'phase'])
  return phase === 'Succeeded' || phase === 'Failed'
}

function podUsage({ spec }: Pod): Amounts {
  const sums: Record<'requests' | 'limits', Amounts> = { requests: {}, limits: {} }
  for (const field of ['requests', 'limits'] as const) {
    sums[field] = spec.containers.reduce<Amounts>((sum, container) => addAll(sum, (container.resources?.[field] ?? {}) as Amounts), {})
    for (const container of spec.initContainers ?? []) {
      for (const [name, amount] of Object.entries((container.resources?.[field] ?? {}) as Amounts)) {
        const known = sums[field][name]
        if (known === undefined || compareQuantities(parseQuantity(amount), parseQuantity(known)) > 0) sums[field][name] = amount
      }
    }
  }
  const { requests, limits } = sums
  return {
    pods: '1',
    ...Object.fromEntries(Object.entries(requests).flatMap(([name, amount]) => [[`requests.${name}`, amount], ...(name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' ? [[name, amount]] : [])])),
    ...Object.fromEntries(Object.entries(limits).map(([name, amount]) => [`limits.${name}`, amount])),
  }
}

function serviceUsage(object: AnyObject): Amounts {
  const type = fieldAt(object, ['spec', 'type'])
  const ports = fieldAt(object, ['spec', 'ports'])
  const nodePorts = String(Array.isArray(ports) ? ports.length : 0)
  if (type === 'NodePort') return { 'services.nodeports': nodePorts }
  return type === 'LoadBalancer' ? { 'services.loadbalancers': '1', 'services.nodeports': nodePorts } : {}
}

function claimUsage(object: AnyObject): Amounts {
  const storage = fieldAt(object, ['spec', 'resources', 'requests', 'storage'])
  const storageClass = fieldAt(object, ['spec', 'storageClassName'])
  if (typeof storage !== 'string') return {}
  const ofClass = typeof storageClass === 'string' ? { [`${storageClass}.storageclass.storage.k8s.io/requests.storage`]: storage, [`${storageClass}.storageclass.storage.k8s.io/persistentvolumeclaims`]: '1' } : {}
  return { 'requests.storage': storage, ...ofClass }
}

/** Where a quota limits cpu or memory, each container must say how much it wants. */
function checkSpecified(request: AdmissionRequest, quota: ResourceQuota, hard: Amounts, asked: Amounts): void {
  if (request.resource.kind.plural !== 'pods' || request.resource.kind.group !== '') return
  const missing = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'].filter((name) => hard[name] !== undefined && asked[name] === undefined)
  if (missing.length > 0) {
    const containers = (request.object as unknown as Pod).spec.containers.map(({ name }) => name).join(',')
    throw deny(request, `failed quota: ${quota.metadata.name ?? ''}: ${missing.sort().map((name) => `must specify ${name} for: ${containers}`).join('; ')}`)
  }
}

function inScope({ spec }: ResourceQuota, plural: string, object: AnyObject): boolean {
  const scopes = [...(spec?.scopes ?? []), ...(spec?.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values }) => `${scopeName}:${operator}:${(values ?? []).join(',')}`)]
  if (scopes.length === 0) return true
  if (plural !== 'pods') return false
  return scopes.every((scope) => {
    const [name, operator = 'Exists', values = ''] = scope.split(':')
    const terminating = fieldAt(object, ['spec', 'activeDeadlineSeconds']) !== undefined
    const bestEffort = fieldAt(object, ['status', 'qosClass']) === 'BestEffort'
    const priorityClass = fieldAt(object, ['spec', 'priorityClassName'])
    switch (name) {
      case 'Terminating': return terminating
      case 'NotTerminating': return !terminating
      case 'BestEffort': return bestEffort
      case 'NotBestEffort': return !bestEffort
      case 'PriorityClass': {
        if (operator === 'Exists') return priorityClass !== undefined
        if (operator === 'DoesNotExist') return priorityClass === undefined
        return values.split(',').includes(String(priorityClass)) === (operator === 'In')
      }
      default: return false
    }
  })
}
