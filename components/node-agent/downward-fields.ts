import type { Pod } from '@idp/api'
import { parseQuantity, quantityToNumber } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { containersOf, type ContainerSpec } from './pod-spec.ts'

/** What the node knows of a pod beyond its object. */
export interface DownwardFacts {
  readonly podIp: string
  readonly hostIp: string
  /** Allocatable resources of the node, the limit of a container that has none. */
  readonly allocatable: Readonly<Record<string, string>>
}

/** The value of a downward API field (`metadata.labels['a']`, `status.podIP`, …). Throws `CreateContainerConfigError` for a field that has none. */
export function fieldValue(pod: Pod, path: string, facts: DownwardFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (path) {
    case 'metadata.name': return pod.metadata.name ?? ''
    case 'metadata.namespace': return pod.metadata.namespace ?? ''
    case 'metadata.uid': return pod.metadata.uid ?? ''
    case 'metadata.labels': return formatMap(pod.metadata.labels)
    case 'metadata.annotations': return formatMap(pod.metadata.annotations)
    case 'spec.nodeName': return pod.spec.nodeName ?? ''
    case 'spec.serviceAccountName': return pod.spec.serviceAccountName ?? 'default'
    case 'status.hostIP': case 'status.hostIPs': return facts.hostIp
    case 'status.podIP': case 'status.podIPs': return facts.podIp
    default: throw new CodedError({ code: 'CreateContainerConfigError', message: `field label not supported: ${path}`, remedy: 'use a field of the downward API' })
  }
}

/** The value of a `resourceFieldRef`, in whole units of its divisor, rounded up; a missing limit is what the node can give. */
export function resourceFieldValue(pod: Pod, container: ContainerSpec, ref: { readonly resource: string; readonly containerName?: string; readonly divisor?: string | number }, facts: DownwardFacts): string {
  const of = ref.containerName === undefined || ref.containerName === '' ? container : containersOf(pod).find((c) => c.spec.name === ref.containerName)?.spec
  const [list = '', ...rest] = ref.resource.split('.')
  const name = rest.join('.')
  if (of === undefined || (list !== 'limits' && list !== 'requests')) throw new CodedError({ code: 'CreateContainerConfigError', message: `resource field not supported: ${ref.resource}`, remedy: 'use limits.* or requests.* of a container of the pod' })
  const limits = of.resources?.limits as Readonly<Record<string, string | number>> | undefined
  const requests = of.resources?.requests as Readonly<Record<string, string | number>> | undefined
  const value = list === 'limits' ? limits?.[name] ?? facts.allocatable[name] : requests?.[name] ?? limits?.[name]
  const divisor = ref.divisor === undefined || ref.divisor === '' || String(ref.divisor) === '0' ? 1 : quantityToNumber(parseQuantity(ref.divisor))
  return String(Math.ceil(quantityToNumber(parseQuantity(value ?? 0)) / divisor - 1e-9))
}

/** One `key="value"` a line, sorted, with Go's quoting, as the downward API writes maps. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${JSON.stringify(v)}`).join('\n')
}
