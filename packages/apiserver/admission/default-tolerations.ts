import type { Pod } from '@idp/api'
import type { AdmissionPlugin } from './admission.ts'
import { creates } from './deny.ts'

const conditions = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

/** Pods stay five minutes on a node that fails, unless they say otherwise. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  mayChange: (request) => creates(request, '', 'pods'),
  mutate(request) {
    if (!creates(request, '', 'pods')) return
    const { spec } = request.object as unknown as Pod
    for (const key of conditions) {
      const tolerated = spec.tolerations?.some((toleration) => (toleration.key === key || (toleration.key ?? '') === '') && (toleration.effect === 'NoExecute' || (toleration.effect ?? '') === ''))
      if (tolerated !== true) spec.tolerations = [...(spec.tolerations ?? []), { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }]
    }
  },
}
