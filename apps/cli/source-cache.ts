/**
 * Loads idp's own modules with two system calls each. Node by itself looks up every folder and package.json on the way to a module, reads the source,
 * and reads a second file for what it is without types: two thirds of what starting costs. Here a specifier is resolved by its text, and the sources
 * without their types (blanks in their place, so every line and column stays true) lie in one file beside Node's compile cache.
 * A source counts as unchanged while its modification time and size are; any other is read anew, and written back when the process ends.
 */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { getCompileCacheDir, registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** By path below the root: modification time (ms) and size of the source; where its text without types is, and its length in bytes. */
type Index = Record<string, readonly [modified: number, size: number, at: number, length: number]>

interface Pack { readonly index: Index; text(path: string): string }

/** The file: length of the index as decimal digits in a line of its own, the index as JSON, the texts. Undefined when there is none that can be read. */
function openPack(file: string): Pack | undefined {
  let fd: number | undefined
  try {
    fd = openSync(file, 'r')
    const head = read(fd, 0, 16).toString('latin1')
    const start = head.indexOf('\n') + 1
    const texts = start + Number.parseInt(head, 10)
    const index = JSON.parse(read(fd, start, texts - start).toString('utf8')) as Index
    const end = Object.values(index).reduce((most, [, , at, length]) => Math.max(most, at + length), 0)
    if (fstatSync(fd).size !== texts + end) throw new Error('cut short')
    const opened = fd
    return { index, text: (path) => { const [, , at, length] = index[path] ?? [0, 0, 0, 0]; return read(opened, texts + at, length).toString('utf8') } }
  } catch {
    // A cache that is not there, or not whole, is made anew.
    if (fd !== undefined) closeSync(fd)
    return undefined
  }
}

function read(fd: number, at: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, readSync(fd, bytes, 0, length, at))
}

interface Fresh { readonly modified: number; readonly size: number; readonly text: string }

/** What the file holds now and what was read anew, as one file in its place; whoever writes last wins, and what is lost so is read anew next time. */
function savePack(file: string, root: string, fresh: ReadonlyMap<string, Fresh>): void {
  const old = openPack(file)
  const index: Record<string, Index[string]> = {}
  const texts: Buffer[] = []
  let at = 0
  const add = (path: string, modified: number, size: number, text: string): void => {
    const bytes = Buffer.from(text)
    index[path] = [modified, size, at, bytes.length]
    texts.push(bytes)
    at += bytes.length
  }
  for (const [path, [modified, size]] of Object.entries(old?.index ?? {})) if (!fresh.has(path) && existsSync(join(root, path))) add(path, modified, size, old?.text(path) ?? '')
  for (const [path, { modified, size, text }] of fresh) add(path, modified, size, text)
  const json = Buffer.from(JSON.stringify(index))
  const temporary = `${file}.${process.pid}`
  try {
    writeFileSync(temporary, Buffer.concat([Buffer.from(`${json.length}\n`), json, ...texts]))
    renameSync(temporary, file)
  } catch {
    // An installation that cannot be written to, or a full disk: the next start reads the sources, which is slower, not wrong.
    rmSync(temporary, { force: true })
  }
}

/** `./b.ts` or `../c/d.ts` seen from the module at URL `from`. */
function relative(specifier: string, from: string): string {
  let folder = from.lastIndexOf('/')
  let rest = specifier.startsWith('./') ? 2 : 0
  for (; specifier.startsWith('../', rest); rest += 3) folder = from.lastIndexOf('/', folder - 1)
  return from.slice(0, folder + 1) + specifier.slice(rest)
}

/** Makes this process load idp's modules so. Without Node's compile cache (NODE_COMPILE_CACHE) it changes nothing. */
function useSourceCache(rootUrl: string, cacheDirectory: string): void {
  const root = fileURLToPath(rootUrl)
  const file = join(cacheDirectory, 'idp-sources')
  const pack = openPack(file)
  const fresh = new Map<string, Fresh>()
  const packages = new Map<string, string>()
  registerHooks({
    resolve(specifier, context, next) {
      const from = context.parentURL
      if (specifier.startsWith('.') && specifier.endsWith('.ts') && from?.startsWith(rootUrl) === true) return { url: relative(specifier, from), format: 'module-typescript', shortCircuit: true }
      if (!specifier.startsWith('@idp/')) return next(specifier, context)
      // A workspace is the same for every importer.
      const known = packages.get(specifier)
      if (known !== undefined) return { url: known, format: 'module-typescript', shortCircuit: true }
      const found = next(specifier, context)
      if (found.url.endsWith('.ts')) packages.set(specifier, found.url)
      return found
    },
    load(url, context, next) {
      if (!url.startsWith(rootUrl) || !url.endsWith('.ts')) return next(url, context)
      const path = decodeURIComponent(url.slice(rootUrl.length))
      const stat = statSync(root + path, { throwIfNoEntry: false })
      if (stat === undefined) return next(url, context)
      const known = pack?.index[path]
      if (known?.[0] === stat.mtimeMs && known[1] === stat.size) return { format: 'module', source: pack?.text(path) ?? '', shortCircuit: true }
      try {
        const text = stripTypeScriptTypes(readFileSync(root + path, 'utf8'))
        fresh.set(path, { modified: stat.mtimeMs, size: stat.size, text })
        return { format: 'module', source: text, shortCircuit: true }
      } catch {
        // Node names the file and the line of what cannot be read.
        return next(url, context)
      }
    },
  })
  process.on('exit', () => {
    if (fresh.size > 0) savePack(file, root, fresh)
  })
}

const cacheDirectory = getCompileCacheDir()
if (cacheDirectory !== undefined) useSourceCache(new URL('../../', import.meta.url).href, cacheDirectory)
