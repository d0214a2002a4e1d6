import assert from 'node:assert/strict'
import { rootCertificates } from 'node:tls'
import { test } from 'node:test'
import { ConfigMap, Namespace, Secret } from '@idp/api'
import { systemClock } from '@idp/kit'
import { createCa, parseCertificate, parseCertificates } from '@idp/pki'
import { Bundle, trustNames } from '../kinds/trust.ts'
import { apply, install, namespace, objectsIn, startStepped, type SteppedCluster } from './in-cluster.ts'

const ca = async (commonName: string): Promise<string> => parseCertificate((await createCa({ subject: { commonName }, now: systemClock.now(), days: 10 })).cert).pem
const bundle = (name: string, spec: object) => ({ apiVersion: 'trust.cert-manager.io/v1alpha1', kind: 'Bundle', metadata: { name }, spec }) as Bundle
const data = async ({ cluster: { client } }: SteppedCluster, name: string, inside: string): Promise<ConfigMap | undefined> => (await client.list(ConfigMap, { namespace: inside, fieldSelector: `metadata.name=${name}` })).items[0]
const synced = async ({ cluster: { client } }: SteppedCluster, name: string) => (await client.get(Bundle, name)).status?.conditions?.find(({ type }) => type === 'Synced')

test('trust-manager: certificates of several sources get into namespaces, follow them, and go again', async () => {
  await using world = await startStepped({ components: ['cert-manager'] })
  const { client } = world.cluster
  await install(client, 'cert-manager', 'cert-manager', {}, 'trust-manager-chart')
  for (const name of ['one', 'two']) await namespace(client, name)
  await client.patch(Namespace, 'two', { metadata: { labels: { trust: 'yes' } } }, { type: 'merge' })
  const [a, b, c] = [await ca('a'), await ca('b'), await ca('c')]
  await apply(client, [
    ...objectsIn(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'root', namespace: 'cert-manager' }, stringData: { 'ca.crt': a } })),
    ...objectsIn(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'others', namespace: 'cert-manager', labels: { ca: 'yes' } }, data: { x: b, y: `${b}${a}` } })),
  ])
  const target = { configMap: { key: 'ca-bundle.crt', metadata: { labels: { team: 'x' } } }, additionalFormats: { jks: { key: 'bundle.jks' }, pkcs12: { key: 'bundle.p12' } } }
  await world.until('bundles are served', () => client.create(Bundle, bundle('all', { sources: [{ secret: { name: 'root', key: 'ca.crt' } }, { configMap: { selector: { matchLabels: { ca: 'yes' } }, includeAllKeys: true } }, { inLine: c }], target })).then(() => true, () => undefined))
  const first = await world.until('the target', () => data(world, 'all', 'one'))
  assert.deepEqual([first.data?.['ca-bundle.crt'], first.metadata.labels, Object.keys(first.binaryData ?? {}).sort(), first.metadata.ownerReferences?.[0]?.kind], [a + b + c, { team: 'x', [trustNames.bundle]: 'all' }, ['bundle.jks', 'bundle.p12'], 'Bundle'])
  assert.equal(Buffer.from(first.binaryData?.['bundle.jks'] ?? '', 'base64').readUInt32BE(8), 3)
  const condition = await world.until('the status', () => synced(world, 'all'))
  assert.deepEqual([condition.status, condition.reason, condition.message], ['True', 'Synced', 'Successfully synced Bundle to all namespaces'])

  const fresh = await ca('fresh')
  await client.patch(Secret, 'root', { data: { 'ca.crt': Buffer.from(fresh).toString('base64') } }, { type: 'merge', namespace: 'cert-manager' })
  await world.until('the source is followed', async () => (await data(world, 'all', 'two'))?.data?.['ca-bundle.crt']?.startsWith(fresh) || undefined)
  await client.patch(ConfigMap, 'all', { data: { 'ca-bundle.crt': 'changed' } }, { type: 'merge', namespace: 'one' })
  await world.until('a change by hand is undone', async () => (await data(world, 'all', 'one'))?.data?.['ca-bundle.crt']?.startsWith(fresh) || undefined)
  await namespace(client, 'three')
  await world.until('a new namespace gets it', () => data(world, 'all', 'three'))
  await client.patch(Bundle, 'all', { spec: { target: { namespaceSelector: { matchLabels: { trust: 'yes' } } } } }, { type: 'merge' })
  await world.until('it goes where it is not wanted', async () => (await data(world, 'all', 'one')) === undefined || undefined)
  assert.ok(await data(world, 'all', 'two'))
  await world.until('the selector is named', async () => (await synced(world, 'all'))?.message === 'Successfully synced Bundle to namespaces that match this label selector: trust=yes' || undefined)

  await client.create(Bundle, bundle('default', { sources: [{ useDefaultCAs: true }], target: { configMap: { key: 'x' } } }))
  const roots = await world.until('the default CAs', () => data(world, 'default', 'one'))
  assert.equal(parseCertificates(roots.data?.['x'] ?? '').length, new Set(rootCertificates).size)
  for (const [name, sources, more, reason, message] of [
    ['missing', [{ secret: { name: 'nobody', key: 'x' } }], {}, 'SourceNotFound', 'Bundle source was not found: failed to get Secret cert-manager/nobody: secrets "nobody" not found'],
    ['no-key', [{ configMap: { name: 'others', key: 'z' } }], {}, 'SourceNotFound', 'Bundle source was not found: no data found in ConfigMap cert-manager/others at key "z"'],
    ['secret', [{ inLine: c }], { secret: { key: 'x' } }, 'SecretTargetsDisabled', 'Bundle has Secret targets but the feature is disabled'],
  ] as const) {
    await client.create(Bundle, bundle(name, { sources, target: { ...more } }))
    const found = await world.until(name, () => synced(world, name))
    assert.deepEqual([found.status, found.reason, found.message], ['False', reason, message])
  }
  await client.create(Bundle, bundle('broken', { sources: [{ inLine: 'no certificate' }], target: { configMap: { key: 'x' } } }))
  assert.equal((await world.until('broken', () => synced(world, 'broken'))).reason, 'SourceBuildError')
  await assert.rejects(client.create(Bundle, bundle('two', { sources: [{ inLine: c, useDefaultCAs: true }] })), /exactly one of the fields/)
})
