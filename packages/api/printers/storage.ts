import type { CSIDriver, CSINode, CSIStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment, VolumeAttributesClass } from '../kinds/index.ts'
import { ageColumn, column, integer, nameColumn, type PrinterColumn, unset, wide } from './column.ts'

const modes: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' }

function modesText(list: readonly string[] | undefined): string {
  return Object.keys(modes).filter((mode) => list?.includes(mode)).map((mode) => modes[mode]).join(',')
}

const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

export const persistentVolumeColumns: readonly PrinterColumn<PersistentVolume>[] = [
  nameColumn, column('Capacity', ({ spec }) => String(spec.capacity?.storage ?? '')), column('Access Modes', ({ spec }) => modesText(spec.accessModes)),
  column('Reclaim Policy', ({ spec }) => spec.persistentVolumeReclaimPolicy ?? ''), column('Status', ({ metadata, status }) => metadata.deletionTimestamp === undefined ? status?.phase ?? '' : 'Terminating'),
  column('Claim', ({ spec: { claimRef } }) => claimRef === undefined ? '' : `${claimRef.namespace}/${claimRef.name}`), column('StorageClass', ({ metadata, spec }) => metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? ''),
  column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? unset), column('Reason', ({ status }) => status?.reason ?? ''), ageColumn, wide('VolumeMode', ({ spec }) => spec.volumeMode ?? unset),
]

export const claimColumns: readonly PrinterColumn<PersistentVolumeClaim>[] = [
  nameColumn, column('Status', ({ metadata, status }) => metadata.deletionTimestamp === undefined ? status?.phase ?? '' : 'Terminating'), column('Volume', ({ spec }) => spec.volumeName ?? ''),
  column('Capacity', ({ spec, status }) => spec.volumeName ? String(status?.capacity?.storage ?? '') : ''), column('Access Modes', ({ spec, status }) => spec.volumeName ? modesText(status?.accessModes) : ''),
  column('StorageClass', ({ metadata, spec }) => metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? ''), column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? unset), ageColumn,
  wide('VolumeMode', ({ spec }) => spec.volumeMode ?? unset),
]

export const storageClassColumns: readonly PrinterColumn<StorageClass>[] = [
  { ...nameColumn, cell: ({ metadata }) => `${metadata.name ?? ''}${metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ? ' (default)' : ''}` },
  column('Provisioner', ({ provisioner }) => provisioner), column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'), column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
  column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false)), ageColumn,
]

export const volumeAttachmentColumns: readonly PrinterColumn<VolumeAttachment>[] = [
  nameColumn, column('Attacher', ({ spec }) => spec.attacher), column('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''), column('Node', ({ spec }) => spec.nodeName),
  column('Attached', ({ status }) => String(status?.attached ?? false)), ageColumn,
]

export const volumeAttributesClassColumns: readonly PrinterColumn<VolumeAttributesClass>[] = [nameColumn, column('DriverName', ({ driverName }) => driverName), ageColumn]

export const csiDriverColumns: readonly PrinterColumn<CSIDriver>[] = [
  nameColumn, column('AttachRequired', ({ spec }) => spec.attachRequired ?? true, { type: 'boolean' }), column('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount ?? false, { type: 'boolean' }),
  column('StorageCapacity', ({ spec }) => spec.storageCapacity ?? false, { type: 'boolean' }), column('TokenRequests', ({ spec }) => spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? unset),
  column('RequiresRepublish', ({ spec }) => spec.requiresRepublish ?? false, { type: 'boolean' }), column('Modes', ({ spec }) => spec.volumeLifecycleModes?.join(',') ?? ''), ageColumn,
]

export const csiNodeColumns: readonly PrinterColumn<CSINode>[] = [nameColumn, integer('Drivers', ({ spec }) => spec.drivers.length), ageColumn]

export const csiStorageCapacityColumns: readonly PrinterColumn<CSIStorageCapacity>[] = [nameColumn, column('StorageClassName', ({ storageClassName }) => storageClassName), column('Capacity', ({ capacity }) => String(capacity ?? unset))]
