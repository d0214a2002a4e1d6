import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isCoded, memoryFiles } from '@idp/kit'
import { temporaryDirectory } from '@idp/testkit'
import { ownRepository, upstreamCharts } from './http-charts.ts'

/** A packaged chart `demo` with nothing but its Chart.yaml. */
function archive(version: string): Uint8Array {
  const content = Buffer.from(`apiVersion: v2\nname: demo\nversion: ${version}\n`)
  const header = Buffer.alloc(512)
  header.write('demo/Chart.yaml', 0)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('0', 156)
  return gzipSync(Buffer.concat([header, content, Buffer.alloc(512 - content.length), Buffer.alloc(1024)]))
}

const repository = 'https://charts.example.org/stable'
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const index = (digest: (version: string) => string) => JSON.stringify({ entries: { demo: ['1.2.0', '1.10.0', '2.0.0-rc.1'].map((version) => ({ version, urls: [`demo-${version}.tgz`], digest: digest(version) })) } })
const honest = index((version) => digestOf(archive(version)))

function network(indexText: string, root = repository) {
  const asked: string[] = []
  const fetch = async (url: string): Promise<Response> => {
    asked.push(url)
    if (url === `${root}/index.yaml`) return new Response(indexText)
    const version = /demo-(.*)\.tgz$/.exec(url)?.[1]
    return version === undefined ? new Response('', { status: 404 }) : new Response(Buffer.from(archive(version)))
  }
  return { asked, fetch }
}
const own = async () => memoryFiles({ 'Chart.yaml': 'name: git-server' })
const down = async (): Promise<Response> => { throw new TypeError('fetch failed') }
const request = (version: string) => ({ name: 'demo', repository, version })

test('the newest version in range is fetched; an exact one that is kept needs no network', async () => {
  await using directory = await temporaryDirectory()
  const { asked, fetch } = network(honest)
  const options = { cacheDirectory: directory.path, own }
  const tree = await upstreamCharts({ ...options, fetch })(request('^1.0.0'))
  assert.match(Buffer.from(await tree.read('Chart.yaml') ?? []).toString(), /version: 1\.10\.0/)
  assert.deepEqual(asked, [`${repository}/index.yaml`, `${repository}/demo-1.10.0.tgz`])
  assert.ok(await (await upstreamCharts({ ...options, fetch: down })(request('1.10.0'))).read('Chart.yaml'))
})

test("a mirror is asked instead of upstream; idp's own charts come from idp", async () => {
  await using directory = await temporaryDirectory()
  const { asked, fetch } = network(honest, 'http://mirror.internal')
  const charts = upstreamCharts({ cacheDirectory: directory.path, own, fetch, mirror: 'http://mirror.internal' })
  await charts(request('1.2.0'))
  await charts({ name: 'git-server', repository: ownRepository, version: '0.1.0' })
  assert.deepEqual(asked, ['http://mirror.internal/index.yaml', 'http://mirror.internal/demo-1.2.0.tgz'])
})

const refusals: readonly (readonly [code: string, text: string, version: string, remedy: RegExp])[] = [
  ['ChartNotFound', honest, '3.0.0', /name and version/],
  ['ChartNotFound', JSON.stringify({ entries: {} }), '1.2.0', /name and version/],
  ['WrongDigest', index(() => '0'.repeat(64)), '1.2.0', /do not use it/],
]
for (const [code, text, version, remedy] of refusals) {
  test(`refused: ${code} for ${version}`, async () => {
    await using directory = await temporaryDirectory()
    await assert.rejects(upstreamCharts({ cacheDirectory: directory.path, own, fetch: network(text).fetch })(request(version)), (error) => isCoded(error, code) && /chart 'demo'/.test(error.message) && remedy.test(error.remedy ?? ''))
  })
}

test('refused: a repository that cannot be reached, with the way round it', async () => {
  await using directory = await temporaryDirectory()
  await assert.rejects(upstreamCharts({ cacheDirectory: directory.path, own, fetch: down })(request('1.2.0')), (error) => isCoded(error, 'RepositoryUnavailable') && /--charts URL/.test(error.remedy ?? ''))
})
