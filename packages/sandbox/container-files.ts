import { watch as watchFile } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, posix, sep } from 'node:path'
import { CodedError, type FileTree } from '@idp/kit'
import type { ContainerFiles } from './container.ts'
import type { DirectoryVolume, MemoryFile, Mount } from './volume.ts'

export interface ContainerFilesOptions {
  /** The files of the image, read-only. */
  readonly image?: FileTree
  readonly mounts: readonly Mount[]
  /** Directory for what is written outside of mounts, made when first needed; absent: the root file system is read-only. */
  readonly scratch?: string
}

/** Where a path of the container leads. */
type Place =
  | { readonly type: 'memory'; readonly mount: Mount; readonly path: string }
  | { readonly type: 'directory'; readonly volume: DirectoryVolume; readonly file: string; readonly readOnly: boolean }
  | { readonly type: 'image'; readonly path: string }

/** The file system of one container. Paths cannot leave it: `..` stops at its root, links stop at their volume. */
export function createContainerFiles(options: ContainerFilesOptions): ContainerFiles {
  const mounts = options.mounts.map((mount) => snapshotSubPath({ ...mount, path: clean(mount.path) })).sort((a, b) => b.path.length - a.path.length)
  const scratch: DirectoryVolume | undefined = options.scratch === undefined ? undefined : { type: 'directory', root: options.scratch }

  const locate = (path: string): Place => {
    const wanted = clean(path)
    const mount = mounts.find((m) => m.path === '/' || wanted === m.path || wanted.startsWith(`${m.path}/`))
    if (mount === undefined) return { type: 'image', path: wanted.slice(1) }
    const below = wanted.slice(mount.path.length).replace(/^\//, '')
    const inside = [mount.subPath ?? '', below].filter((p) => p !== '').join('/')
    if (mount.volume.type === 'memory') return { type: 'memory', mount, path: inside }
    return { type: 'directory', volume: mount.volume, file: join(mount.volume.root, inside), readOnly: mount.readOnly === true }
  }
  const onScratch = (path: string): Extract<Place, { type: 'directory' }> | undefined =>
    scratch === undefined ? undefined : { type: 'directory', volume: scratch, file: join(scratch.root, path), readOnly: false }

  const read = async (path: string): Promise<Uint8Array> => {
    const place = locate(path)
    if (place.type === 'memory') {
      const file = filesOf(place.mount).get(place.path)
      if (file === undefined) throw notFound(path)
      return contentOf(file)
    }
    if (place.type === 'directory') return readReal(place, path)
    const written = onScratch(place.path)
    if (written !== undefined && (await isFile(written.file))) return readReal(written, path)
    const content = await options.image?.read(place.path)
    if (content === undefined) throw notFound(path)
    return content
  }
  const writable = async (path: string): Promise<string> => {
    const place = locate(path)
    const real = place.type === 'image' ? onScratch(place.path) : place.type === 'directory' ? place : undefined
    if (real === undefined || real.readOnly) throw new CodedError({ code: 'ReadOnly', message: 'the file system is read-only here', where: path, remedy: 'mount a writable volume (emptyDir, PersistentVolumeClaim) at this path' })
    await stayInside(real, path)
    await mkdir(dirname(real.file), { recursive: true })
    return real.file
  }
  const listReal = async (place: Extract<Place, { type: 'directory' }>, path: string) => {
    await stayInside(place, path)
    const entries = await readdir(place.file, { withFileTypes: true }).catch(asMissing(path))
    return Promise.all(entries.map(async (e) => ({ name: e.name, directory: e.isSymbolicLink() ? (await stat(join(place.file, e.name)).catch(() => undefined))?.isDirectory() === true : e.isDirectory() })))
  }
  const list = async (path: string) => {
    const place = locate(path)
    const names = new Map<string, boolean>()
    let found = false
    const add = (entries: readonly { name: string; directory: boolean }[] | undefined) => {
      for (const entry of entries ?? []) names.set(entry.name, entry.directory)
      found ||= entries !== undefined
    }
    if (place.type === 'memory') add(listMemory(filesOf(place.mount), place.path))
    else if (place.type === 'directory') add(await listReal(place, path))
    else {
      add(await options.image?.list(place.path))
      const written = onScratch(place.path)
      if (written !== undefined && (await exists(written.file))) add(await listReal(written, path))
    }
    add(mountPointsBelow(mounts, clean(path)))
    if (!found && clean(path) !== '/') throw notFound(path)
    return [...names].map(([name, directory]) => ({ name, directory })).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  return {
    read,
    readText: async (path) => Buffer.from(await read(path)).toString('utf8'),
    write: async (path, content) => writeFile(await writable(path), content),
    append: async (path, content) => appendFile(await writable(path), content),
    async remove(path) {
      const file = await writable(path)
      await rm(file, { recursive: true }).catch(asMissing(path))
    },
    async exists(path) {
      const place = locate(path)
      if (place.type === 'memory') return filesOf(place.mount).has(place.path) || listMemory(filesOf(place.mount), place.path) !== undefined
      if (place.type === 'directory') return (await exists(place.file)) && stayInside(place, path).then(() => true, () => false)
      const written = onScratch(place.path)
      if (written !== undefined && (await exists(written.file))) return true
      if ((await options.image?.read(place.path)) !== undefined) return true
      return list(path).then(() => true, () => false)
    },
    list,
    watch: (path, signal) => watchPlace(locate(path), signal),
    async directory(path) {
      const place = locate(path)
      if (place.type !== 'directory' || place.readOnly) throw new CodedError({ code: 'NoDirectory', message: 'there is no writable directory of the machine behind this path', where: path, remedy: 'mount an emptyDir, hostPath or PersistentVolumeClaim here' })
      await stayInside(place, path)
      await mkdir(place.file, { recursive: true })
      return place.file
    },
  }
}

/** A mount of one path of a ConfigMap or Secret shows what was there when the container started, as kubelet's does. */
function snapshotSubPath(mount: Mount): Mount {
  if (mount.volume.type !== 'memory' || mount.subPath === undefined || mount.subPath === '') return mount
  const files = new Map(mount.volume.files())
  return { ...mount, volume: { type: 'memory', files: () => files, onChange: () => ({ [Symbol.dispose]() {} }) } }
}

function filesOf(mount: Mount): ReadonlyMap<string, MemoryFile> {
  return mount.volume.type === 'memory' ? mount.volume.files() : new Map()
}

async function contentOf(file: MemoryFile): Promise<Uint8Array> {
  return typeof file.content === 'function' ? file.content() : file.content
}

function listMemory(files: ReadonlyMap<string, MemoryFile>, path: string): { name: string; directory: boolean }[] | undefined {
  if (files.has(path)) return undefined
  const prefix = path === '' ? '' : `${path}/`
  const names = new Map<string, boolean>()
  for (const file of files.keys()) {
    if (!file.startsWith(prefix)) continue
    const rest = file.slice(prefix.length)
    const slash = rest.indexOf('/')
    names.set(slash < 0 ? rest : rest.slice(0, slash), slash >= 0)
  }
  return names.size === 0 && path !== '' ? undefined : [...names].map(([name, directory]) => ({ name, directory }))
}

function mountPointsBelow(mounts: readonly Mount[], path: string): { name: string; directory: boolean }[] | undefined {
  const prefix = path === '/' ? '/' : `${path}/`
  const below = mounts.filter((m) => m.path.startsWith(prefix) && m.path !== path)
  if (below.length === 0) return undefined
  return below.map((m) => {
    const rest = m.path.slice(prefix.length)
    const isFileMount = !rest.includes('/') && m.volume.type === 'memory' && m.volume.files().has(m.subPath ?? '')
    return { name: rest.split('/')[0] ?? '', directory: !isFileMount }
  })
}

async function readReal(place: Extract<Place, { type: 'directory' }>, path: string): Promise<Uint8Array> {
  await stayInside(place, path)
  return readFile(place.file).catch(asMissing(path))
}

/** Follows links of the nearest existing part of the path; outside of the volume's boundary there is nothing. */
async function stayInside(place: Extract<Place, { type: 'directory' }>, path: string): Promise<void> {
  const boundary = await realpath(place.volume.boundary ?? place.volume.root).catch(() => undefined)
  if (boundary === undefined) return
  for (let part = place.file; part.length > 1; part = dirname(part)) {
    const real = await realpath(part).catch(() => undefined)
    if (real === undefined) continue
    if (real === boundary || real.startsWith(boundary + sep)) return
    throw new CodedError({ code: 'FileNotFound', message: 'a symbolic link leads out of the volume', where: path, remedy: 'link only inside the volume' })
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(() => true, () => false)
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then((s) => s.isFile(), () => false)
}

function clean(path: string): string {
  if (path.includes('\0')) throw notFound(path.replaceAll('\0', '\\0'))
  const normal = posix.normalize(`/${path}`)
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

function notFound(path: string): CodedError {
  return new CodedError({ code: 'FileNotFound', message: 'no such file or directory', where: path, remedy: 'check the path and the volume mounts of the container' })
}

function asMissing(path: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw notFound(path)
    throw error
  }
}

async function* watchPlace(place: Place, signal: AbortSignal): AsyncGenerator<void> {
  if (place.type === 'image' || signal.aborted) return
  let wake = () => {}
  let pending = false
  const changed = () => {
    pending = true
    wake()
  }
  let before = place.type === 'memory' ? fingerprint(place) : ''
  using _source = place.type === 'memory'
    ? place.mount.volume.type === 'memory' ? place.mount.volume.onChange(changed) : nothing
    : await watchReal(place.file, changed)
  signal.addEventListener('abort', changed, { once: true })
  try {
    while (!signal.aborted) {
      if (!pending) await new Promise<void>((resolve) => { wake = resolve })
      pending = false
      if (signal.aborted) return
      if (place.type === 'memory') {
        const now = fingerprint(place)
        if (now === before) continue
        before = now
      }
      yield
    }
  } finally {
    signal.removeEventListener('abort', changed)
  }
}

const nothing: Disposable = { [Symbol.dispose]() {} }

/** Identifies what a watcher of a memory volume would see; computed contents (tokens) count by identity. */
function fingerprint(place: Extract<Place, { type: 'memory' }>): string {
  const parts: string[] = []
  for (const [name, file] of filesOf(place.mount)) {
    if (name !== place.path && place.path !== '' && !name.startsWith(`${place.path}/`)) continue
    parts.push(name, typeof file.content === 'function' ? 'made' : Buffer.from(file.content).toString('base64'))
  }
  return parts.join('\n')
}

async function watchReal(file: string, changed: () => void): Promise<Disposable> {
  const directory = (await stat(file).catch(() => undefined))?.isDirectory() === true
  if (!directory) await mkdir(dirname(file), { recursive: true })
  const name = file.slice(file.lastIndexOf(sep) + 1)
  const watcher = directory ? watchFile(file, { recursive: true }) : watchFile(dirname(file))
  watcher.on('change', (_event, which) => {
    if (directory || which === null || String(which) === name) changed()
  })
  watcher.on('error', changed)
  return { [Symbol.dispose]: () => watcher.close() }
}
