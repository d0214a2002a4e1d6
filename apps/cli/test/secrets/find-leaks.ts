import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Client } from '@idp/client'

/** Something that nobody may read where it is not kept. `name` says what it is; the value is never shown. */
export interface KnownSecret { readonly name: string; readonly value: string }
export interface Leak { readonly secret: string; readonly where: string }

/** A place where secrets are by design, and why. */
export interface Allowed { readonly path: RegExp; readonly because: string }

/** Says which secrets a text holds, in any form in which one travels: as it is, in base64 (alone or within something longer), in a URL, in JSON. */
export function createFinder(secrets: readonly KnownSecret[]): (text: Buffer | string, where: string) => Leak[] {
  const needles = secrets.flatMap(({ name, value }) => formsOf(value).map((form) => ({ name, form: Buffer.from(form, 'latin1') })))
  return (text, where) => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    return [...new Set(needles.filter(({ form }) => bytes.includes(form)).map(({ name }) => name))].map((secret) => ({ secret, where }))
  }
}

function formsOf(value: string): string[] {
  const utf8 = Buffer.from(value).toString('latin1')
  // Base64 of a longer text shows the value in one of three ways, by where it begins; the ends depend on the neighbours and are cut off.
  const within = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]).toString('base64').replace(/=+$/, '').slice(shift === 0 ? 0 : shift + 1, -2))
  const long = within.filter((form) => form.length >= 12)
  return [...new Set([utf8, ...long, ...long.map((form) => form.replaceAll('+', '-').replaceAll('/', '_')), Buffer.from(encodeURIComponent(value)).toString('latin1'), Buffer.from(JSON.stringify(value).slice(1, -1)).toString('latin1'), Buffer.from(value).toString('hex')])].filter((form) => form.length >= 8)
}

/** Every file below a folder, but those that are allowed; files of mode 0600 are searched like all others. */
export async function leaksInFiles(folder: string, find: ReturnType<typeof createFinder>, allowed: readonly Allowed[]): Promise<{ readonly leaks: Leak[]; readonly searched: number; readonly skipped: readonly string[] }> {
  const [leaks, skipped]: [Leak[], string[]] = [[], []]
  let searched = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const path = relative(folder, file)
    if (allowed.some((each) => each.path.test(path))) {
      skipped.push(path)
      continue
    }
    searched++
    leaks.push(...find(await readFile(file).catch(() => Buffer.alloc(0)), path)) // one that has gone meanwhile holds nothing
  }
  return { leaks, searched, skipped }
}

/** Files on the allow list that somebody else than their owner could read. */
export async function readableByOthers(folder: string, paths: readonly string[]): Promise<string[]> {
  const modes = await Promise.all(paths.map(async (path) => [path, (await stat(join(folder, path))).mode & 0o077] as const))
  return modes.filter(([, mode]) => mode !== 0).map(([path]) => path)
}

/** Every object of every kind, but Secrets: specs with arguments and environment, status, events. */
export async function leaksInObjects(client: Client, find: ReturnType<typeof createFinder>): Promise<{ readonly leaks: Leak[]; readonly searched: number }> {
  const leaks: Leak[] = []
  let searched = 0
  for (const kind of await client.kinds()) {
    if (kind.kind === 'Secret' || kind.kind.endsWith('Review')) continue
    const { items } = await client.list(kind).catch(() => ({ items: [] })) // kinds that cannot be listed hold no objects
    for (const item of items) {
      searched++
      leaks.push(...find(JSON.stringify(item), `${kind.kind} ${item.metadata.namespace ?? ''}/${item.metadata.name ?? ''}`))
    }
  }
  return { leaks, searched }
}

/** Arguments and environment of a process and of all below it. */
export async function leaksInProcesses(pid: number, find: ReturnType<typeof createFinder>): Promise<{ readonly leaks: Leak[]; readonly searched: number }> {
  const parents = new Map<number, number>()
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const parent = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1])
    if (status !== '') parents.set(Number(name), parent)
  }
  const below = (each: number): boolean => each === pid || (each > 1 && below(parents.get(each) ?? 0))
  const wanted = [...parents.keys()].filter(below)
  const leaks: Leak[] = []
  for (const each of wanted) {
    const program = await readlink(`/proc/${each}/exe`).catch(() => '')
    for (const part of ['cmdline', 'environ']) leaks.push(...find(await readFile(`/proc/${each}/${part}`).catch(() => Buffer.alloc(0)), `${part} of process ${each} ${program}`))
  }
  return { leaks, searched: wanted.length }
}
