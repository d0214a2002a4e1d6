import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog, sleep, systemClock, systemRandom } from '@idp/kit'
import { startApplicationSetController } from '../controllers/application-set-controller.ts'
import { Application } from '../kinds/application.ts'
import { ApplicationSet, type ApplicationSetSpec } from '../kinds/application-set.ts'
import { isSettled, repoURL, startArgo, type ArgoFixture } from './argocd-fixture.ts'

const configMap = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`

const template = (name: string, path: string): ApplicationSetSpec['template'] => ({
  // Nobody collects garbage in this test: foreground deletion would wait for it.
  metadata: { name, finalizers: ['resources-finalizer.argocd.argoproj.io/background'] },
  spec: { project: 'default', source: { repoURL, targetRevision: 'main', path }, destination: { server: 'https://kubernetes.default.svc', namespace: 'default' }, syncPolicy: { automated: { prune: true }, syncOptions: ['PrunePropagationPolicy=background'] } },
})

function startSets(argo: ArgoFixture) {
  return startApplicationSetController({ client: argo.api.client, clock: systemClock, log: silentLog, random: systemRandom, signal: argo.signal, namespace: 'argocd', repo: argo.repo })
}

async function names(argo: ArgoFixture): Promise<string[]> {
  return (await argo.api.client.list(Application, { namespace: 'argocd' })).items.map((one) => one.metadata.name ?? '').sort()
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (await holds()) return
    await sleep(systemClock, 10)
  }
  throw new Error('it did not come true')
}

test('the git directories generator makes one Application for each folder, in both template styles', async (t) => {
  const argo = await startArgo(t, { 'K8s/obs/loki/a.yaml': configMap('loki'), 'K8s/obs/pyrra/a.yaml': configMap('pyrra'), 'K8s/obs/off/a.yaml': configMap('off'), 'K8s/cicd/sonar/a.yaml': configMap('sonar') })
  const controller = startSets(argo)
  await controller.started
  const create = (name: string, spec: ApplicationSetSpec) => argo.api.client.create(ApplicationSet, { apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', metadata: { name, namespace: 'argocd' }, spec })
  await create('obs', { generators: [{ git: { repoURL, revision: 'main', directories: [{ path: 'K8s/obs/*' }, { path: 'K8s/obs/off', exclude: true }] } }], template: template('obs-{{path.basename}}', '{{path}}') })
  await create('cicd', { goTemplate: true, goTemplateOptions: ['missingkey=error'], generators: [{ git: { repoURL, revision: 'main', directories: [{ path: 'K8s/cicd/*' }] } }], template: template('cicd-{{ .path.basename }}', '{{ .path.path }}') })
  for (const name of ['obs-loki', 'obs-pyrra', 'cicd-sonar']) {
    await eventually(async () => (await names(argo)).includes(name))
    await argo.until(name, isSettled)
  }
  assert.deepEqual(await names(argo), ['cicd-sonar', 'obs-loki', 'obs-pyrra'])

  await argo.commit({ 'K8s/obs/pyrra/a.yaml': undefined, 'K8s/obs/tempo/a.yaml': configMap('tempo') })
  await argo.api.client.patch(ApplicationSet, 'obs', { metadata: { annotations: { 'argocd.argoproj.io/application-set-refresh': 'true' } } }, { type: 'merge', namespace: 'argocd' })
  await eventually(async () => (await names(argo)).join() === 'cicd-sonar,obs-loki,obs-tempo')
  await argo.until('obs-tempo', isSettled)
  const set = await argo.api.client.get(ApplicationSet, 'obs', { namespace: 'argocd' })
  assert.deepEqual(set.status?.conditions?.map((one) => `${one.type}=${one.status}`), ['ErrorOccurred=False', 'ParametersGenerated=True', 'ResourcesUpToDate=True'])
})

test('a set whose repository cannot be read, or whose template fails, removes nothing and says why', async (t) => {
  const argo = await startArgo(t, { 'K8s/a/x.yaml': configMap('a') })
  const controller = startSets(argo)
  await controller.started
  const spec: ApplicationSetSpec = { goTemplate: true, goTemplateOptions: ['missingkey=error'], generators: [{ git: { repoURL, revision: 'main', directories: [{ path: 'K8s/*' }] } }], template: template('x-{{ .path.basename }}', '{{ .path.path }}') }
  await argo.api.client.create(ApplicationSet, { apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', metadata: { name: 'x', namespace: 'argocd' }, spec })
  await eventually(async () => (await names(argo)).join() === 'x-a')
  const message = async (): Promise<string> => (await argo.api.client.get(ApplicationSet, 'x', { namespace: 'argocd' })).status?.conditions?.find((one) => one.type === 'ErrorOccurred' && one.status === 'True')?.message ?? ''
  for (const [change, expected] of [
    [{ generators: [{ git: { repoURL, revision: 'nope', directories: [{ path: 'K8s/*' }] } }] }, /unable to resolve 'nope'/],
    [{ generators: spec.generators, template: template('x-{{ .path.bsename }}', '{{ .path.path }}') }, /map has no entry for key "bsename"/],
    [{ template: spec.template, generators: [{ scmProvider: {} }] }, /scmProvider generator is not supported/],
  ] as const) {
    await argo.api.client.patch(ApplicationSet, 'x', { spec: change as never }, { type: 'merge', namespace: 'argocd' })
    await eventually(async () => expected.test(await message()))
    assert.deepEqual(await names(argo), ['x-a'])
  }
})

test('a policy without deletion keeps Applications whose folder is gone', async (t) => {
  const argo = await startArgo(t, { 'K8s/a/x.yaml': configMap('a'), 'K8s/b/x.yaml': configMap('b') })
  const controller = startSets(argo)
  await controller.started
  const spec: ApplicationSetSpec = { syncPolicy: { applicationsSync: 'create-update' }, generators: [{ git: { repoURL, revision: 'main', directories: [{ path: 'K8s/*' }] } }], template: template('x-{{path.basename}}', '{{path}}') }
  await argo.api.client.create(ApplicationSet, { apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', metadata: { name: 'x', namespace: 'argocd' }, spec })
  await eventually(async () => (await names(argo)).join() === 'x-a,x-b')
  await argo.commit({ 'K8s/a/x.yaml': undefined, 'K8s/c/x.yaml': configMap('c') })
  await argo.api.client.patch(ApplicationSet, 'x', { spec: { template: { metadata: { labels: { team: 't' } } } } }, { type: 'merge', namespace: 'argocd' })
  await eventually(async () => (await names(argo)).join() === 'x-a,x-b,x-c')
  await eventually(async () => (await argo.api.client.get(Application, 'x-b', { namespace: 'argocd' })).metadata.labels?.['team'] === 't')
})

test('list, matrix, merge, values, selectors and a patch of the template', async (t) => {
  const argo = await startArgo(t, { 'env/dev.yaml': 'name: dev\nsize: 1\n', 'env/prod.yaml': 'name: prod\nsize: 3\n', 'a/x.yaml': configMap('a') })
  const controller = startSets(argo)
  await controller.started
  const create = (name: string, spec: ApplicationSetSpec) => argo.api.client.create(ApplicationSet, { apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', metadata: { name, namespace: 'argocd' }, spec })
  await create('matrix', {
    goTemplate: true, templatePatch: '{{ if eq .name "prod" }}spec: { syncPolicy: { automated: { selfHeal: true } } }{{ end }}',
    generators: [{ matrix: { generators: [{ git: { repoURL, revision: 'main', files: [{ path: 'env/*.yaml' }], values: { tier: 't{{ .size }}' } } }, { list: { elements: [{ app: 'web' }, { app: 'db' }] } }] } }],
    template: template('{{ .name }}-{{ .app }}-{{ .values.tier }}', 'a'),
  })
  await create('merge', {
    generators: [{ merge: { mergeKeys: ['name'], generators: [{ list: { elements: [{ name: 'm1', path: 'a' }, { name: 'm2', path: 'a' }] } }, { list: { elements: [{ name: 'm2', path: 'b' }] } }] }, selector: { matchExpressions: [{ key: 'path', operator: 'Exists' }] } }],
    template: template('{{name}}', '{{path}}'),
  })
  await eventually(async () => (await names(argo)).join() === 'dev-db-t1,dev-web-t1,m1,m2,prod-db-t3,prod-web-t3')
  const get = (name: string) => argo.api.client.get(Application, name, { namespace: 'argocd' })
  assert.deepEqual([(await get('prod-web-t3')).spec.syncPolicy?.automated, (await get('dev-web-t1')).spec.syncPolicy?.automated], [{ prune: true, selfHeal: true }, { prune: true }])
  assert.deepEqual([(await get('m1')).spec.source?.path, (await get('m2')).spec.source?.path], ['a', 'b'])
})
