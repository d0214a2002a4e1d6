import { Node, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@idp/api'
import { watch, type Controller, type Key, type Outcome, type Scope } from '@idp/controller'
import { bestVolume, betaStorageProvisioner, bindCompleted, boundByController, isReservedFor, selectedNode, storageProvisioner } from '../engine/volume-match.ts'

type Claim = PersistentVolumeClaim
const defaultClass = 'storageclass.kubernetes.io/is-default-class'

/** Binds claims to volumes, and asks provisioners for volumes that do not exist. */
export const volumeClaimController: Controller<Claim> = {
  name: 'persistentvolume-controller',
  for: PersistentVolumeClaim, reads: [Node], concurrency: 4,
  watches: [watch(PersistentVolume, claimsOfVolume), watch(StorageClass, claimsOfClass)],
  async reconcile(claim, scope) {
    if (claim.metadata.annotations?.[bindCompleted] !== undefined) return keepBound(claim, scope)
    if (claim.metadata.deletionTimestamp !== undefined) return
    const asked = (claim.spec.volumeName ?? '') !== '' ? scope.cache(PersistentVolume).get(claim.spec.volumeName ?? '') : undefined
    if ((claim.spec.volumeName ?? '') !== '') {
      if (asked === undefined) return pending(claim)
      if (asked.spec.claimRef !== undefined && !isReservedFor(asked, claim)) {
        scope.event(claim, 'Warning', 'FailedBinding', `volume "${asked.metadata.name}" already bound to a different claim.`)
        return pending(claim)
      }
      return bind(claim, asked, scope)
    }
    return findVolume(await withClass(claim, scope), scope)
  },
}

/** The claim a volume is for; a free volume may suit any claim that still waits. */
function claimsOfVolume(volume: PersistentVolume, { cache }: Scope): Iterable<Key> {
  const { claimRef } = volume.spec
  if (claimRef?.name !== undefined) return [{ namespace: claimRef.namespace, name: claimRef.name }]
  return waitingClaims(cache(PersistentVolumeClaim).list(), volume.spec.storageClassName ?? '')
}

function claimsOfClass(storageClass: StorageClass, { cache }: Scope): Iterable<Key> {
  return waitingClaims(cache(PersistentVolumeClaim).list(), storageClass.metadata.name)
}

function waitingClaims(claims: readonly Claim[], className: string | undefined): Key[] {
  return claims.filter(({ spec, metadata }) => metadata.annotations?.[bindCompleted] === undefined && (spec.storageClassName === undefined || spec.storageClassName === className))
    .map(({ metadata: { namespace, name = '' } }) => ({ namespace, name }))
}

function pending(claim: Claim): Outcome {
  return { status: { ...claim.status, phase: 'Pending' } }
}

/** A claim that names no class takes the default one, also when that appeared later. */
async function withClass(claim: Claim, { client, cache }: Scope): Promise<Claim> {
  if (claim.spec.storageClassName !== undefined) return claim
  const found = cache(StorageClass).list().filter(({ metadata }) => metadata.annotations?.[defaultClass] === 'true')
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') > (b.metadata.creationTimestamp ?? '') ? -1 : 1))[0]
  if (found === undefined) return claim
  const { name = '', namespace } = claim.metadata
  return client.patch(PersistentVolumeClaim, name, { spec: { storageClassName: found.metadata.name ?? '' } }, { namespace, type: 'merge' })
}

async function findVolume(claim: Claim, scope: Scope): Promise<Outcome> {
  const { cache, client, event } = scope
  const className = claim.spec.storageClassName ?? ''
  const storageClass = className === '' ? undefined : cache(StorageClass).get(className)
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const nodeName = claim.metadata.annotations?.[selectedNode]
  if (delayed && nodeName === undefined) {
    event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
    return { ...pending(claim), object: claim }
  }
  const volume = bestVolume(cache(PersistentVolume).list(), claim, nodeName === undefined ? undefined : cache(Node).get(nodeName))
  if (volume !== undefined) return bind(claim, volume, scope)
  const provisioner = storageClass?.provisioner
  if (storageClass === undefined || provisioner === undefined || provisioner === 'kubernetes.io/no-provisioner') {
    if (className === '') event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')
    else if (storageClass === undefined) event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`)
    return { ...pending(claim), object: claim }
  }
  const { name = '', namespace, annotations = {} } = claim.metadata
  const marked = annotations[storageProvisioner] === provisioner ? claim
    : await client.patch(PersistentVolumeClaim, name, { metadata: { annotations: { [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner } } }, { namespace, type: 'merge' })
  event(claim, 'Normal', 'ExternalProvisioning', `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`)
  return { ...pending(claim), object: marked }
}

/** Both sides name each other, the volume first: a crash in between is finished by the next pass. */
async function bind(claim: Claim, volume: PersistentVolume, { client }: Scope): Promise<Outcome> {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = claim.metadata
  const volumeName = volume.metadata.name ?? ''
  const reserved = volume.spec.claimRef !== undefined
  let written = volume
  if (volume.spec.claimRef?.uid !== uid) {
    written = await client.patch(PersistentVolume, volumeName, {
      metadata: { resourceVersion: volume.metadata.resourceVersion ?? '', annotations: reserved ? {} : { [boundByController]: 'yes' } },
      spec: { claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion } },
    }, { type: 'merge' })
  }
  if (written.status?.phase !== 'Bound') await client.patch(PersistentVolume, volumeName, { status: { phase: 'Bound' } }, { type: 'merge', subresource: 'status' })
  const chosen = (claim.spec.volumeName ?? '') !== ''
  const object = await client.patch(PersistentVolumeClaim, name, {
    metadata: { annotations: { [bindCompleted]: 'yes', ...(chosen ? {} : { [boundByController]: 'yes' }) } }, spec: { volumeName },
  }, { namespace, type: 'merge' })
  return { status: boundStatus(claim, volume), object }
}

function boundStatus(claim: Claim, { spec }: PersistentVolume): unknown {
  return { ...claim.status, phase: 'Bound', accessModes: spec.accessModes ?? [], capacity: spec.capacity ?? {} }
}

async function keepBound(claim: Claim, scope: Scope): Promise<Outcome> {
  const volume = scope.cache(PersistentVolume).get(claim.spec.volumeName ?? '')
  const lost = (reason: string, message: string): Outcome => {
    if (claim.status?.phase !== 'Lost') scope.event(claim, 'Warning', reason, message)
    return { status: { ...claim.status, phase: 'Lost' } }
  }
  if (volume === undefined) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  if (volume.spec.claimRef === undefined) return bind(claim, volume, scope)
  if (!isReservedFor(volume, claim)) return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
  return { status: boundStatus(claim, volume) }
}
