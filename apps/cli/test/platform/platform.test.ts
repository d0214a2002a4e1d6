import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gatewayRequest } from '@idp/platform'
import { processStart } from '../../process-identity.ts'
import { idp } from '../idp-process.ts'
import { leakTests } from '../secrets/leaks.ts'
import { browserTests } from './browser.ts'
import { cloneOf, gitFlows, type Clone } from './git-flows.ts'
import { startPlatform, type StartedPlatform } from './started-platform.ts'
import { verifyFlows } from './verify.ts'

/**
 * The whole platform, as a person starts it: each test is a promise of the README. One start serves all of them, since it is by far the dearest;
 * so they go from those that only look to those that leave something behind.
 */
let platform: StartedPlatform
let clone: Clone

before(async () => {
  platform = await startPlatform('e2e')
  clone = cloneOf(platform)
})
after(() => platform?.[Symbol.asyncDispose]())

test('idp up brings every Application to Synced and Healthy', () => {
  const summary = JSON.parse(platform.up.out.trim().split('\n').at(-1) ?? '') as { event: string; applications: string[]; urls: { url: string }[] }
  assert.equal(summary.event, 'summary')
  for (const app of ['platform', 'platform-policies', 'observability-loki', 'cicd-argo-workflows', 'security-trivy', 'events-argo-events', 'backstage-backstage']) assert.ok(summary.applications.includes(app), app)
  console.log(`# up after ${platform.up.seconds.toFixed(2)} s`)
})

test('idp status says that all is well, and what is simulated', async () => {
  const said = await platform.idp('status')
  assert.equal(said.code, 0, said.out + said.err)
  assert.match(said.out, /(\d+) of \1 Applications are Synced and Healthy/)
  assert.match(said.out, /simulated images .*nginx/)
})

test('a page is served through the gateway over verified TLS, and plain HTTP redirects to it', async () => {
  const { gateway, ports } = platform
  const { response } = await gatewayRequest(gateway, { host: 'argocd.idp.localhost', path: '/login' })
  assert.equal(response.status, 200)
  assert.match(await response.text(), /Argo CD/)
  const redirect = await gatewayRequest(gateway, { host: 'argocd.idp.localhost', path: '/', plain: true })
  assert.equal(redirect.response.status, 301)
  assert.equal(redirect.response.headers.get('location'), `https://argocd.idp.localhost:${ports.https}/`)
})

describe('what a person\'s own tools see', () => browserTests(() => platform))

test('curl and git take the URLs that idp prints', async () => {
  const url = (await platform.idp('open', 'git', '--print')).out.trim()
  const said = await clone.git(['clone', '--quiet', url, clone.path], platform.home)
  assert.equal(said.code, 0, said.err)
  assert.ok(existsSync(join(clone.path, 'K8s', 'observability', 'applicationset.yaml')))
})

describe('a push', () => gitFlows(() => ({ platform, clone })))
describe('idp verify', () => verifyFlows(() => ({ platform, clone })))

test('a second cluster runs beside the first', async () => {
  const other = ['--name', 'e2e-two', '--data-dir', platform.dataDir]
  const said = await idp(['cluster', 'up', ...other, '--output', 'json'])
  assert.equal(said.code, 0, said.out + said.err)
  assert.equal((await platform.idp('status')).code, 0)
  assert.equal((await idp(['destroy', '--yes', ...other])).code, 0)
  assert.ok(!existsSync(join(platform.dataDir, 'e2e-two')))
})

test('down and up again: nothing is lost', async () => {
  assert.equal((await platform.idp('down')).code, 0)
  const began = performance.now()
  const said = await platform.idp('up', '--timeout', '180')
  assert.equal(said.code, 0, said.out + said.err)
  console.log(`# up again after ${((performance.now() - began) / 1000).toFixed(2)} s`)
})

describe('secrets', () => leakTests(() => platform))

test('destroy leaves no process and no file', async () => {
  const { name, dataDir } = platform
  const { pid } = JSON.parse(await readFile(join(dataDir, name, 'cluster.json'), 'utf8')) as { pid: number }
  assert.ok(processStart(pid) !== undefined)
  assert.equal((await platform.idp('destroy', '--yes')).code, 0)
  assert.equal(processStart(pid), undefined)
  assert.deepEqual(await readdir(dataDir), [])
})
