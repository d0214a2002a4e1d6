import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@idp/kit'
import type { Dependencies } from './recorded-files.ts'
import type { SourceType } from './repo-service.ts'

/** What one source was rendered to. */
export interface Rendering {
  /** For each tree that was looked into, what was looked at. */
  readonly dependencies: readonly Dependencies[]
  readonly sourceType: SourceType
  /** SHA-256 of `json`. */
  readonly digest: string
  /** `{"manifests":[…],"origins":[…]}`: text takes a fraction of the memory of objects, and is what is sent. */
  readonly json: string
}

/** Renderings by key, as upstream keeps them in Redis: for a day, and over restarts. */
export interface KeptRenderings {
  get(key: string): Promise<Rendering | undefined>
  put(key: string, rendering: Rendering): void
}

export interface KeptRenderingsOptions {
  readonly clock: Clock
  /** An existing directory of this machine that only we write; nothing outlives the process without it. */
  readonly directory?: string
  /** What renders: renderings of another version do not count. Asked when one is read from the disk or written to it. */
  readonly version?: () => Promise<string>
}

const day = 86_400_000
const most = 5_000

/** How long after the last rendering the new ones are written, in milliseconds: there is no hurry, and a start has better things to do. */
const restMs = 5_000

export function keptRenderings({ clock, directory, version = async () => '' }: KeptRenderingsOptions): KeptRenderings {
  const memory = new Map<string, Rendering>()
  const unwritten = new Map<string, Rendering>()
  let timer: Disposable | undefined
  let kept: Promise<string | undefined> | undefined
  let writable: Promise<string> | undefined
  let asked: Promise<string> | undefined
  const versionOnce = (): Promise<string> => (asked ??= version())
  const remember = (key: string, rendering: Rendering): void => {
    memory.delete(key)
    memory.set(key, rendering)
    const oldest = memory.size > most ? memory.keys().next().value : undefined
    if (oldest !== undefined) memory.delete(oldest)
  }
  const write = async (into: string): Promise<void> => {
    writable ??= versionFolder(into, versionOnce)
    const place = await writable
    const rows = [...unwritten]
    unwritten.clear()
    for (const [key, rendering] of rows) await writeRendering(join(place, nameOf(key)), rendering, clock.now())
  }
  return {
    async get(key) {
      const found = memory.get(key)
      if (found !== undefined || directory === undefined) return found
      const place = await (kept ??= keptFolder(directory, versionOnce))
      const read = place === undefined ? undefined : await readRendering(join(place, nameOf(key)), clock.now() - day)
      if (read !== undefined) remember(key, read)
      return read
    },
    put(key, rendering) {
      remember(key, rendering)
      if (directory === undefined) return
      unwritten.set(key, rendering)
      timer?.[Symbol.dispose]()
      // A disk that takes nothing costs time at the next start, not correctness.
      timer = clock.timer(restMs, () => void write(directory).catch(() => {}))
    },
  }
}

/** Where an earlier process of this version left its renderings; what renders is not even looked at when there are none. */
async function keptFolder(directory: string, version: () => Promise<string>): Promise<string | undefined> {
  const names = await readdir(directory).catch((): string[] => [])
  if (names.length === 0) return undefined
  const name = nameOf(await version())
  return names.includes(name) ? join(directory, name) : undefined
}

function nameOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 40)
}

/** The folder of this version; those of others go. */
async function versionFolder(directory: string, version: () => Promise<string>): Promise<string> {
  const name = nameOf(await version())
  await mkdir(join(directory, name), { recursive: true, mode: 0o700 })
  for (const other of await readdir(directory)) if (other !== name) await rm(join(directory, other), { recursive: true, force: true })
  const files = await readdir(join(directory, name))
  if (files.length > most) for (const file of files) await rm(join(directory, name, file), { force: true })
  return join(directory, name)
}

interface Head { readonly at: number; readonly sourceType: SourceType; readonly digest: string; readonly dependencies: readonly (readonly (readonly [path: string, id: string | null])[])[] }

/** A file is one line of facts, then the text. Undefined for what is not there, not whole or too old. */
async function readRendering(path: string, notBefore: number): Promise<Rendering | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  const cut = text?.indexOf('\n') ?? -1
  if (text === undefined || cut < 0) return undefined
  try {
    const { at, sourceType, digest, dependencies } = JSON.parse(text.slice(0, cut)) as Head
    const json = text.slice(cut + 1)
    if (at < notBefore || digestOf(json) !== digest) return undefined
    return { sourceType, digest, json, dependencies: dependencies.map((one) => new Map(one.map(([file, id]) => [file, id ?? undefined]))) }
  } catch {
    return undefined
  }
}

async function writeRendering(path: string, { dependencies, sourceType, digest, json }: Rendering, at: number): Promise<void> {
  const head: Head = { at, sourceType, digest, dependencies: dependencies.map((one) => [...one].map(([file, id]) => [file, id ?? null] as const)) }
  await writeFile(`${path}.part`, `${JSON.stringify(head)}\n${json}`, { mode: 0o600 })
  await rename(`${path}.part`, path)
}

export function digestOf(json: string): string {
  return createHash('sha256').update(json).digest('hex')
}
