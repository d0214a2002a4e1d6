import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pod, type Kind } from '@idp/api'
import { Waiting, type Scope } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { fakeClock, silentLog } from '@idp/kit'
import { expireReports } from '../controllers/expire-reports.ts'
import { scanWorkloads } from '../controllers/scan-workloads.ts'
import { seedRecords } from '../database/seed.ts'
import { createDatabase } from '../engine/vulnerability-database.ts'
import { VulnerabilityReport, type Report } from '../kinds/reports.ts'
import { readSettings } from '../programs/settings.ts'

const hour = 3_600_000

/** A scope over plain lists; what is written lands in the list of its kind. */
function world(pods: KubeObject[]) {
  const clock = fakeClock()
  const held = new Map<string, KubeObject[]>([['Pod', pods]])
  const of = (kind: Kind): KubeObject[] => { const known = held.get(kind.kind) ?? []; held.set(kind.kind, known); return known }
  const writes: string[] = []
  const put = async (verb: string, kind: Kind, object: KubeObject): Promise<KubeObject> => { writes.push(`${verb} ${object.metadata.name}`); const list = of(kind); const index = list.findIndex(({ metadata }) => metadata.name === object.metadata.name); list.splice(index < 0 ? list.length : index, 1, object); return object }
  const client = {
    create: (kind: Kind, object: KubeObject) => put('create', kind, object), update: (kind: Kind, object: KubeObject) => put('update', kind, object),
    delete: async (kind: Kind, name: string) => { writes.push(`delete ${name}`); of(kind).splice(0) },
  }
  const cache = (kind: Kind) => ({ get: (name: string) => of(kind).find(({ metadata }) => metadata.name === name), ownedBy: (uid: string) => of(kind).filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid)) })
  return { clock, writes, pods, reports: () => of(VulnerabilityReport) as Report[], scope: { client, clock, log: silentLog, cache } as unknown as Scope }
}

const pod = (name: string, image: string): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', uid: name, creationTimestamp: '2020-01-01T00:00:00Z', ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'owner', controller: true }] }, spec: { containers: [{ name: 'c', image }] } }) as unknown as Pod
const settings = readSettings({ OPERATOR_SCANNER_REPORT_TTL: '1h', OPERATOR_CONFIG_AUDIT_SCANNER_ENABLED: 'false', OPERATOR_EXPOSED_SECRET_SCANNER_ENABLED: 'false' })

test('a report is written once, renewed with image, database and age, and by one pod for all', async () => {
  const { clock, writes, pods, reports, scope } = world([pod('db-0', 'redis:7.0.1'), pod('db-1', 'redis:7.0.1')])
  let records = seedRecords()
  const options = { settings, database: () => createDatabase({ seed: records }), sboms: () => [], version: '0.29.0', notBefore: clock.now() + 10_000, scanned: () => {} }
  const scan = (index: number) => scanWorkloads(options).reconcile(pods[index] as Pod, scope)
  await assert.rejects(scan(0), (error) => error instanceof Waiting && error.ms === 10_000)
  await clock.advance(10_000)
  assert.deepEqual(await scan(0), { requeueAfter: hour })
  await scan(1)
  await scan(0)
  assert.deepEqual(writes.splice(0), ['create statefulset-db-c'])
  assert.ok(reports()[0]?.report.vulnerabilities?.some(({ vulnerabilityID }) => vulnerabilityID === 'CVE-2025-49844'))
  await clock.advance(hour)
  await scan(0)
  records = records.slice(1)
  await scan(0)
  pods[0] = pod('db-0', 'redis:8.2.2')
  await scan(0)
  assert.deepEqual([writes.splice(0).length, reports()[0]?.report.artifact?.tag, reports()[0]?.report.vulnerabilities], [3, '8.2.2', []])
})

test('a report that is too old goes when its workload has no pod any more', async () => {
  const { clock, writes, pods, reports, scope } = world([pod('db-0', 'redis:7.0.1')])
  const options = { settings, database: () => createDatabase({ seed: seedRecords() }), sboms: () => [], version: '0.29.0', notBefore: 0, scanned: () => {} }
  await scanWorkloads(options).reconcile(pods[0] as Pod, scope)
  const expire = () => expireReports(VulnerabilityReport, hour).reconcile(reports()[0] as Report, scope)
  assert.deepEqual(await expire(), { requeueAfter: hour + 1_000 })
  await clock.advance(hour)
  assert.deepEqual(await expire(), { requeueAfter: hour })
  pods.splice(0)
  await expire()
  assert.deepEqual(writes, ['create statefulset-db-c', 'delete statefulset-db-c'])
})
