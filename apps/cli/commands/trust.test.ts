import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCa } from '@idp/pki'
import { temporaryDirectory } from '@idp/testkit'
import type { Machine } from '../trust/machine.ts'
import { authorityFile, readTrust, writeTrust } from '../trust/trust-file.ts'
import { addTrust, authorityOf } from '../trust/trust.ts'
import { endTrust, forgetTrust } from './trust.ts'

const ran: string[] = []
const machine: Machine = {
  platform: 'darwin', home: '/home/me', root: false, exists: () => Promise.resolve(false), list: () => Promise.resolve([]), makeDirectory: () => Promise.resolve(), remove: () => Promise.resolve(),
  write: (path, text) => writeFile(path, text), run: (command, [first = '']) => Promise.resolve(ran.push(`${command} ${first}`)).then(() => ({ code: 0, out: '', err: '' })),
}

test('what was done is remembered in the directory of the cluster, and undone when the cluster is destroyed', async () => {
  await using directory = await temporaryDirectory()
  const found = { name: 'demo', directory: directory.path }
  assert.deepEqual([await readTrust(directory.path), await forgetTrust(found, machine), await endTrust(found, machine)], [undefined, [], ''])
  const authority = authorityOf('demo', (await createCa({ subject: { commonName: 'root' }, now: Date.UTC(2026, 0, 1), days: 10 })).cert, authorityFile(directory.path))
  await writeTrust(directory.path, (await addTrust(machine, authority, undefined)).record)
  assert.equal(await readFile(authority.file, 'utf8'), authority.pem)
  assert.deepEqual((await readTrust(directory.path))?.stores, ['keychain:/home/me/Library/Keychains/login.keychain-db'])
  assert.match(await endTrust(found, machine), /^\n✓ its CA is no longer trusted by Safari/)
  assert.deepEqual([ran, await readTrust(directory.path)], [['security add-trusted-cert', 'security remove-trusted-cert', 'security delete-certificate'], undefined])
  await writeFile(join(directory.path, 'trust.json'), 'nonsense')
  assert.match(await endTrust(found, machine), /its CA may still be in trust stores: .*cannot be read; look for certificates named 'idp demo …'/)
})
