import { chmod, mkdir, rm, stat } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Secret } from '@idp/api'
import { volumePath, memoryVolume, type MemoryFile, type Mount, type Volume, type WritableMemoryVolume } from '@idp/sandbox'
import { CodedError } from '@idp/kit'
import { expand } from './container-env.ts'
import { fieldValue, resourceFieldValue, type DownwardFacts } from './downward-fields.ts'
import type { ContainerSpec, VolumeSpec } from './pod-spec.ts'

/** Where a node's volumes come from. */
export interface VolumeSources {
  configMap(name: string, namespace: string): ConfigMap | undefined
  secret(name: string, namespace: string): Secret | undefined
  claim(name: string, namespace: string): PersistentVolumeClaim | undefined
  /** A token of the pod's ServiceAccount; asked again when it must be renewed. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<Uint8Array>
  volume(name: string): PersistentVolume | undefined
  readonly facts: DownwardFacts
  /** Directory for the pod's own volumes. */
  readonly podDirectory: string
  /** What `/` of the node is for hostPath volumes. */
  readonly nodeRoot: string
}

/** The volumes of one pod. */
export interface PodVolumes {
  /** Mounts for a container. Throws `CreateContainerConfigError`. */
  mounts(container: ContainerSpec, env: Readonly<Record<string, string>>): Mount[]
  /** Brings what came from ConfigMaps, Secrets and the downward API up to date. Returns what could not be read (optional things aside). */
  refresh(pod: Pod): string[]
  /** Removes what belonged to the pod alone. */
  release(): Promise<void>
}

type Files = Map<string, MemoryFile>
type Item = { readonly key: string; readonly path: string; readonly mode?: number | undefined }

const readOnlySources = ['configMap', 'secret', 'projected', 'downwardAPI'] as const
const longestTokenLife = 3_607

/** Sets up the volumes of a pod. Throws CodedError `FailedMount` when one cannot be, `VolumeNotBound` for a claim whose volume is on its way; try again when its source has changed. */
export async function setUpVolumes(pod: Pod, sources: VolumeSources): Promise<PodVolumes> {
  const volumes = new Map<string, Volume>()
  const live = new Map<VolumeSpec, WritableMemoryVolume>()
  for (const spec of pod.spec.volumes ?? []) {
    if (readOnlySources.some((s) => spec[s] !== undefined)) {
      const volume = memoryVolume(memoryFiles(pod, spec, sources))
      live.set(spec, volume)
      volumes.set(spec.name, volume)
    } else volumes.set(spec.name, await directoryVolume(pod, spec, sources))
  }
  return {
    mounts: (container, env) => (container.volumeMounts ?? []).map((mount) => {
      const volume = volumes.get(mount.name)
      const where = `container ${container.name}, mount ${mount.mountPath}`
      if (volume === undefined) throw new CodedError({ code: 'CreateContainerConfigError', message: `volume ${mount.name} is not a volume of the pod`, where, remedy: 'add it to spec.volumes' })
      const subPath = mount.subPathExpr === undefined || mount.subPathExpr === '' ? mount.subPath : expand(mount.subPathExpr, (name) => env[name])
      return {
        path: posix.resolve('/', mount.mountPath), volume, readOnly: mount.readOnly === true || volume.type === 'memory',
        ...(subPath === undefined || subPath === '' ? {} : { subPath: volumePath(subPath, where) }),
      }
    }),
    refresh(now) {
      const missing: string[] = []
      for (const [spec, volume] of live) {
        try {
          const files = memoryFiles(now, spec, sources)
          if (!sameFiles(volume.files(), files)) volume.replace(files)
        } catch (error) {
          // What was mounted stays mounted while its source is away.
          missing.push((error as Error).message)
        }
      }
      return missing
    },
    release: () => rm(sources.podDirectory, { recursive: true, force: true }),
  }
}

