import { mkdir, readFile, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodedError } from '@idp/kit'
import { place, syncFolder } from './store-pack.ts'

export interface Ref { readonly name: string; readonly id: string }

/** Every ref of a repository, loose and packed (gitrepository-layout), sorted by name. HEAD is not among them. */
export async function readRefs(dir: string): Promise<readonly Ref[]> {
  const found = new Map<string, string>()
  const packed = await readFile(join(dir, 'packed-refs'), 'utf8').catch(absentAs(''))
  for (const line of packed.split('\n')) {
    const [, id = '', name = ''] = /^([0-9a-f]{40}) (\S+)$/.exec(line) ?? []
    if (name !== '') found.set(name, id)
  }
  for (const entry of await readdir(join(dir, 'refs'), { recursive: true, withFileTypes: true }).catch(absentAs([]))) {
    if (!entry.isFile() || entry.name.endsWith('.lock')) continue
    const path = join(entry.parentPath, entry.name)
    const name = path.slice(dir.length + 1)
    const id = await resolveText(dir, await readFile(path, 'utf8').catch(absentAs('')))
    if (id !== undefined) found.set(name, id)
  }
  return [...found].map(([name, id]) => ({ name, id })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The id behind one full name, `HEAD` included; symbolic refs are followed. */
export async function readRef(dir: string, name: string): Promise<string | undefined> {
  if (!isRefName(name)) return undefined
  const text = await readFile(join(dir, name), 'utf8').catch(absentAs(''))
  const id = await resolveText(dir, text)
  if (id !== undefined || text.startsWith('ref:')) return id
  const packed = await readFile(join(dir, 'packed-refs'), 'utf8').catch(absentAs(''))
  return packed.split('\n').find((line) => line.slice(41) === name && /^[0-9a-f]{40} /.test(line))?.slice(0, 40)
}

/** The branch that HEAD names, e.g. `refs/heads/main`; undefined when it names a commit. */
export async function readHead(dir: string): Promise<string | undefined> {
  return /^ref: (\S+)/.exec(await readFile(join(dir, 'HEAD'), 'utf8').catch(absentAs('')))?.[1]
}

async function resolveText(dir: string, text: string): Promise<string | undefined> {
  const target = /^ref: (\S+)/.exec(text)?.[1]
  if (target !== undefined) return readRef(dir, target)
  return /^[0-9a-f]{40}/.exec(text)?.[0]
}

/** Sets a ref, or removes it (`undefined`). Throws CodedError `RefConflict` where a name would be file and folder at once. */
export async function writeRef(dir: string, name: string, id: string | undefined, { durable }: { readonly durable: boolean }): Promise<void> {
  if (!isRefName(name) || !name.startsWith('refs/')) throw new CodedError({ code: 'InvalidRef', message: `${JSON.stringify(name)} is not the name of a ref`, where: dir })
  const path = join(dir, name)
  if (id === undefined) {
    await removePacked(dir, name, durable)
    await unlink(path).catch(absentAs(undefined))
    return
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await place(path, Buffer.from(`${id}\n`), durable)
  } catch (cause) {
    throw new CodedError({ code: 'RefConflict', message: `${name} cannot be made: another ref has that name as its folder, or the other way round`, where: dir, cause })
  }
  if (durable) await syncFolder(dirname(path))
}

async function removePacked(dir: string, name: string, durable: boolean): Promise<void> {
  const path = join(dir, 'packed-refs')
  const lines = (await readFile(path, 'utf8').catch(absentAs(''))).split('\n')
  const at = lines.findIndex((line) => line.slice(41) === name)
  if (at < 0) return
  lines.splice(at, lines[at + 1]?.startsWith('^') === true ? 2 : 1)
  await place(path, Buffer.from(lines.join('\n')), durable)
}

/** The rules of git-check-ref-format for a full name. */
export function isRefName(name: string): boolean {
  if (name === 'HEAD') return true
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  return name.length <= 1_024 && /^[^\x00-\x20\x7f~^:?*[\\]+$/.test(name) && !/\.\.|@\{|\/\/|^\/|\/$|\.$|(^|\/)\.|\.lock(\/|$)/.test(name) && name.includes('/')
}

function absentAs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return value
    throw error
  }
}
