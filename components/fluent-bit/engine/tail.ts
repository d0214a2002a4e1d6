import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { matchTag } from './config.ts'
import type { FileChanges } from './file-changes.ts'
import { readCri, type FluentRecord } from './record.ts'

/** Bytes of one file that one round reads at most, so that a large file does not hold up the others. */
const chunkBytes = 256 * 1024

/** All files are looked at this often, whoever tells of changes. */
const rescanMs = 60_000

interface Followed { inode: number; offset: number; /** The start of a line whose end was not there yet. */ rest: string; /** Parts of a long line that the runtime has split. */ partial: string }

/** Where reading stands, by path; kept so that a restart goes on where it was. */
export type Positions = Readonly<Record<string, { readonly inode: number; readonly offset: number }>>

export interface TailOptions {
  /** The directory on the machine that stands behind `path`'s. */
  readonly directory: string
  /** As the configuration names it, such as `/var/log/containers`; tags are made of it. */
  readonly shownAs: string
  readonly pattern: string
  readonly exclude: readonly string[]
  readonly tag: string
  readonly format: 'cri' | 'plain'
  readonly fromHead: boolean
  readonly positions: Positions
  /** Who tells what may have changed; without it every file is looked at in every round. */
  readonly changes?: FileChanges
}

export interface Tail {
  /** Reads what was added since the last round. */
  read(): Promise<readonly { readonly tag: string; readonly records: readonly FluentRecord[] }[]>
  /** The same value as long as nothing has moved. */
  positions(): Positions
}

/** Follows the files of one directory that a pattern names, through rotation and truncation. */
export function createTail({ directory, shownAs, pattern, exclude, tag, format, fromHead, positions, changes }: TailOptions, now: () => number): Tail {
  const wanted = matchTag(pattern)
  const unwanted = exclude.map((one) => matchTag(one.slice(one.lastIndexOf('/') + 1)))
  const files = new Map<string, Followed>(Object.entries(positions).map(([name, { inode, offset }]) => [name, { inode, offset, rest: '', partial: '' }]))
  let first = true
  let listedAt = now()
  let told: Positions | undefined
  const list = async (): Promise<readonly string[]> => {
    listedAt = now()
    const names = (await readdir(directory)).filter((name) => wanted(name) && !unwanted.some((test) => test(name)))
    const present = new Set(names)
    for (const name of files.keys()) if (!present.has(name)) { files.delete(name); told = undefined }
    // Before they are read, so that nothing is missed in between.
    changes?.follow(names)
    return names
  }
  return {
    async read() {
      const changed = changes?.take() ?? 'all'
      const names = changed === 'all' || now() - listedAt >= rescanMs ? await list() : changed
      const read: { tag: string; records: FluentRecord[] }[] = []
      for (const name of names) {
        const path = join(directory, name)
        // A pod's log may go between the listing and now.
        const found = await stat(path).catch(() => undefined)
        if (found === undefined || !found.isFile()) continue
        const known = files.get(name)
        const fresh: Followed = { inode: found.ino, offset: known === undefined && first && !fromHead ? found.size : 0, rest: '', partial: '' }
        const followed = known === undefined || known.inode !== found.ino || found.size < known.offset ? fresh : known
        files.set(name, followed)
        if (followed !== known) told = undefined
        if (found.size === followed.offset) continue
        told = undefined
        const records = parse(followed, await readFrom(path, followed, found.size), format, now)
        if (followed.offset < found.size) changes?.again(name)
        if (records.length > 0) read.push({ tag: tag.replace('*', `${shownAs.replace(/^\//, '').replaceAll('/', '.')}.${name}`), records })
      }
      first = false
      return read
    },
    // What is held back for the rest of its line is read again after a restart.
    positions: () => told ??= Object.fromEntries([...files].map(([name, { inode, offset, rest }]) => [name, { inode, offset: offset - Buffer.byteLength(rest) }])),
  }
}

async function readFrom(path: string, followed: Followed, size: number): Promise<string> {
  await using file = await open(path)
  const length = Math.min(chunkBytes, size - followed.offset)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, followed.offset)
  // A character may be cut at the end; whole lines are cut at a line end, which never is.
  const end = bytesRead < length || followed.offset + bytesRead >= size ? bytesRead : buffer.lastIndexOf(10, bytesRead - 1) + 1 || bytesRead
  followed.offset += end
  return buffer.toString('utf8', 0, end)
}

function parse(followed: Followed, text: string, format: 'cri' | 'plain', now: () => number): FluentRecord[] {
  const lines = (followed.rest + text).split('\n')
  followed.rest = lines.pop() ?? ''
  return lines.flatMap((line): FluentRecord[] => {
    if (line === '') return []
    const cri = format === 'cri' ? readCri(line) : undefined
    if (cri === undefined) return [{ t: now(), fields: { log: line } }]
    if (cri.partial) { followed.partial += cri.log; return [] }
    const log = followed.partial + cri.log
    followed.partial = ''
    return [{ t: cri.t, fields: { stream: cri.stream, log } }]
  })
}
