import type { Pod } from '@idp/api'

type Spec = Pod['spec']
/** What the checks read of a container of any sort. */
export type Container = Pick<Spec['containers'][number], 'name' | 'securityContext' | 'ports' | 'livenessProbe' | 'readinessProbe' | 'startupProbe' | 'lifecycle'>

/** What one control finds wrong: `reason (detail)` in upstream's refusals. */
export interface Violation { readonly reason: string; readonly detail: string }

export interface PodToCheck {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: Spec
  readonly containers: readonly Container[]
}

/** One control of the Pod Security Standards, from a minor version of Kubernetes on. */
export interface Check {
  readonly level: 'baseline' | 'restricted'
  readonly since: number
  run(pod: PodToCheck, minor: number): Violation | undefined
}

export function podToCheck(metadata: PodToCheck['metadata'], spec: Spec): PodToCheck {
  return { metadata, spec, containers: [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...((spec.ephemeralContainers ?? []) as Container[])] }
}

export const quote = (items: readonly string[]): string => items.map((item) => JSON.stringify(item)).join(', ')
export const plural = (word: string, items: readonly unknown[]): string => (items.length === 1 ? word : `${word}s`)
/** `container "a"`, `containers "a", "b"`. */
export const containersText = (names: readonly string[]): string => `${plural('container', names)} ${quote(names)}`
export const unique = (items: readonly string[]): string[] => [...new Set(items)].sort()
export const isWindows = ({ spec }: PodToCheck, minor: number): boolean => minor >= 25 && spec.os?.name === 'windows'
/** Pods in a user namespace may do inside it what would be dangerous outside. */
export const inUserNamespace = ({ spec }: PodToCheck, minor: number): boolean => minor >= 35 && spec.hostUsers === false

/** Names of the containers that a test finds at fault. */
export function failing(pod: PodToCheck, test: (container: Container) => boolean): string[] {
  return pod.containers.filter(test).map(({ name }) => name)
}
