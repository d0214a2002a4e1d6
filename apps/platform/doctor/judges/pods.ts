import type { AnyObject } from '@idp/formats'
import { causeOf } from '../../status/cause.ts'
import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, count, objects, oneLine, words } from '../field.ts'
import { refusal } from '../refusal.ts'
import { podsBehind, serviceIn, type World } from '../world.ts'
import { missingReferences } from './pod-references.ts'
import { noNode } from './scheduling.ts'

interface State { readonly name: string; readonly image: string; readonly waiting: string; readonly message: string; readonly exitCode: number | undefined; readonly ended: string; readonly previous: boolean }

/** A pod, from its node to its containers. */
export const pod: Judge = (object, world) => {
  if (object === undefined) return undefined
  if (object.metadata.deletionTimestamp !== undefined) return terminating(object, world)
  const cause = causeOf(object)
  if (cause === undefined || leftOver(object, world)) return undefined
  const node = words(object, 'spec', 'nodeName')
  const below: (Ref | Leaf)[] = node === '' ? [] : [{ kind: 'Node', name: node }]
  const mounts = world.warnings(refOf(object), 'FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox')
  // What is named and missing comes first: of two chains of one length the first counts.
  below.push(...missingReferences(object, world), ...(node === '' ? noNode(object, world) : []), ...containers(object).flatMap((state) => containerFault(object, state, world)), ...notReady(object, world))
  if (below.length <= 1 && mounts[0] !== undefined) below.push({ subject: 'a volume', says: oneLine(mounts[0]), remedy: 'Make what the volume needs, or correct the volume' })
  if (words(object, 'status', 'reason') === 'Evicted') return { says: oneLine(cause), because: below, remedy: 'The node ran short; give the pod requests, or the node more room, and delete the evicted pod' }
  if (node === '') return { says: 'has no node', because: below }
  const container = /^container (\S+): (\S+?)(?:[: ]|$)/.exec(cause)
  return { says: container === null && words(object, 'status', 'phase') === 'Failed' ? 'has failed' : container === null ? `is not ready: ${oneLine(cause)}` : `is not ready: container ${container[1]} is in ${container[2]}`, because: below, remedy: 'It has not become ready yet: wait, or see its log' }
}

function terminating(object: AnyObject, world: World) {
  const since = Date.parse(object.metadata.deletionTimestamp ?? '')
  if (!(world.now - since > 120_000)) return undefined
  const finalizers = object.metadata.finalizers ?? []
  return { says: `is being deleted since ${object.metadata.deletionTimestamp}`, because: [{ kind: 'Node', name: words(object, 'spec', 'nodeName') }], remedy: finalizers.length > 0 ? `Its finalizers are ${finalizers.join(', ')}: see that what set them runs` : `kubectl delete pod ${object.metadata.name} -n ${object.metadata.namespace} --force` }
}

/** A failed pod of a Job that has come to its end is history. */
function leftOver(object: AnyObject, world: World): boolean {
  const owner = object.metadata.ownerReferences?.find((o) => o.controller === true)
  if (words(object, 'status', 'phase') !== 'Failed') return false
  if (owner?.kind === 'Workflow') return true
  const job = owner?.kind === 'Job' ? world.find({ kind: 'Job', namespace: object.metadata.namespace, name: owner.name }) : undefined
  return condition(job, 'Complete')?.status === 'True'
}

function containers(object: AnyObject): readonly State[] {
  const images = new Map([...objects(object, 'spec', 'initContainers'), ...objects(object, 'spec', 'containers')].map((c) => [words(c, 'name'), words(c, 'image')]))
  return [...objects(object, 'status', 'initContainerStatuses'), ...objects(object, 'status', 'containerStatuses')].map((status) => {
    const ended = words(status, 'state', 'terminated', 'exitCode') === '' ? 'lastState' : 'state'
    const code = words(status, ended, 'terminated', 'exitCode')
    return {
      name: words(status, 'name'), image: words(status, 'image') || (images.get(words(status, 'name')) ?? ''), waiting: words(status, 'state', 'waiting', 'reason'), message: words(status, 'state', 'waiting', 'message'),
      exitCode: code === '' || words(status, 'state', 'running', 'startedAt') !== '' ? undefined : Number(code), ended: words(status, ended, 'terminated', 'reason'), previous: ended === 'lastState',
    }
  })
}

function containerFault(object: AnyObject, state: State, world: World): readonly (Ref | Leaf)[] {
  if (['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable'].includes(state.waiting)) return [imageFault(object, state, world)]
  if (['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'].includes(state.waiting)) {
    const missing = namedInMessage(object, state.message)
    return missing.length > 0 ? missing : [{ subject: `container ${state.name}`, says: `cannot be made: ${oneLine(state.message)}`, remedy: 'Correct the container in the pod template' }]
  }
  if (state.exitCode === undefined || (state.exitCode === 0 && state.waiting !== 'CrashLoopBackOff')) return []
  return [crash(object, state, world), ...(world.logOf(object, state.name).map(serviceIn).filter((ref) => ref !== undefined).slice(-2))]
}

