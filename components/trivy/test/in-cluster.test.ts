import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CronJob, Deployment, Namespace, Pod } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { eventually, startTestCluster } from '@idp/testkit'
import { ClusterRbacAssessmentReport, ConfigAuditReport, ExposedSecretReport, SbomReport, VulnerabilityReport, type Report } from '../kinds/reports.ts'

const chart = fileURLToPath(new URL('../chart', import.meta.url))

async function renderChart(): Promise<AnyObject[]> {
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(chart, { recursive: true, withFileTypes: true })) if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(chart.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: 'trivy-operator', namespace: 'security', includeCrds: true, values: [{ operator: { sbomGenerationEnabled: true, scannerReportTTL: '1h' }, idp: { startDelay: '0s' } }] })
  return documents.map(({ object }) => object as AnyObject)
}

test('workloads get reports of the images they run, renewed with the image, gone with the workload', async () => {
  await using cluster = await startTestCluster({ components: ['trivy'] })
  const { client } = cluster
  for (const name of ['security', 'shop']) await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const objects = await renderChart()
  const first = (object: AnyObject): number => (object.kind === 'CustomResourceDefinition' ? 0 : 1)
  for (const object of objects.sort((a, b) => first(a) - first(b))) await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })

  const labels = { app: 'web' }
  const deployment = (image: string): Deployment => ({
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'nginx', image, env: [{ name: 'DB_PASSWORD', value: 'swordfish' }] }, { name: 'side', image: 'example.org/none:1' }] } } },
  } as unknown as Deployment)
  await client.create(Deployment, deployment('docker.io/library/nginx:1.20.0'))
  await client.create(CronJob, { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'nightly', namespace: 'shop' }, spec: { schedule: '* * * * *', suspend: true, jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'redis:7.0.1' }] } } } } } } as unknown as CronJob)

  const reported = (tag: string) => (reports: readonly Report[]): boolean => reports.some(({ report }) => report.artifact?.tag === tag) && reports.some(({ report }) => report.artifact?.repository === 'none')
  const before = await eventually(client, VulnerabilityReport, reported('1.20.0'), { namespace: 'shop', timeoutMs: 60_000 })
  const report = before.find(({ report: { artifact } }) => artifact?.tag === '1.20.0') as Report
  const [pod] = (await client.list(Pod, { namespace: 'shop', labelSelector: 'app=web' })).items
  const owner = pod?.metadata.ownerReferences?.[0]
  assert.equal(report.metadata.name, `replicaset-${owner?.name}-nginx`)
  assert.deepEqual(report.metadata.ownerReferences, [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner?.name, uid: owner?.uid, controller: true, blockOwnerDeletion: false }])
  const { 'resource-spec-hash': specHash, 'plugin-config-hash': configHash, ...named } = report.metadata.labels ?? {}
  assert.match(`${specHash} ${configHash}`, /^[0-9a-f]{10} [0-9a-f]{10}$/)
  assert.deepEqual(named, { 'app.kubernetes.io/managed-by': 'trivy-operator', 'trivy-operator.resource.kind': 'ReplicaSet', 'trivy-operator.resource.name': owner?.name, 'trivy-operator.resource.namespace': 'shop', 'trivy-operator.container.name': 'nginx' })
  assert.deepEqual(report.report.summary, { criticalCount: 0, highCount: 4, mediumCount: 2, lowCount: 1, unknownCount: 0, noneCount: 0 })
  assert.deepEqual(report.report.scanner, { name: 'Trivy', vendor: 'Aqua Security', version: '0.29.0' })
  const [worst] = report.report.vulnerabilities ?? []
  assert.deepEqual([worst?.['vulnerabilityID'], worst?.['installedVersion'], worst?.['fixedVersion'], worst?.['severity'], worst?.['score'], worst?.['primaryLink']], ['CVE-2021-23017', '1.20.0', '1.20.1', 'HIGH', 7.7, 'https://avd.aquasec.com/nvd/cve-2021-23017'])
  const unknown = before.find(({ report: { artifact } }) => artifact?.repository === 'none')
  assert.deepEqual([unknown?.report.vulnerabilities, unknown?.metadata.annotations?.['idp.dev/scan-coverage']], [[], 'unknown-image'])

  const [audit] = await eventually(client, ConfigAuditReport, ({ length }) => length > 0, { namespace: 'shop' })
  assert.ok(audit?.report.checks?.some(({ checkID }) => checkID === 'KSV014') && audit.metadata.name === `replicaset-${owner?.name}`)
  await eventually(client, ExposedSecretReport, (all) => all.some(({ report: { secrets } }) => secrets?.some(({ ruleID }) => ruleID === 'literal-secret')), { namespace: 'shop' })
  await eventually(client, SbomReport, (all) => all.some(({ report: { components } }) => JSON.stringify(components).includes('"version":"1.20.0"')), { namespace: 'shop' })
  await eventually(client, ClusterRbacAssessmentReport, (all) => all.some(({ metadata }) => metadata.name === 'clusterrole-cluster-admin'))

  const [operator] = await eventually(client, Pod, (pods) => pods.some(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')), { namespace: 'security' })
  const metrics = async (): Promise<string> => (await client.request(`/api/v1/namespaces/security/pods/${operator?.metadata.name}:8080/proxy/metrics`)).text()
  assert.match(await metrics(), new RegExp(`trivy_image_vulnerabilities\\{name="replicaset-${owner?.name}-nginx",namespace="shop",resource_kind="ReplicaSet",resource_name="${owner?.name}",container_name="nginx",image_registry="index.docker.io",image_repository="library/nginx",image_tag="1.20.0",image_digest="",severity="High"\\} 4`))
  assert.match(await metrics(), /idp_trivy_database_advisories\{source="seed"\} \d\d/)

  // A report that somebody deletes is written anew.
  await client.delete(VulnerabilityReport, report.metadata.name ?? '', { namespace: 'shop' })
  await eventually(client, VulnerabilityReport, (all) => all.some(({ metadata }) => metadata.name === report.metadata.name && metadata.uid !== report.metadata.uid), { namespace: 'shop', timeoutMs: 60_000 })

  await client.apply(Deployment, deployment('docker.io/library/nginx:1.29.4'), { fieldManager: 'test', force: true })
  const after = await eventually(client, VulnerabilityReport, reported('1.29.4'), { namespace: 'shop', timeoutMs: 60_000 })
  assert.deepEqual(after.find(({ report: { artifact } }) => artifact?.tag === '1.29.4')?.report.vulnerabilities, [])

  await client.delete(Deployment, 'web', { namespace: 'shop', propagationPolicy: 'Background' })
  await eventually(client, VulnerabilityReport, ({ length }) => length === 0, { namespace: 'shop', timeoutMs: 60_000 })
})
