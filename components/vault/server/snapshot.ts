import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import type { Store, Write } from '@idp/store'
import { isRecord, parseJson } from '../engine/fields.ts'
import { badRequest } from '../engine/vault-error.ts'

const everything = { from: '', to: '\uffff' }
const largest = 1 << 30

/** The whole storage, as encrypted as it lies there: gzip of JSON with a checksum. */
export async function takeSnapshot(store: Store): Promise<Buffer> {
  const entries = store.list(everything).entries.map(({ key, value }) => [key, Buffer.from(value).toString('base64')])
  return await promisify(gzip)(JSON.stringify({ format: 'idp-vault-snapshot/1', sha256: checksum(entries), entries }))
}

/** Puts a snapshot in place of the storage, in one commit. @throws VaultError 400 when it is damaged or something else */
export async function restoreSnapshot(store: Store, snapshot: Uint8Array): Promise<void> {
  const entries = await readSnapshot(snapshot)
  const kept = new Set(entries.map(([key]) => key))
  const writes: Write[] = entries.map(([key, value]) => ({ put: key, value: Buffer.from(value, 'base64') }))
  for (const { key } of store.list(everything).entries) if (!kept.has(key)) writes.push({ delete: key })
  await store.commit(writes)
}

async function readSnapshot(snapshot: Uint8Array): Promise<readonly (readonly [string, string])[]> {
  const text = await promisify(gunzip)(snapshot, { maxOutputLength: largest }).catch(() => undefined)
  const parsed = text === undefined ? undefined : parseJson(text.toString())
  if (!isRecord(parsed) || parsed['format'] !== 'idp-vault-snapshot/1' || !Array.isArray(parsed['entries'])) throw badRequest('the body is not a snapshot of this server')
  const entries = parsed['entries'] as [string, string][]
  if (checksum(entries) !== parsed['sha256']) throw badRequest('the snapshot is damaged: its checksum does not fit')
  return entries
}

function checksum(entries: readonly (readonly string[])[]): string {
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex')
}
