import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { fakeClock, isCoded, memoryFiles } from '@idp/kit'
import { fetchDependencies, renderHelm, type ChartCache, type ChartSource } from './index.ts'

function packed(name: string, version: string): Uint8Array {
  const files = { 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\n`, 'templates/x.yaml': 'kind: X\napiVersion: v1\nmetadata: {name: {{ .Chart.Version }}}\n' }
  const blocks = Object.entries(files).flatMap(([path, content]) => {
    const header = Buffer.alloc(512)
    header.write(`${name}/${path}`, 0)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    return [header, Buffer.from(content.padEnd(Math.ceil(content.length / 512) * 512, '\0'))]
  })
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]))
}

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const archives = Object.fromEntries(['1.0.0', '1.2.0', '2.0.0'].map((version) => [version, packed('lib', version)]))
const index = `entries:\n  lib:\n${Object.entries(archives).map(([version, bytes]) => `  - {version: ${version}, digest: ${hash(bytes)}, urls: [lib-${version}.tgz]}\n`).join('')}`

function serve(pages: Record<string, string | Uint8Array>): ChartSource & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async fetch(url) {
      asked.push(url)
      const body = Object.hasOwn(pages, url) ? pages[url] : undefined
      return body === undefined ? new Response('', { status: 404 }) : new Response(typeof body === 'string' ? body : new Uint8Array(body))
    },
  }
}

const http = () => serve({ 'https://charts.test/stable/index.yaml': index, ...Object.fromEntries(Object.entries(archives).map(([version, bytes]) => [`https://charts.test/stable/lib-${version}.tgz`, bytes])) })

function chart(range: string, repository: string, more: Record<string, string> = {}) {
  return memoryFiles({ 'Chart.yaml': `apiVersion: v2\nname: top\nversion: 1.0.0\ndependencies:\n- {name: lib, version: "${range}", repository: "${repository}"}\n`, ...more })
}

test('fetches the newest version in range, renders, and locks it', async () => {
  const { tree, lock, charts } = await fetchDependencies(chart('1.x', 'https://charts.test/stable/'), http(), fakeClock(0))
  assert.equal(charts[0]?.version, '1.2.0')
  assert.match((await renderHelm(tree, { releaseName: 'r', namespace: 'n' })).manifest, /# Source: top\/charts\/lib\/templates\/x\.yaml\n.*\n.*\nmetadata: \{name: 1\.2\.0\}/)
  assert.match(lock, /^dependencies:\n- name: lib\n {2}repository: https:\/\/charts\.test\/stable\/\n {2}version: 1\.2\.0\ndigest: sha256:[0-9a-f]{64}\ngenerated: "1970-01-01T00:00:00Z"\n$/)
  const again = await fetchDependencies(chart('1.x', 'https://charts.test/stable/', { 'Chart.lock': lock.replace('1.2.0', '1.2.0') }), http(), fakeClock(0))
  assert.equal(again.charts[0]?.version, '1.2.0')
  await assert.rejects(fetchDependencies(chart('2.x', 'https://charts.test/stable/', { 'Chart.lock': lock }), http(), fakeClock(0)), (error) => isCoded(error, 'StaleLock'))
})

test('what is locked and kept needs no network', async () => {
  const kept = new Map<string, Uint8Array>()
  const cache: ChartCache = { get: async (key) => kept.get(key), put: async (key, bytes) => { kept.set(key, bytes) } }
  const { lock } = await fetchDependencies(chart('^1', 'https://charts.test/stable'), { ...http(), cache }, fakeClock(0))
  const offline: ChartSource = { cache, fetch: () => Promise.reject(new Error('no network')) }
  assert.equal((await fetchDependencies(chart('^1', 'https://charts.test/stable', { 'Chart.lock': lock }), offline, fakeClock(0))).charts[0]?.version, '1.2.0')
  assert.equal((await fetchDependencies(chart('^1', 'https://charts.test/stable'), offline, fakeClock(0))).charts[0]?.version, '1.2.0')
})

test('pulls from a registry that wants a token', async () => {
  const bytes = archives['1.0.0'] ?? new Uint8Array()
  const digest = `sha256:${hash(bytes)}`
  const source: ChartSource = {
    async fetch(url, init) {
      if (url.startsWith('https://auth.test/token')) return Response.json({ token: 'secret' })
      if (init?.headers?.['authorization'] !== 'Bearer secret') return new Response('', { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.test/token",service="reg",scope="repository:org/lib:pull"' } })
      if (url === 'https://reg.test/v2/org/lib/tags/list') return Response.json({ tags: ['1.0.0', '0.9.0'] })
      if (url === 'https://reg.test/v2/org/lib/manifests/1.0.0') return Response.json({ layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', digest }] })
      return url === `https://reg.test/v2/org/lib/blobs/${digest}` ? new Response(new Uint8Array(bytes)) : new Response('', { status: 404 })
    },
  }
  assert.equal((await fetchDependencies(chart('>=0.5', 'oci://reg.test/org'), source, fakeClock(0))).charts[0]?.digest, hash(bytes))
})

const faults: readonly (readonly [string, string, string, ChartSource, string])[] = [
  ['a wrong digest', '1.0.0', 'https://charts.test/stable', serve({ 'https://charts.test/stable/index.yaml': index, 'https://charts.test/stable/lib-1.0.0.tgz': 'other' }), 'WrongDigest'],
  ['a version that is not there', '9.x', 'https://charts.test/stable', http(), 'ChartNotFound'],
  ['a repository that does not answer', '1.x', 'https://charts.test/none', http(), 'RepositoryUnavailable'],
  ['a range that is none', 'one', 'https://charts.test/stable', http(), 'InvalidVersionRange'],
  ['a folder outside the chart', '1.x', 'file://../lib', http(), 'UnknownRepository'],
  ['an unknown alias', '1.x', '@stable', http(), 'UnknownRepository'],
  ['an answer that is too large', '1.0.0', 'https://charts.test/stable', { ...http(), maxBytes: 50 }, 'ArchiveTooLarge'],
]
for (const [name, range, repository, source, code] of faults) {
  test(`refuses ${name}`, () => assert.rejects(fetchDependencies(chart(range, repository), source, fakeClock(0)), (error) => isCoded(error, code)))
}
