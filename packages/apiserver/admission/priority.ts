import type { Pod, PriorityClass } from '@idp/api'
import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { creates, deny } from './deny.ts'

/** Gives a pod the number of its priority class; without one, that of the default class or 0. */
export function priorityAdmission({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  return {
    name: 'Priority',
    mayChange: (request) => creates(request, '', 'pods'),
    mutate(request) {
      if (!creates(request, '', 'pods')) return
      const { spec } = request.object as unknown as Pod
      const resource = registry.find('scheduling.k8s.io', 'v1', 'priorityclasses')
      if (resource === undefined) return
      const wanted = spec.priorityClassName ?? ''
      const found = wanted === ''
        ? (storage.list(resource) as unknown as PriorityClass[]).filter((item) => item.globalDefault === true).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0]
        : (storage.find(resource, { name: wanted }) as unknown as PriorityClass | undefined)
      if (wanted !== '' && found === undefined) throw deny(request, `no PriorityClass with name ${wanted} was found`)
      const priority = found?.value ?? 0
      if (spec.priority !== undefined && spec.priority !== priority) throw deny(request, `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`)
      Object.assign(spec, { priority, preemptionPolicy: spec.preemptionPolicy ?? found?.preemptionPolicy ?? 'PreemptLowerPriority' })
      if (found?.metadata.name !== undefined) spec.priorityClassName = found.metadata.name
    },
  }
}