/** Objects that the node agent says it did not find: `secret "db" not found`, `couldn't find key password in Secret shop/db`. */
function namedInMessage(object: AnyObject, message: string): readonly (Ref | Leaf)[] {
  const namespace = object.metadata.namespace
  const absent = /\b(secret|configmap) "([^"]+)" not found/i.exec(message)
  if (absent !== null) return [{ kind: absent[1]?.toLowerCase() === 'secret' ? 'Secret' : 'ConfigMap', namespace, name: absent[2] ?? '' }]
  const key = /couldn't find key (\S+) in (Secret|ConfigMap) (?:[^/\s]+\/)?(\S+)/.exec(message)
  if (key === null) return []
  return [{ subject: `${key[2]} ${namespace}/${key[3]}`, says: `has no key ${key[1]}`, remedy: `Add the key ${key[1]} where the ${key[2]} comes from, or correct the name in the pod template` }]
}

function imageFault(object: AnyObject, { image, message, waiting }: State, world: World): Ref | Leaf {
  const absent = objects(object, 'spec', 'imagePullSecrets').map((s) => ({ kind: 'Secret', namespace: object.metadata.namespace, name: words(s, 'name') })).find((ref) => world.reads('Secret') && world.find(ref) === undefined)
  if (absent !== undefined) return absent
  const why = message || world.warnings(refOf(object), 'Failed')[0] || waiting
  const remedy = /unauthorized|denied|forbidden|\b40[13]\b/i.test(why) ? 'Give the pod an imagePullSecret for that registry'
    : /no such host|timeout|connection refused|unreachable|x509/i.test(why) ? 'The node does not reach the registry: see its network, proxy and CA, or use a mirror'
      : /toomanyrequests|rate limit/i.test(why) ? 'The registry limits pulls: log in with an imagePullSecret, or use a mirror'
        : waiting === 'InvalidImageName' ? 'Correct the name of the image' : 'Correct name and tag of the image, or push it'
  return { subject: `image ${image}`, says: `cannot be pulled: ${oneLine(why)}`, remedy }
}

function crash(object: AnyObject, { name, exitCode, ended, previous }: State, world: World): Leaf {
  const log = world.logOf(object, name)
  const why = ended === 'OOMKilled' ? 'ran out of memory (OOMKilled)' : `ended with exit code ${exitCode}`
  const remedy = ended === 'OOMKilled' ? `Raise resources.limits.memory of container ${name}`
    : exitCode === 127 || exitCode === 126 ? 'The command is not in the image or may not be run: correct command and args'
      : exitCode === 0 ? 'The program ends although it should stay: correct its command, or make it a Job' : `Read its whole log: idp logs ${object.metadata.namespace}/${object.metadata.name} ${name}${previous ? ' --previous' : ''}`
  return { subject: `container ${name}`, says: `${why}${log.length === 0 ? '' : `; its last lines:\n${log.map((line) => `| ${oneLine(line, 200)}`).join('\n')}`}`, remedy }
}

/** Running, and its probe fails: a sealed Vault, or what the probe says. */
function notReady(object: AnyObject, world: World): readonly (Ref | Leaf)[] {
  if (words(object, 'status', 'phase') !== 'Running') return []
  const seal = world.sealOf(object.metadata.namespace ?? '', object.metadata.name ?? '')
  if (seal !== undefined && (seal.sealed || !seal.initialized)) return [vaultOf(object, world)]
  const probe = world.warnings(refOf(object), 'Unhealthy')[0]
  if (probe === undefined) return []
  const starts = objects(object, 'status', 'containerStatuses').reduce((most, status) => Math.max(most, count(status, 0, 'restartCount')), 0)
  const known = refusal(probe, world)
  return known.length > 0 ? known : [{ subject: 'its probe', says: `${oneLine(probe)}${starts > 0 ? ` (${starts} restarts)` : ''}`, remedy: `Correct the probe or what it asks: idp logs ${object.metadata.namespace}/${object.metadata.name}` }]
}

/** The Vault a server belongs to goes by the name of its Service, the shortest of several (`vault`, not `vault-internal`). */
function vaultOf(pod: AnyObject, world: World): Ref {
  const services = world.list('Service').filter((service) => podsBehind(service, world).includes(pod)).map((service) => service.metadata.name ?? '')
  const [name = pod.metadata.name ?? ''] = services.toSorted((a, b) => a.length - b.length || a.localeCompare(b))
  return { kind: 'Vault', namespace: pod.metadata.namespace, name }
}
