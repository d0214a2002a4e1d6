import { CodedError, messageOf } from '@idp/kit'
import { renderHost } from './host.ts'
import { stringOf } from '@idp/lang-gotemplate/core'

export interface ArchiveLimits { readonly maxFiles: number; readonly maxBytes: number }

const block = 512

/**
 * Reads a packaged chart (a gzip'd tar with one top folder) into paths below that folder.
 * Throws CodedError for bombs, links out of the chart, absolute paths and `..`.
 */
export function readArchive(archive: Uint8Array, limits: ArchiveLimits, source?: string): Map<string, Uint8Array> {
  try {
    return readTar(unzip(archive, limits), limits)
  } catch (error) {
    if (!(error instanceof CodedError) || source === undefined || source === '') throw error
    throw new CodedError({ code: error.code, message: error.message, where: source, cause: error })
  }
}

function readTar(tar: Uint8Array, limits: ArchiveLimits): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let longName: string | undefined
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block)
    if (header.every((byte) => byte === 0)) break
    const size = readNumber(header.subarray(124, 136))
    const type = String.fromCharCode(header[156] ?? 0)
    const start = at + block
    if (!Number.isSafeInteger(size) || size < 0 || start + size > tar.length) throw fault('InvalidArchive', 'the archive ends inside a file')
    const body = tar.subarray(start, start + size)
    at = start + Math.ceil(size / block) * block
    if (type === 'L') longName = text(body)
    else if (type === 'x') longName = paxPath(body) ?? longName
    else {
      const name = longName ?? headerName(header)
      longName = undefined
      if (type === '0' || type === '\0') addFile(files, name, body, limits)
      else if (type === '1' || type === '2') checkLink(name, text(header.subarray(157, 257)), type === '2')
    }
  }
  if (files.size === 0) throw fault('InvalidArchive', 'the archive holds no files')
  return files
}

function unzip(archive: Uint8Array, limits: ArchiveLimits): Uint8Array {
  const { gunzip } = renderHost()
  if (gunzip === undefined) throw fault('HostLacksGzip', 'archives cannot be unpacked here: the host gives no gunzip')
  let tar: Uint8Array | undefined
  try {
    // Headers and padding add to the contents.
    tar = gunzip(archive, limits.maxBytes + limits.maxFiles * 2 * block)
  } catch (error) {
    throw fault('InvalidArchive', `not a gzip'd archive: ${messageOf(error)}`)
  }
  return tar ?? refuseSize(limits)
}

function refuseSize({ maxBytes }: ArchiveLimits): never {
  throw fault('ArchiveTooLarge', `the archive unpacks to more than the ${Math.max(0, maxBytes)} bytes it may`)
}

function addFile(files: Map<string, Uint8Array>, name: string, body: Uint8Array, limits: ArchiveLimits): void {
  const path = name.replaceAll('\\', '/')
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path) || path.includes('\0')) throw fault('UnsafePath', `chart illegally contains the absolute path ${JSON.stringify(name)}`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw fault('UnsafePath', `chart illegally references its parent: ${JSON.stringify(name)}`)
  if (parts[0] === 'pax_global_header') return
  if (parts.length < 2) {
    if (parts[0] === 'Chart.yaml') throw fault('InvalidArchive', 'chart yaml not in base directory')
    return
  }
  if (files.size >= limits.maxFiles) throw fault('ArchiveTooLarge', `the archive holds more than ${limits.maxFiles} files`)
  files.set(parts.slice(1).join('/'), body)
}

/** Links inside the chart are left out, as Helm does; one that leaves it is a fault. */
function checkLink(name: string, target: string, isSymbolic: boolean): void {
  const from = isSymbolic ? name.split('/').slice(0, -1) : []
  const at: string[] = []
  for (const part of [...from, ...target.split('/')]) {
    if (part === '' || part === '.') continue
    if (part !== '..') at.push(part)
    else if (at.pop() === undefined) throw fault('UnsafePath', `chart illegally links ${JSON.stringify(name)} to ${JSON.stringify(target)}`)
  }
  if (target.startsWith('/') || at[0] !== name.split('/').find((part) => part !== '' && part !== '.')) throw fault('UnsafePath', `chart illegally links ${JSON.stringify(name)} to ${JSON.stringify(target)}`)
}

function fault(code: string, message: string): CodedError {
  return new CodedError({ code, message })
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return stringOf(end < 0 ? bytes : bytes.subarray(0, end))
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100))
  const isUstar = text(header.subarray(257, 262)) === 'ustar'
  const prefix = isUstar ? text(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Octal text, or base 256 when the first bit is set. */
function readNumber(bytes: Uint8Array): number {
  if (((bytes[0] ?? 0) & 0x80) !== 0) return bytes.subarray(1).reduce((value, byte) => value * 256 + byte, (bytes[0] ?? 0) & 0x7f)
  const digits = text(bytes).trim()
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function paxPath(body: Uint8Array): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(stringOf(body))?.[1]
}
