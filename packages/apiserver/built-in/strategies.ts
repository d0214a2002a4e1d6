import { generateJobSelector } from '@idp/api'
import type { JsonObject } from '@idp/formats'
import type { Strategy } from '../resource.ts'
import { isRecord } from '../json-value.ts'

/** What is particular to single built-in kinds. */
export const builtInStrategies: Readonly<Record<string, Strategy>> = {
  pods: {
    generation: true, answersDeleted: true,
    initialStatus: (object) => ({ phase: 'Pending', qosClass: qosClass(object['spec']) }),
    gracePeriod(object, asked) {
      const spec = isRecord(object['spec']) ? object['spec'] : {}
      const status = isRecord(object['status']) ? object['status'] : {}
      // Nobody has to be waited for where the pod never ran or has ended.
      if ((spec['nodeName'] ?? '') === '' || status['phase'] === 'Failed' || status['phase'] === 'Succeeded') return 0
      const own = spec['terminationGracePeriodSeconds']
      return asked ?? (typeof own === 'number' ? own : 30)
    },
  },
  namespaces: {
    generation: false, answersDeleted: true,
    prepareCreate(object) {
      const spec = isRecord(object['spec']) ? object['spec'] : {}
      const finalizers = Array.isArray(spec['finalizers']) ? spec['finalizers'] : []
      object['spec'] = { ...spec, finalizers: [...new Set(['kubernetes', ...finalizers])] }
    },
    prepareUpdate(object, old) {
      object['spec'] = old['spec']
    },
    initialStatus: () => ({ phase: 'Active' }),
    markDeleted(object) {
      object['status'] = { ...(isRecord(object['status']) ? object['status'] : {}), phase: 'Terminating' }
    },
    mayGo(object) {
      const spec = isRecord(object['spec']) ? object['spec'] : {}
      return !Array.isArray(spec['finalizers']) || spec['finalizers'].length === 0
    },
  },
  services: { generation: false, answersDeleted: true },
  jobs: { prepareCreate: (object) => generateJobSelector(object as unknown as JsonObject) },
  secrets: {
    generation: false,
    normalize(object) {
      const { stringData } = object
      if (!isRecord(stringData)) return
      const encoded = Object.entries(stringData).map(([name, text]) => [name, Buffer.from(String(text)).toString('base64')])
      object['data'] = { ...(isRecord(object['data']) ? object['data'] : {}), ...Object.fromEntries(encoded) }
      delete object['stringData']
    },
  },
  serviceaccounts: { generation: false, answersDeleted: true },
  persistentvolumeclaims: { generation: false, answersDeleted: true, initialStatus: () => ({ phase: 'Pending' }) },
  persistentvolumes: { generation: false, answersDeleted: true, initialStatus: () => ({ phase: 'Pending' }) },
}

function qosClass(spec: unknown): string {
  const containers = isRecord(spec) ? [...asList(spec['containers']), ...asList(spec['initContainers'])] : []
  const amounts = containers.map((container) => {
    const resources = isRecord(container) && isRecord(container['resources']) ? container['resources'] : {}
    return { requests: isRecord(resources['requests']) ? resources['requests'] : {}, limits: isRecord(resources['limits']) ? resources['limits'] : {} }
  })
  if (amounts.every(({ requests, limits }) => [requests, limits].every((list) => list['cpu'] === undefined && list['memory'] === undefined))) return 'BestEffort'
  const fixed = ['cpu', 'memory'] as const
  const guaranteed = amounts.every(({ requests, limits }) => fixed.every((name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name]))
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