async function directoryVolume(pod: Pod, spec: VolumeSpec, sources: VolumeSources): Promise<Volume> {
  if (spec.emptyDir !== undefined) {
    const root = join(sources.podDirectory, 'volumes', spec.name)
    await mkdir(root, { recursive: true })
    return { type: 'directory', root }
  }
  if (spec.hostPath !== undefined) return hostPath(spec.name, spec.hostPath, sources)
  const claimName = spec.persistentVolumeClaim?.claimName ?? (spec.ephemeral === undefined ? undefined : `${pod.metadata.name}-${spec.name}`)
  if (claimName !== undefined) {
    return claimVolume(spec.name, claimName, sources, pod.metadata.namespace ?? '')
  }
  const kind = Object.keys(spec).find((key) => key !== 'name') ?? 'nothing'
  throw failedMount(spec.name, `volumes of type ${kind} are not implemented by this node`)
}

async function claimVolume(name: string, claimName: string, sources: VolumeSources, namespace: string): Promise<Volume> {
  const claim = sources.claim(claimName, namespace)
  if (claim === undefined) throw failedMount(name, `persistentvolumeclaim "${claimName}" not found`)
  const bound = claim.spec.volumeName
  const volume = bound === undefined || claim.status?.phase !== 'Bound' ? undefined : sources.volume(bound)
  if (volume === undefined) throw new CodedError({ code: 'VolumeNotBound', message: `persistentvolumeclaim "${claimName}" is not bound to a volume yet`, where: `volume ${name}`, remedy: 'see the events of the claim' })
  const path = volume.spec?.hostPath?.path ?? volume.spec?.local?.path
  if (path === undefined) throw failedMount(name, `PersistentVolume ${bound} is of a type that this node does not implement; hostPath and local are`)
  return hostPath(name, { path, type: 'DirectoryOrCreate' }, sources)
}

async function hostPath(name: string, { path, type = '' }: NonNullable<VolumeSpec['hostPath']>, { nodeRoot }: VolumeSources): Promise<Volume> {
  const root = join(nodeRoot, posix.normalize(`/${path}`))
  const found = await stat(root).catch(() => undefined)
  const mustExist = type === 'Directory' || type === 'File' || type === 'Socket' || type === 'CharDevice' || type === 'BlockDevice'
  if (mustExist && found === undefined && type !== 'Directory') throw failedMount(name, `hostPath type check failed: ${path} is not a ${type.toLowerCase()} on this node (nodes of the embedded engine have only their logs)`)
  if (type === 'FileOrCreate' && found === undefined) await mkdir(join(root, '..'), { recursive: true })
  else if (found === undefined) {
    await mkdir(root, { recursive: true })
    await chmod(root, 0o755)
  }
  return { type: 'directory', root, boundary: nodeRoot }
}

function memoryFiles(pod: Pod, spec: VolumeSpec, sources: VolumeSources): Files {
  const files: Files = new Map()
  const namespace = pod.metadata.namespace ?? ''
  if (spec.configMap !== undefined) {
    const { name = '', optional, items, defaultMode } = spec.configMap
    addObject(files, spec.name, `configmap "${name}"`, configMapData(sources.configMap(name, namespace)), { items, optional, mode: defaultMode })
  } else if (spec.secret !== undefined) {
    const { secretName = '', optional, items, defaultMode } = spec.secret
    addObject(files, spec.name, `secret "${secretName}"`, secretData(sources.secret(secretName, namespace)), { items, optional, mode: defaultMode })
  } else if (spec.downwardAPI !== undefined) addDownward(files, pod, spec.downwardAPI.items ?? [], sources, spec.downwardAPI.defaultMode)
  else if (spec.projected !== undefined) addProjected(files, pod, spec, sources)
  return files
}

function addProjected(files: Files, pod: Pod, spec: VolumeSpec, sources: VolumeSources): void {
  const namespace = pod.metadata.namespace ?? ''
  const mode = spec.projected?.defaultMode
  for (const source of spec.projected?.sources ?? []) {
    if (source.configMap !== undefined) {
      const { name = '', optional, items } = source.configMap
      addObject(files, spec.name, `configmap "${name}"`, configMapData(sources.configMap(name, namespace)), { items, optional, mode })
    } else if (source.secret !== undefined) {
      const { name = '', optional, items } = source.secret
      addObject(files, spec.name, `secret "${name}"`, secretData(sources.secret(name, namespace)), { items, optional, mode })
    } else if (source.downwardAPI !== undefined) addDownward(files, pod, source.downwardAPI.items ?? [], sources, mode)
    else if (source.serviceAccountToken !== undefined) {
      const { path, audience, expirationSeconds = longestTokenLife } = source.serviceAccountToken
      files.set(volumePath(path, `volume ${spec.name}`), { content: tokenContent(pod, sources, audience, expirationSeconds), mode: 0o600 })
    } else throw failedMount(spec.name, `projected sources of type ${Object.keys(source).join(', ')} are not implemented by this node`)
  }
}

