import { isApiError, Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@idp/api'
import { watch, type Controller, type Loop, type Scope } from '@idp/controller'
import { bindCompleted, provisionedBy, selectedNode, storageProvisioner } from '../engine/volume-match.ts'

const provisioner = 'rancher.io/local-path'
const root = '/var/lib/rancher/k3s/storage'
const protection = 'kubernetes.io/pv-protection'

/** Makes volumes for claims of `rancher.io/local-path`: a directory on the node that the scheduler chose. */
export const localPathProvisioner: Controller<PersistentVolumeClaim> = {
  name: 'rancher.io/local-path',
  for: PersistentVolumeClaim, reads: [PersistentVolume, StorageClass, Node], concurrency: 4,
  concerns: (_before, claim) => claim.metadata.annotations?.[storageProvisioner] === provisioner && claim.metadata.annotations[bindCompleted] === undefined,
  async reconcile(claim, scope) {
    const { name = '', namespace = '', uid = '', annotations = {}, deletionTimestamp } = claim.metadata
    if (deletionTimestamp !== undefined || annotations[storageProvisioner] !== provisioner || (claim.spec.volumeName ?? '') !== '') return
    const volumeName = `pvc-${uid}`
    if (scope.cache(PersistentVolume).get(volumeName) !== undefined) return
    const storageClass = scope.cache(StorageClass).get(claim.spec.storageClassName ?? '')
    const node = scope.cache(Node).get(annotations[selectedNode] ?? '')
    const refusal = refusalOf(claim, storageClass, node)
    if (refusal !== undefined) {
      scope.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${claim.spec.storageClassName ?? ''}": ${refusal}`)
      return
    }
    scope.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${namespace}/${name}"`)
    await createVolume(claim, volumeName, storageClass, node, scope)
    scope.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName}`)
  },
}

function refusalOf(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined, node: Node | undefined): string | undefined {
  if (storageClass === undefined) return 'the StorageClass does not exist'
  if (claim.spec.volumeMode === 'Block') return 'only filesystem volumes are made; volumeMode Block is not implemented'
  if (claim.spec.accessModes?.some((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod')) return 'NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes'
  return node === undefined ? 'configuration error, no node was specified' : undefined
}

async function createVolume(claim: PersistentVolumeClaim, name: string, storageClass: StorageClass | undefined, node: Node | undefined, { client }: Scope): Promise<void> {
  const { metadata, spec } = claim
  const hostname = node?.metadata.labels?.['kubernetes.io/hostname'] ?? node?.metadata.name ?? ''
  const volume: PersistentVolume = {
    apiVersion: 'v1', kind: 'PersistentVolume',
    metadata: { name, finalizers: [protection], annotations: { [provisionedBy]: provisioner, 'local.path.provisioner/selected-node': node?.metadata.name ?? '' } },
    spec: {
      capacity: { storage: spec.resources?.requests?.['storage'] ?? '0' }, accessModes: spec.accessModes ?? [], volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass?.reclaimPolicy ?? 'Delete', storageClassName: spec.storageClassName ?? '',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' },
      hostPath: { path: `${root}/${name}_${metadata.namespace}_${metadata.name}`, type: 'DirectoryOrCreate' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] }] }] } },
    },
  }
  try {
    await client.create(PersistentVolume, volume)
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
}

/** Deletes volumes of this provisioner whose claim has gone, where their policy says Delete. The node removes the directory with the volume. */
export const localPathReclaimer: Controller<PersistentVolume> = {
  name: 'rancher.io/local-path-reclaimer',
  for: PersistentVolume,
  watches: [watch(PersistentVolumeClaim, (claim) => ((claim.spec.volumeName ?? '') === '' ? [] : [{ name: claim.spec.volumeName ?? '' }]))],
  async reconcile(volume, { client }) {
    const { annotations, deletionTimestamp, name = '' } = volume.metadata
    const mine = annotations?.[provisionedBy] === provisioner && volume.spec.persistentVolumeReclaimPolicy === 'Delete'
    if (!mine || volume.status?.phase !== 'Released' || deletionTimestamp !== undefined) return
    await client.delete(PersistentVolume, name)
  },
}

/** Makes the default StorageClass `local-path` once; what the user does with it afterwards stays. */
export function localPathClass(): Loop {
  return {
    name: 'local-path-class', reads: [StorageClass],
    async run({ client, cache }) {
      if (cache(StorageClass).list().length > 0) return
      try {
        await client.create(StorageClass, {
          apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
          provisioner, reclaimPolicy: 'Delete', volumeBindingMode: 'WaitForFirstConsumer',
        })
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error
      }
    },
  }
}
