import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readKubeconfig } from '@idp/client'
import { formatYaml, type JsonObject } from '@idp/formats'
import { isCoded } from '@idp/kit'
import { temporaryDirectory } from '@idp/testkit'
import { extractContext } from './kubeconfig-context.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const config = (user: JsonObject, cluster: JsonObject = {}) => formatYaml({
  apiVersion: 'v1', kind: 'Config', 'current-context': 'other',
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }, { name: 'd', cluster: { server: 'https://10.0.0.2:6443' } }],
  users: [{ name: 'u', user }, { name: 'v', user: { token: 'of another cluster' } }],
  contexts: [{ name: 'mine', context: { cluster: 'c', user: 'u', namespace: 'default' } }, { name: 'other', context: { cluster: 'd', user: 'v' } }],
})

async function extracted(text: string, context: string | undefined = 'mine') {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'config')
  await writeFile(file, text)
  await writeFile(join(directory.path, 'ca.crt'), 'the CA')
  await writeFile(join(directory.path, 'token'), 'the token\n')
  return await extractContext(file, context)
}

test('the copy holds the one context, with no secret of another', async () => {
  const { kubeconfig, server } = await extracted(config({ token: 't', 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') }, { 'certificate-authority-data': base64('ca'), 'tls-server-name': 'kubernetes' }))
  assert.equal(server, 'https://10.0.0.1:6443')
  assert.ok(!kubeconfig.includes('another'))
  const read = readKubeconfig(kubeconfig, 'copy')
  assert.deepEqual([read.name, read.token, read.network], ['mine', 't', { server, ca: 'ca', identity: { cert: 'cert', key: 'key' }, serverName: 'kubernetes' }])
})

test('files that the kubeconfig names relative to itself are put inline', async () => {
  const read = readKubeconfig((await extracted(config({ tokenFile: 'token' }, { 'certificate-authority': 'ca.crt' }))).kubeconfig, 'copy')
  assert.deepEqual([read.token, read.network.ca], ['the token', 'the CA'])
})

const refused: readonly (readonly [what: string, code: string, says: RegExp, text: string, context?: string])[] = [
  ['a context that is not there', 'ContextMissing', /mine, other/, config({}), 'third'],
  ['a login that starts a program', 'AuthPluginRefused', /ServiceAccount/, config({ exec: { command: 'aws' } })],
  ['an old login plug-in', 'AuthPluginRefused', /ServiceAccount/, config({ 'auth-provider': { name: 'gcp' } })],
  ['a file that is not there', 'KubeconfigUnreadable', /./, config({ 'client-certificate': 'none.crt' })],
  ['an empty file', 'ContextMissing', /no contexts/, ''],
]
for (const [what, code, says, text, context] of refused) {
  test(`refused: ${what}`, async () => {
    await assert.rejects(extracted(text, context), (error) => isCoded(error, code) && says.test(error.remedy ?? error.message))
  })
}

test('refused: no context named at all', async () => {
  await using directory = await temporaryDirectory()
  const file = join(directory.path, 'config')
  await writeFile(file, config({}))
  await assert.rejects(extractContext(file, undefined), (error) => isCoded(error, 'ContextMissing') && /--context; there are mine, other/.test(error.remedy ?? ''))
  await assert.rejects(extractContext(join(directory.path, 'none'), 'mine'), (error) => isCoded(error, 'KubeconfigUnreadable'))
})
