import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, objects, oneLine, told, words } from '../field.ts'

export const node: Judge = (object, world, ref) => {
  if (object === undefined) return ref.name === '' || !world.reads('Node') ? undefined : { says: 'does not exist any more', remedy: 'Delete the pods that were on it' }
  const ready = condition(object, 'Ready')
  if (ready?.status !== 'True') return { says: `is not ready: ${ready === undefined ? 'it has never reported' : told(ready)}`, remedy: 'See that the machine runs and its kubelet reaches the API (embedded engine: idp logs engine)' }
  const pressure = ['DiskPressure', 'MemoryPressure', 'PIDPressure', 'NetworkUnavailable'].find((type) => condition(object, type)?.status === 'True')
  return pressure === undefined ? undefined : { says: `has ${pressure}: ${told(condition(object, pressure) ?? { status: '', reason: '', message: '' })}`, remedy: pressure === 'DiskPressure' ? 'Free disk space on the node' : pressure === 'MemoryPressure' ? 'Move pods away or give the node more memory' : 'See the network plug-in and the processes on the node' }
}

export const claim: Judge = (object, world, ref) => {
  if (object === undefined) return { says: 'does not exist', remedy: 'Add it to the repository, or correct claimName of the pod' }
  const phase = words(object, 'status', 'phase')
  if (phase === 'Bound') return undefined
  if (phase === 'Lost') return { says: 'has lost its volume', remedy: 'Restore the PersistentVolume from a backup, or delete the claim and begin anew' }
  const name = words(object, 'spec', 'storageClassName')
  const classes = world.list('StorageClass')
  const found = name === '' ? classes.find((c) => c.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true') : classes.find((c) => c.metadata.name === name)
  const failed = world.warnings(refOf(object), 'ProvisioningFailed', 'FailedBinding')[0]
  const because: Leaf[] = []
  if (world.reads('StorageClass') && found === undefined) because.push({ subject: name === '' ? 'a default StorageClass' : `StorageClass ${name}`, says: 'does not exist', remedy: `Set storageClassName to one there is (${classes.map((c) => c.metadata.name).toSorted().join(', ') || 'there is none'}), or make it` })
  else if (failed !== undefined) because.push({ subject: `the provisioner ${words(found, 'provisioner')}`, says: oneLine(failed), remedy: 'See the log of the provisioner' })
  // A claim that waits for its first pod is as it should be; the pod says why it has no node.
  else if (words(found, 'volumeBindingMode') === 'WaitForFirstConsumer') return undefined
  return { says: `is ${phase || 'Pending'}`, because, remedy: `See kubectl describe pvc ${ref.name} -n ${ref.namespace}` }
}

/** A namespace that does not go away. */
export const namespace: Judge = (object, world) => {
  if (object?.metadata.deletionTimestamp === undefined || !(world.now - Date.parse(object.metadata.deletionTimestamp) > 60_000)) return undefined
  const left = ['NamespaceDeletionDiscoveryFailure', 'NamespaceDeletionContentFailure', 'NamespaceFinalizersRemaining', 'NamespaceContentRemaining'].map((type) => condition(object, type)).find((c) => c?.status === 'True')
  const services = world.list('APIService').map(refOf)
  return { says: `is Terminating since ${object.metadata.deletionTimestamp}`, because: left === undefined ? services : [...services, { subject: 'what is left in it', says: oneLine(left.message), remedy: 'See that the controllers run whose finalizers it names; take a finalizer off by hand only when its controller is gone for good' }], remedy: `kubectl get namespace ${object.metadata.name} -o yaml names what is left` }
}

export const apiService: Judge = (object) => {
  const available = condition(object, 'Available')
  const name = words(object, 'spec', 'service', 'name')
  if (object === undefined || name === '' || available?.status !== 'False') return undefined
  return { says: `is not available: ${told(available)}`, because: [{ kind: 'Service', namespace: words(object, 'spec', 'service', 'namespace'), name }], remedy: 'See the pods behind its Service' }
}

export const customResourceDefinition: Judge = (object) => {
  const refused = ['NamesAccepted', 'Established'].map((type) => condition(object, type)).find((c) => c?.status === 'False')
  return refused === undefined ? undefined : { says: `is not served: ${told(refused)}`, remedy: 'Two definitions claim the same names, or its schema is refused: correct it' }
}

/** A webhook whose server is away and that must be asked stops every write it looks at. */
export const webhook: Judge = (object, world) => {
  const because: Ref[] = []
  let stopped = ''
  for (const hook of objects(object, 'webhooks')) {
    const name = words(hook, 'clientConfig', 'service', 'name')
    if (name === '' || words(hook, 'failurePolicy') === 'Ignore') continue
    const ref: Ref = { kind: 'Service', namespace: words(hook, 'clientConfig', 'service', 'namespace'), name }
    const gone = world.find(ref)
    const answers = world.list('EndpointSlice').some((slice) => slice.metadata.namespace === ref.namespace && slice.metadata.labels?.['kubernetes.io/service-name'] === name && objects(slice, 'endpoints').some((e) => words(e, 'conditions', 'ready') !== 'false'))
    if (gone !== undefined && answers) continue
    const [rule] = objects(hook, 'rules')
    stopped ||= `stops every ${list(rule, 'operations').join('/').toLowerCase() || 'write'} of ${list(rule, 'resources').slice(0, 4).join(', ') || 'what it selects'}${(object as { webhooks?: unknown[] } | undefined)?.webhooks?.length === 1 ? '' : ` (webhook ${words(hook, 'name')})`}: failurePolicy is Fail and nothing answers`
    because.push(ref)
  }
  return object === undefined || stopped === '' ? undefined : { says: stopped, because, remedy: `Bring its server back; until then: kubectl delete ${object.kind.toLowerCase()} ${object.metadata.name}` }
}

const list = (object: unknown, field: string): readonly string[] => ((object as Record<string, string[]> | undefined)?.[field] ?? [])

/** Kyverno policies that are not in force. */
export const policy: Judge = (object) => {
  const ready = condition(object, 'Ready')
  return object === undefined || ready?.status !== 'False' ? undefined : { says: `is not in force: ${told(ready)}`, because: [{ kind: 'Deployment', namespace: 'kyverno-system', name: 'kyverno-admission-controller' }], remedy: 'Correct the policy in Git; idp policy test runs it without a cluster' }
}
