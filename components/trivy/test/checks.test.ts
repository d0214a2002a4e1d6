import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded } from '@idp/kit'
import { auditConfig, configChecks } from '../engine/config-audit.ts'
import { findSecrets } from '../engine/exposed-secrets.ts'
import type { ContainerShape, PodShape } from '../engine/pod-shape.ts'
import { assessRole } from '../engine/rbac-assessment.ts'
import { reportName } from '../engine/report.ts'
import { readSettings, scansNamespace } from '../programs/settings.ts'

const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } }
const securityContext = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, runAsUser: 20_000, runAsGroup: 20_000, capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } }
const good: ContainerShape = { name: 'c', image: 'a/b:1', resources, securityContext }
const failed = (pod: Partial<PodShape>, container: Partial<ContainerShape> = {}, namespace = 'shop'): string[] => auditConfig({ kind: 'Pod', name: 'p', namespace, pod: { containers: [{ ...good, ...container }], ...pod } }).map(({ checkID }) => checkID)
const security = (more: object) => ({ securityContext: { ...securityContext, ...more } })

test('each rule about pods fails for what breaks it, and for nothing else', () => {
  assert.deepEqual(failed({}), [])
  const rows: [string, string[]][] = [
    ['KSV001', failed({}, security({ allowPrivilegeEscalation: true }))], ['KSV003 KSV106', failed({}, security({ capabilities: {} }))], ['KSV005 KSV022 KSV106', failed({}, security({ capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } }))],
    ['KSV006 KSV023', failed({ volumes: [{ name: 'v', hostPath: { path: '/var/run/docker.sock' } }] })], ['KSV008', failed({ hostIPC: true })], ['KSV009', failed({ hostNetwork: true })], ['KSV010', failed({ hostPID: true })],
    ['KSV011', failed({}, { resources: { ...resources, limits: { memory: '1' } } })], ['KSV012 KSV020 KSV105', failed({}, security({ runAsNonRoot: false, runAsUser: 0 }))], ['KSV013', failed({}, { image: 'a/b' })], ['KSV014', failed({}, security({ readOnlyRootFilesystem: false }))],
    ['KSV015', failed({}, { resources: { ...resources, requests: { memory: '1' } } })], ['KSV016', failed({}, { resources: { ...resources, requests: { cpu: '1' } } })], ['KSV017', failed({}, security({ privileged: true }))], ['KSV018', failed({}, { resources: { ...resources, limits: { cpu: '1' } } })],
    ['KSV020', failed({}, security({ runAsUser: 10_000 }))], ['KSV021', failed({}, security({ runAsGroup: 5 }))], ['KSV022 KSV106', failed({}, security({ capabilities: { drop: ['all'], add: ['CAP_NET_ADMIN'] } }))], ['', failed({}, security({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }))],
    ['KSV024', failed({}, { ports: [{ containerPort: 8080, hostPort: 8080 }] })], ['KSV025', failed({}, security({ seLinuxOptions: { user: 'x' } }))], ['KSV026', failed({ securityContext: { sysctls: [{ name: 'kernel.msgmax' }] } })], ['KSV027', failed({}, security({ procMount: 'Unmasked' }))],
    ['KSV030 KSV104', failed({}, security({ seccompProfile: { type: 'Unconfined' } }))], ['KSV110', failed({}, {}, 'default')], ['KSV117', failed({}, { ports: [{ containerPort: 80 }] })],
  ]
  for (const [want, got] of rows) assert.equal(got.join(' '), want)
  const bare = auditConfig({ kind: 'Pod', name: 'p', namespace: 'shop', pod: { containers: [{ name: 'c', image: 'a:1' }] } })
  assert.ok(bare.some(({ checkID }) => checkID === 'KSV118'))
  // The pod's settings hold for its containers.
  assert.deepEqual(failed({ securityContext }, { securityContext: { allowPrivilegeEscalation: false } }), [])
  const seen = new Set([...rows.flatMap(([, got]) => got), 'KSV118'])
  assert.deepEqual(configChecks.map(({ id }) => id).filter((id) => !seen.has(id)), [], 'rules without a test')
})

test('roles that allow too much', () => {
  const ids = (...rules: Parameters<typeof assessRole>[2]): string => assessRole('Role', 'r', rules).map(({ checkID }) => checkID).join(' ')
  const rows: [string, string][] = [
    [ids({ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }), 'KSV041'], [ids({ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }), ''], [ids({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }), 'KSV044'],
    [ids({ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }), 'KSV053'], [ids({ apiGroups: [''], resources: ['groups'], verbs: ['impersonate'] }), 'KSV043'], [ids({ apiGroups: ['apps'], resources: ['deployments'], verbs: ['*'] }), 'KSV045 KSV048'],
    [ids({ apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['update'] }), 'KSV050'], [ids({ apiGroups: [''], resources: ['nodes/proxy'], verbs: ['get'] }), 'KSV047'], [ids({ nonResourceURLs: ['/metrics'], verbs: ['get'] }), ''],
  ]
  for (const [got, want] of rows) assert.equal(got, want)
})

test('secrets in the open are found and not repeated', () => {
  const token = `ghp_${'a1'.repeat(18)}`
  const found = findSecrets({ name: 'c', image: 'i', args: [`--url=postgres://app:hunter22@db/x`, '--password=$(PASSWORD)'], env: [{ name: 'GH', value: token }, { name: 'DB_PASSWORD', value: 'swordfish' }, { name: 'TOKEN', value: '$(OTHER)' }, { name: 'PASSWORD_FILE', value: '/run/x' }, { name: 'API_TOKEN', value: '/var/run/token' }, { name: 'SECRET' }] })
  assert.deepEqual(found.map(({ ruleID, target }) => `${ruleID} ${target}`), ['github-pat env GH', 'literal-secret env DB_PASSWORD', 'url-password args[0]'])
  assert.ok(!JSON.stringify(found).includes('swordfish') && !JSON.stringify(found).includes(token) && !JSON.stringify(found).includes('hunter22'))
})

test('settings, namespaces, names', () => {
  const settings = readSettings({ OPERATOR_EXCLUDE_NAMESPACES: 'kube-system, argo*', OPERATOR_SCANNER_REPORT_TTL: '1h30m', OPERATOR_CONCURRENT_SCAN_JOBS_LIMIT: '10', OPERATOR_TARGET_NAMESPACES: '' })
  assert.deepEqual([settings.ttlMs, settings.concurrency, settings.metricsPort], [5_400_000, 2, 8080])
  assert.deepEqual(['kube-system', 'argocd', 'shop'].map((name) => scansNamespace(settings, name)), [false, false, true])
  assert.throws(() => readSettings({ OPERATOR_SCANNER_REPORT_TTL: 'soon' }), (error) => isCoded(error, 'InvalidSetting'))
  assert.equal(reportName({ kind: 'ReplicaSet', name: 'web-6d4' }, 'nginx'), 'replicaset-web-6d4-nginx')
  assert.match(reportName({ kind: 'ReplicaSet', name: 'w'.repeat(60) }, 'nginx'), /^replicaset-[0-9a-f]{10}$/)
})
