import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { memoryFiles } from '@idp/kit'
import { standInCharts } from '../repo/chart-store.ts'
import { sourceRenderers } from '../repo/source-renderers.ts'
import { isSettled, repoURL, startArgo } from './argocd-fixture.ts'

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.2.3\n', 'values.yaml': 'text: default\nnested: { a: 1 }\n',
  'templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  text: {{ .Values.text | quote }}\n  a: {{ .Values.nested.a | quote }}\n',
}
const charts = standInCharts({
  files: memoryFiles({ 'index.json': JSON.stringify({ 'https://charts.example.org/stable/': { demo: 'stable/demo' } }), ...Object.fromEntries(Object.entries(chart).map(([path, text]) => [`stable/demo/${path}`, text])) }),
})

const repository = {
  'kustom/kustomization.yaml': 'namespace: default\nresources: [../base]\nhelmCharts:\n- name: demo\n  repo: https://charts.example.org/stable\n  version: 9.9.9\n  releaseName: rel\n  valuesInline: { text: inline }\n',
  'base/kustomization.yaml': 'resources: [a.yaml]\n', 'base/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: base }\ndata: { v: "1" }\n',
  ...Object.fromEntries(Object.entries(chart).map(([path, text]) => [`helm/${path}`, text])), 'values/prod.yaml': 'text: from-file\nnested: { a: 2 }\n',
  'missing/kustomization.yaml': 'helmCharts:\n- name: nope\n  repo: https://charts.example.org/stable\n  version: 1.0.0\n',
  'failing/Chart.yaml': 'apiVersion: v2\nname: failing\nversion: 1.0.0\n', 'failing/templates/x.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ required "a name is needed" .Values.name }}\n',
}

test('Kustomize with charts, Helm folders and charts from repositories are rendered and applied', async (t) => {
  const argo = await startArgo(t, repository, { renderers: sourceRenderers(charts) })
  await argo.api.client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'argocd-cm', namespace: 'argocd', labels: { 'app.kubernetes.io/part-of': 'argocd' } }, data: { 'kustomize.buildOptions': '--enable-helm' } })
  const data = async (name: string) => (await argo.api.client.get(ConfigMap, name, { namespace: 'default' })).data
  await argo.application('kustom', { source: { repoURL, path: 'kustom', targetRevision: 'main', kustomize: { namePrefix: 'p-', commonLabels: { team: 'x' } } } })
  const settled = await argo.until('kustom', isSettled)
  assert.equal(settled.status?.sourceType, 'Kustomize')
  assert.deepEqual(await data('p-rel-demo'), { text: 'inline', a: '1' })
  assert.deepEqual(await data('p-base'), { v: '1' })

  await argo.application('helm', { source: { repoURL, path: 'helm', targetRevision: 'main', helm: { valueFiles: ['/values/prod.yaml'], parameters: [{ name: 'nested.a', value: '3' }], releaseName: 'folder' } } })
  assert.equal((await argo.until('helm', isSettled)).status?.sourceType, 'Helm')
  assert.deepEqual(await data('folder-demo'), { text: 'from-file', a: '3' })

  await argo.application('chart', {
    sources: [{ repoURL: 'https://charts.example.org/stable', chart: 'demo', targetRevision: '1.2.3', helm: { valueFiles: ['$values/values/prod.yaml'] } }, { repoURL, targetRevision: 'main', ref: 'values' }], source: undefined as never,
  })
  assert.deepEqual((await argo.until('chart', isSettled)).status?.sync?.revisions, ['1.2.3'])
  assert.deepEqual(await data('chart-demo'), { text: 'from-file', a: '2' })

  for (const [name, expected] of [['missing', /chart nope 1\.0\.0 not found in https:\/\/charts\.example\.org\/stable/], ['failing', /a name is needed/]] as const) {
    await argo.application(name)
    const app = await argo.until(name, (one) => (one.status?.conditions ?? []).some((c) => c.type === 'ComparisonError'))
    assert.match(app.status?.conditions?.[0]?.message ?? '', expected)
  }

  // A base outside the application's folder is noticed.
  const commit = await argo.commit({ 'base/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: base }\ndata: { v: "2" }\n' })
  await argo.refresh('kustom')
  await argo.until('kustom', (app) => isSettled(app) && app.status?.sync?.revision === commit)
  assert.deepEqual(await data('p-base'), { v: '2' })
})
