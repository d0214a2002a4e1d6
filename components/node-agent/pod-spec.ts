import type { Pod } from '@idp/api'

/** The parts of a pod's specification, by name. */
export type ContainerSpec = Pod['spec']['containers'][number]
export type ProbeSpec = NonNullable<ContainerSpec['livenessProbe']>
export type LifecycleHandler = NonNullable<NonNullable<ContainerSpec['lifecycle']>['preStop']>
export type EnvVar = NonNullable<ContainerSpec['env']>[number]
export type VolumeSpec = NonNullable<Pod['spec']['volumes']>[number]
export type PodStatus = NonNullable<Pod['status']>
export type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number]
export type ContainerState = NonNullable<ContainerStatus['state']>
export type TerminatedState = NonNullable<ContainerState['terminated']>
export type PodCondition = NonNullable<PodStatus['conditions']>[number]

export type ContainerRole = 'init' | 'sidecar' | 'regular' | 'ephemeral'

/** All containers of a pod with their role, in the order in which they start. */
export function containersOf(pod: Pod): { readonly spec: ContainerSpec; readonly role: ContainerRole }[] {
  return [
    ...(pod.spec.initContainers ?? []).map((spec) => ({ spec: spec as ContainerSpec, role: (spec.restartPolicy === 'Always' ? 'sidecar' : 'init') as ContainerRole })),
    ...pod.spec.containers.map((spec) => ({ spec, role: 'regular' as const })),
    ...(pod.spec.ephemeralContainers ?? []).map((spec) => ({ spec: spec as ContainerSpec, role: 'ephemeral' as const })),
  ]
}

/** `name_namespace(uid)`, as the node's messages name a pod. */
export function podLabel(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`
}

/** The number of a port given as number, numeric text or name of a container port. */
export function portNumber(port: string | number | undefined, container: ContainerSpec): number | undefined {
  if (typeof port === 'number') return port
  if (port === undefined) return undefined
  if (/^\d+$/.test(port)) return Number(port)
  return container.ports?.find((p) => p.name === port)?.containerPort
}
