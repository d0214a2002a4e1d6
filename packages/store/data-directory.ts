import { createHmac, hkdfSync, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'
import type { Disk } from './disk.ts'

/** What the file `store.json` says; it makes a directory ours. */
interface Identity { readonly format: 'idp-store'; readonly version: number; readonly id: string; readonly key?: string }

const VERSION = 1
const IDENTITY = 'store.json'
const ours = /^(store\.json(\.new)?|lock(\..*)?|log-\d{16}\.wal|snapshot-\d{16}\.snap(\.new)?|.*\.torn-\d+)$/

/**
 * Makes the directory when it is missing, and checks that it is empty or ours, whole, private and of a format we know.
 * Changes nothing in it.
 * @returns what makes it ours, if it is already
 * @throws CodedError `ForeignDataDirectory`, `NewerDataDirectory`, `CorruptData`, `WrongFileMode`
 */
export async function checkDirectory(directory: string): Promise<Identity | undefined> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const names = await readdir(directory).catch((error: unknown) => { throw wrongMode(directory, error) })
  await checkModes(directory, names)
  const path = join(directory, IDENTITY)
  if (!names.includes(IDENTITY)) {
    const stranger = names.find((name) => !/^(lock(\..*)?|store\.json\.new)$/.test(name))
    if (stranger !== undefined) throw foreign(directory, `it holds ${stranger} but no ${IDENTITY}`)
    return undefined
  }
  const stranger = names.find((name) => !ours.test(name))
  if (stranger !== undefined) throw foreign(directory, `it holds ${stranger}, which is not a file of the store`)
  return parseIdentity(await readFile(path, 'utf8'), path)
}

/**
 * Makes the directory ours when it is not yet; the caller holds its lock.
 * @returns the key for its files, derived from `encryptionKey`
 * @throws CodedError as `checkDirectory` does, and `WrongEncryptionKey`
 */
export async function claimDirectory(directory: string, encryptionKey: Uint8Array | undefined, disk: Disk): Promise<Uint8Array | undefined> {
  const path = join(directory, IDENTITY)
  const found = await checkDirectory(directory)
  const id = found?.id ?? randomUUID()
  const key = deriveKey(encryptionKey, id)
  const check = key === undefined ? undefined : keyCheck(key)
  if (found === undefined) {
    const identity: Identity = { format: 'idp-store', version: VERSION, id, ...(check === undefined ? {} : { key: check }) }
    await writeFile(`${path}.new`, `${JSON.stringify(identity)}\n`, { mode: 0o600, flush: true })
    await rename(`${path}.new`, path)
    await disk.syncDirectory(directory)
  } else if (found.key !== check) {
    const message = found.key === undefined ? 'the store is not encrypted, but a key was given' : key === undefined ? 'the store is encrypted and no key was given' : 'the encryption key is not the one of this store'
    throw new CodedError({ code: 'WrongEncryptionKey', message, where: path, remedy: 'give the key the store was made with' })
  }
  return key
}

function parseIdentity(text: string, path: string): Identity {
  let found: Partial<Identity> | null
  try {
    found = JSON.parse(text) as Partial<Identity> | null
  } catch (cause) {
    throw new CodedError({ code: 'CorruptData', message: `${IDENTITY} is damaged at offset 0: it is not JSON`, where: `${path}:0`, remedy: 'restore the directory from a copy', cause })
  }
  if (found?.format !== 'idp-store' || typeof found.version !== 'number' || typeof found.id !== 'string') throw foreign(path, `${IDENTITY} is not of this product`)
  if (found.version > VERSION) throw new CodedError({ code: 'NewerDataDirectory', message: `the data has format ${found.version}; this version of idp knows ${VERSION}`, where: path, remedy: 'use the version of idp that wrote it, or a later one' })
  return found as Identity
}

async function checkModes(directory: string, names: readonly string[]): Promise<void> {
  if (process.platform === 'win32') return
  for (const path of [directory, ...names.map((name) => join(directory, name))]) {
    const { mode } = await stat(path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { mode: 0o700 } // another process tidied up
      throw wrongMode(path, error)
    })
    if ((mode & 0o077) !== 0) throw new CodedError({ code: 'WrongFileMode', message: `${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}: others than its owner may use it`, where: path, remedy: `chmod go-rwx '${path}' after making sure that nobody changed or copied it` })
    if ((mode & 0o600) !== 0o600) throw wrongMode(path, undefined)
  }
}

function wrongMode(path: string, cause: unknown): CodedError {
  return new CodedError({ code: 'WrongFileMode', message: `${path} cannot be read and written by this user`, where: path, remedy: `chmod u+rw '${path}', or run as its owner`, cause })
}

function foreign(where: string, why: string): CodedError {
  return new CodedError({ code: 'ForeignDataDirectory', message: `this is not a data directory of idp: ${why}`, where, remedy: 'name an empty or new directory with --data-dir' })
}

function deriveKey(encryptionKey: Uint8Array | undefined, id: string): Uint8Array | undefined {
  return encryptionKey === undefined ? undefined : new Uint8Array(hkdfSync('sha256', encryptionKey, id, 'idp-store files', 32))
}

/** Tells a wrong key from damaged data without revealing the key. */
function keyCheck(key: Uint8Array): string {
  return createHmac('sha256', key).update('idp-store key check').digest('hex')
}
