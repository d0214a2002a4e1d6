import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isApiError, Namespace, Pod } from '@idp/api'
import { startTestApi } from '../../testing.ts'
import { violations, violationsText, type Level } from './evaluate.ts'

type Container = Pod['spec']['containers'][number]
const hardened = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' as const } }
const spec = (container: Partial<Container> = {}, more: Partial<Pod['spec']> = {}): Pod['spec'] => ({ containers: [{ name: 'a', image: 'i', ...container }], ...more })

const cases: readonly [name: string, level: Level, version: string, spec: Pod['spec'], text: string][] = [
  ['anything goes', 'privileged', 'latest', spec({ securityContext: { privileged: true } }), ''],
  ['a plain pod', 'baseline', 'latest', spec(), ''],
  ['privileged', 'baseline', 'latest', spec({ securityContext: { privileged: true } }), 'privileged (container "a" must not set securityContext.privileged=true)'],
  ['host', 'baseline', 'latest', spec({ ports: [{ containerPort: 1, hostPort: 80 }] }, { hostNetwork: true, hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'host namespaces (hostNetwork=true, hostPID=true), hostPath volumes (volume "v"), hostPort (container "a" uses hostPort 80)'],
  ['a newer sysctl', 'baseline', 'v1.26', spec({}, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout', value: '1' }] } }), 'forbidden sysctl (net.ipv4.tcp_fin_timeout)'],
  ['the same, later', 'baseline', 'v1.29', spec({}, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_fin_timeout', value: '1' }] } }), ''],
  ['a hardened pod', 'restricted', 'latest', spec({ securityContext: hardened }), ''],
  ['a plain pod, restricted', 'restricted', 'latest', spec(), 'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'],
  ['root by number', 'restricted', 'latest', spec({ securityContext: { ...hardened, runAsUser: 0 } }), 'runAsUser=0 (container "a" must not set runAsUser=0)'],
]
for (const [name, level, version, podSpec, text] of cases) {
  test(`${level}:${version}: ${name}`, () => assert.equal(violationsText(violations({ level, version }, {}, podSpec)), text))
}

test('a namespace enforces its label and warns of the other', async () => {
  await using api = await startTestApi({ builtInAdmission: true })
  await api.client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } })
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'strict' }, spec: spec({ securityContext: { privileged: true } }) }
  await api.client.request('/api/v1/namespaces/strict/serviceaccounts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"metadata":{"name":"default"}}' })
  await assert.rejects(api.client.create(Pod, pod), (error) => isApiError(error, 'Forbidden')
    && error.message === 'pods "p" is forbidden: violates PodSecurity "baseline:latest": privileged (container "a" must not set securityContext.privileged=true)')
})