const tokenContents = new WeakMap<VolumeSources, Map<string, () => Promise<Uint8Array>>>()

/** The same function for the same token, so that a refresh sees that nothing has changed. */
function tokenContent(pod: Pod, sources: VolumeSources, audience: string | undefined, expirationSeconds: number): () => Promise<Uint8Array> {
  const known = tokenContents.get(sources) ?? new Map<string, () => Promise<Uint8Array>>()
  tokenContents.set(sources, known)
  const key = `${audience ?? ''} ${expirationSeconds}`
  const content = known.get(key) ?? (() => sources.token(pod, audience, expirationSeconds))
  known.set(key, content)
  return content
}

interface ObjectMount { readonly items: readonly Item[] | undefined; readonly optional: boolean | undefined; readonly mode: number | undefined }

function addObject(files: Files, volume: string, what: string, data: ReadonlyMap<string, Uint8Array> | undefined, { items, optional, mode }: ObjectMount): void {
  if (data === undefined) {
    if (optional === true) return
    throw failedMount(volume, `${what} not found`)
  }
  const wanted = items === undefined || items.length === 0 ? [...data.keys()].map((key): Item => ({ key, path: key })) : items
  for (const item of wanted) {
    const content = data.get(item.key)
    if (content === undefined) {
      if (optional === true) continue
      throw failedMount(volume, `references non-existent ${what.split(' ')[0]} key: ${item.key}`)
    }
    const fileMode = item.mode ?? mode
    files.set(volumePath(item.path, `volume ${volume}`), { content, ...(fileMode === undefined ? {} : { mode: fileMode }) })
  }
}

type DownwardItem = NonNullable<NonNullable<VolumeSpec['downwardAPI']>['items']>[number]

function addDownward(files: Files, pod: Pod, items: readonly DownwardItem[], sources: VolumeSources, mode: number | undefined): void {
  for (const item of items) {
    const own = pod.spec.containers[0] as ContainerSpec // the API requires one container
    const text = item.fieldRef !== undefined ? fieldValue(pod, item.fieldRef.fieldPath, sources.facts)
      : item.resourceFieldRef !== undefined ? resourceFieldValue(pod, own, item.resourceFieldRef, sources.facts) : ''
    const fileMode = item.mode ?? mode
    files.set(volumePath(item.path, 'downwardAPI volume'), { content: Buffer.from(text), ...(fileMode === undefined ? {} : { mode: fileMode }) })
  }
}

function configMapData(map: ConfigMap | undefined): ReadonlyMap<string, Uint8Array> | undefined {
  if (map === undefined) return undefined
  return new Map([
    ...Object.entries(map.data ?? {}).map(([k, v]) => [k, Buffer.from(v)] as const),
    ...Object.entries((map.binaryData ?? {}) as Record<string, string>).map(([k, v]) => [k, Buffer.from(v, 'base64')] as const),
  ])
}

function secretData(secret: Secret | undefined): ReadonlyMap<string, Uint8Array> | undefined {
  if (secret === undefined) return undefined
  return new Map(Object.entries((secret.data ?? {}) as Record<string, string>).map(([k, v]) => [k, Buffer.from(v, 'base64')]))
}

function sameFiles(a: ReadonlyMap<string, MemoryFile>, b: ReadonlyMap<string, MemoryFile>): boolean {
  if (a.size !== b.size) return false
  for (const [path, file] of a) {
    const other = b.get(path)
    if (other === undefined) return false
    if (file.content === other.content) continue
    if (typeof file.content === 'function' || typeof other.content === 'function' || !Buffer.from(file.content).equals(other.content)) return false
  }
  return true
}

function failedMount(volume: string, message: string): CodedError {
  return new CodedError({ code: 'FailedMount', message: `MountVolume.SetUp failed for volume "${volume}" : ${message}`, where: `volume ${volume}`, remedy: 'create what the volume refers to, or mark it optional' })
}
