import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AnyObject, JsonObject } from '@idp/formats'
import { memoryFiles } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', 'chart')

async function render(values: JsonObject = {}, apiVersions: readonly string[] = []): Promise<Map<string, AnyObject>> {
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && !entry.name.endsWith('.ts')) files[join(entry.parentPath, entry.name).slice(root.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  }
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: 'argocd', namespace: 'argocd', values: [values], apiVersions })
  return new Map(documents.map(({ object }) => [`${object.kind}/${object.metadata.name ?? ''}`, object as AnyObject]))
}

const spec = (object: AnyObject | undefined) => object?.['spec'] as { template: { spec: { nodeSelector?: object; priorityClassName?: string; containers: { image: string; args: string[]; readinessProbe?: { httpGet: { scheme?: string } } }[] } }; ports?: { port: number }[] }

test('the chart gives the names that upstream gives', async () => {
  const objects = await render({ dex: { enabled: false } })
  for (const name of [
    'StatefulSet/argocd-application-controller', 'Deployment/argocd-server', 'Deployment/argocd-repo-server', 'Deployment/argocd-applicationset-controller', 'Deployment/argocd-notifications-controller', 'Deployment/argocd-redis',
    'Service/argocd-server', 'Service/argocd-repo-server', 'Service/argocd-applicationset-controller', 'Service/argocd-redis', 'ConfigMap/argocd-cm', 'ConfigMap/argocd-rbac-cm', 'ConfigMap/argocd-cmd-params-cm',
    'ConfigMap/argocd-ssh-known-hosts-cm', 'ConfigMap/argocd-tls-certs-cm', 'ConfigMap/argocd-gpg-keys-cm', 'ConfigMap/argocd-notifications-cm', 'Secret/argocd-secret', 'Secret/argocd-notifications-secret',
    'CustomResourceDefinition/applications.argoproj.io', 'CustomResourceDefinition/applicationsets.argoproj.io', 'CustomResourceDefinition/appprojects.argoproj.io',
    'ClusterRole/argocd-application-controller', 'ClusterRole/argocd-server', 'Role/argocd-server', 'ServiceAccount/argocd-application-controller',
  ]) assert.ok(objects.has(name), name)
  assert.equal(objects.has('Deployment/argocd-dex-server'), false)
  assert.deepEqual(spec(objects.get('Service/argocd-server')).ports?.map((one) => one.port), [80, 443])
  const [server] = spec(objects.get('Deployment/argocd-server')).template.spec.containers
  assert.equal(server?.image, 'quay.io/argoproj/argocd:v3.1.8')
  assert.equal(server?.args[0], '/usr/local/bin/argocd-server')
  assert.equal(server?.readinessProbe?.httpGet.scheme, 'HTTPS')
})

test('values have their effect', async () => {
  const objects = await render({
    global: { nodeSelector: { 'node-role': 'it-infra' } }, configs: { params: { 'server.insecure': true }, cm: { 'timeout.reconciliation': '60s' }, repositories: { r: { url: 'https://x', type: 'helm' } } },
    controller: { priorityClassName: 'high', metrics: { enabled: true, serviceMonitor: { enabled: true } } }, notifications: { enabled: false },
  }, ['monitoring.coreos.com/v1'])
  const controller = spec(objects.get('StatefulSet/argocd-application-controller')).template.spec
  assert.equal(controller.priorityClassName, 'high')
  assert.deepEqual(controller.nodeSelector, { 'kubernetes.io/os': 'linux', 'node-role': 'it-infra' })
  assert.equal(spec(objects.get('Deployment/argocd-server')).template.spec.containers[0]?.readinessProbe?.httpGet.scheme, undefined)
  assert.equal((objects.get('ConfigMap/argocd-cm')?.['data'] as Record<string, string> | undefined)?.['timeout.reconciliation'], '60s')
  assert.ok(objects.has('ServiceMonitor/argocd-application-controller'))
  assert.ok(objects.has('Secret/argocd-repo-r'))
  assert.equal(objects.has('Deployment/argocd-notifications-controller'), false)
})
