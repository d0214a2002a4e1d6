import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '@idp/kit'
import type { TrustRecord } from './trust.ts'

const recordFile = (directory: string): string => join(directory, 'trust.json')

/** Where the CA lies as a file, in the cluster's directory. */
export const authorityFile = (directory: string): string => join(directory, 'ca.crt')

/** What is remembered; undefined when nothing was put anywhere. @throws CodedError `CorruptData` */
export async function readTrust(directory: string): Promise<TrustRecord | undefined> {
  const file = recordFile(directory)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    const record = JSON.parse(text) as TrustRecord
    if (record.format === 1 && Array.isArray(record.stores)) return record
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new CodedError({ code: 'CorruptData', message: 'what idp remembers of trust stores cannot be read', where: file, remedy: `Remove the file, and certificates named 'idp …' from your trust stores by hand` })
}

/** Replaces what is remembered; forgets it without a record. */
export async function writeTrust(directory: string, record: TrustRecord | undefined): Promise<void> {
  const file = recordFile(directory)
  if (record === undefined) return rm(file, { force: true })
  await writeFile(`${file}.new`, `${JSON.stringify(record, undefined, 1)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
