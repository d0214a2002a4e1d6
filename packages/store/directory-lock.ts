import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError, type Random } from '@idp/kit'

/** Who holds a directory. `started` tells a process from a later one with the same number. */
interface Holder { readonly pid: number; readonly started: string }

/**
 * Takes `lock` in the directory for this process. A lock left by a process that is gone is replaced.
 * @throws CodedError `DataDirectoryInUse` naming the process that holds it
 */
export async function lockDirectory(directory: string, random: Random): Promise<AsyncDisposable> {
  const path = join(directory, 'lock')
  const mine = `${path}.${process.pid}.${Buffer.from(random(6)).toString('hex')}`
  await writeFile(mine, JSON.stringify({ pid: process.pid, started: await startOf(process.pid) }), { mode: 0o600, flag: 'wx' })
  try {
    while (!await linked(mine, path)) await replaceStale(path, `${mine}.stale`, directory)
  } finally {
    await unlink(mine)
  }
  return { async [Symbol.asyncDispose]() { await unlink(path) } }
}

/** Linking is atomic: of two processes one succeeds, and the file is never seen half written. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function replaceStale(path: string, aside: string, directory: string): Promise<void> {
  const holder = await readHolder(path)
  if (holder === undefined) return
  if (await lives(holder)) throw inUse(directory, holder)
  try {
    await rename(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  // Another process may have replaced the stale lock between our reading and renaming: then give it back.
  const moved = await readHolder(aside)
  if (moved !== undefined && await lives(moved)) await linked(aside, path)
  await unlink(aside)
}

async function readHolder(path: string): Promise<Holder | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const match = /^\{"pid":(\d+),"started":"([^"]*)"\}$/.exec(text)
  return { pid: Number(match?.[1] ?? 0), started: match?.[2] ?? '' }
}

async function lives({ pid, started }: Holder): Promise<boolean> {
  if (pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  if (await hasEnded(pid)) return false
  return started === '' || started === await startOf(pid)
}

/** A process that was killed keeps its number until its parent has asked for it; it holds nothing any more. */
async function hasEnded(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return false
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false // no /proc: the number decides
  }
}

/** Something that differs for a later process with the same number: boot and start time on Linux; empty where unknown. */
async function startOf(pid: number): Promise<string> {
  if (process.platform !== 'linux') return ''
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    // Fields after the command name, which may hold blanks and brackets; the start time is the 22nd of all.
    return `${boot.trim()}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return '' // no /proc, or the process ended just now: the number alone decides
  }
}

function inUse(directory: string, { pid }: Holder): CodedError {
  const who = pid === process.pid ? `this process (${pid})` : `process ${pid}`
  return new CodedError({ code: 'DataDirectoryInUse', message: `${directory} is in use by ${who}`, where: directory, remedy: 'stop that process, or use another --data-dir' })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
