import { claimNames, type Volumes } from './volume-binding.ts'
import { misfit, type Filter } from '../plugin.ts'

const name = 'VolumeRestrictions'
const refused = misfit(name, 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode')

/** A claim with access mode ReadWriteOncePod is for one pod at a time, wherever that is. */
export function volumeRestrictions(volumes: Pick<Volumes, 'claim'>): Filter {
  return {
    name,
    prepare(pod, view) {
      const { namespace = '' } = pod.metadata
      const single = claimNames(pod).filter((claim) => volumes.claim(claim, namespace)?.spec.accessModes?.includes('ReadWriteOncePod'))
      if (single.length === 0) return undefined
      const taken = view.nodes().some(({ pods }) => pods.values().some((other) => other.metadata.namespace === namespace && claimNames(other).some((claim) => single.includes(claim))))
      return taken ? () => refused : undefined
    },
  }
}
