import type { HorizontalPodAutoscaler, Kind } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { AnyObject } from '@idp/formats'

/** The scale of what an autoscaler sizes. */
export interface ScaleTarget {
  readonly kind: Kind<AnyObject>
  readonly replicas: number
  /** In text form. */
  readonly selector: string
}

export async function readScale(autoscaler: HorizontalPodAutoscaler, { client }: Scope): Promise<ScaleTarget> {
  const reference = autoscaler.spec?.scaleTargetRef
  const kind = await client.kindOf(reference?.apiVersion ?? 'v1', reference?.kind ?? '')
  const scale = await client.get(kind, reference?.name ?? '', { namespace: autoscaler.metadata.namespace, subresource: 'scale' })
  const status = scale['status'] as { selector?: string } | undefined
  return { kind, replicas: (scale['spec'] as { replicas?: number } | undefined)?.replicas ?? 0, selector: status?.selector ?? '' }
}

export async function writeScale(autoscaler: HorizontalPodAutoscaler, { kind }: ScaleTarget, replicas: number, { client }: Scope): Promise<void> {
  await client.patch(kind, autoscaler.spec?.scaleTargetRef.name ?? '', { spec: { replicas } }, { namespace: autoscaler.metadata.namespace, subresource: 'scale', type: 'merge' })
}
