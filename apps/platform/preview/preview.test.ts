import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { CodedError, fakeClock, memoryFiles, seededRandom } from '@idp/kit'
import { parseRange } from './commit-range.ts'
import type { CommitFiles } from './commit-repository.ts'
import type { Preview } from './preview-model.ts'
import { previewMarkdown } from './preview-markdown.ts'
import { previewText } from './preview-text.ts'
import { isRefused, preview } from './preview.ts'

const url = 'https://git.example.org/platform.git'
const set = `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: { name: apps, namespace: argocd }
spec:
  goTemplate: true
  generators: [{ git: { repoURL: ${url}, revision: main, directories: [{ path: apps/* }] } }]
  template:
    metadata: { name: 'apps-{{ .path.basename }}' }
    spec:
      project: default
      source: { repoURL: ${url}, targetRevision: main, path: '{{ .path.path }}' }
      destination: { server: https://kubernetes.default.svc, namespace: shop }
      syncPolicy: { automated: { prune: true } }
`
const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n'
const deployment = ({ name = 'web', image = 'web:1', app = 'web', more = '' } = {}): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${app} } }
  template:
    metadata: { labels: { app: ${app} } }
    spec:
      containers: [{ name: main, image: '${image}'${more} }]
`
const secret = (value: string): string => `apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { password: ${value} }\n`
const policy = (action: string): string => `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: fixed-tags }
spec:
  validationFailureAction: ${action}
  rules:
    - name: no-latest
      match: { any: [{ resources: { kinds: [Pod] } }] }
      validate: { message: latest is not allowed, pattern: { spec: { containers: [{ image: '!*:latest' }] } } }
`
const labels = `apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: owner }
spec:
  rules:
    - name: add-owner
      match: { any: [{ resources: { kinds: [ConfigMap] } }] }
      mutate: { patchStrategicMerge: { metadata: { labels: { +(owner): platform } } } }
`
const definition = (...versions: string[]): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: toys.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { kind: Toy, plural: toys, singular: toy, listKind: ToyList }
  versions:
${versions.map((name, at) => `    - { name: ${name}, served: true, storage: ${at === 0}, schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { size: { type: integer } } } } } } }`).join('\n')}
`
const toy = (version: string, size: string): string => `apiVersion: example.org/${version}\nkind: Toy\nmetadata: { name: bear }\nspec: { size: ${size} }\n`
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: b }\n'
const base = { 'sets/apps.yaml': set, 'apps/base/namespace.yaml': namespace, 'apps/web/web.yaml': deployment(), 'apps/web/key.yaml': secret('one') }

type Changes = Readonly<Record<string, string | undefined>>

/** A commit in memory; ids are digests of contents, as Git's are. */
function commitOf(changes: Changes): CommitFiles {
  const files = Object.fromEntries(Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== undefined))
  const digest = (value: unknown): string => createHash('sha1').update(JSON.stringify(value)).digest('hex')
  const below = (path: string): object => Object.entries(files).filter(([name]) => path === '' || name === path || name.startsWith(`${path}/`))
  const id = digest(files)
  return { commit: id, tree: { id, ...memoryFiles(files), idOf: async (path) => (Object.keys(below(path)).length === 0 ? undefined : digest(below(path))) } }
}

async function previewOf(changes: Changes, before: Changes = {}): Promise<Preview> {
  const first = commitOf({ ...base, ...before })
  const second = commitOf({ ...base, ...before, ...changes })
  const charts = async ({ name }: { name: string }) => {
    if (name !== 'demo') throw new CodedError({ code: 'MissingChart', message: `there is no chart '${name}'`, where: name })
    return memoryFiles({ 'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.0.0\n', 'templates/a.yaml': configMap.replace('b }', "'{{ .Values.x }}' }"), 'values.yaml': 'x: 1\n' })
  }
  return preview({ base: first, head: second, charts, isOwn: (one) => one === url, pinned: async () => undefined, clock: fakeClock(), random: seededRandom(1) })
}

interface Row { readonly name: string; readonly changes: Changes; readonly before?: Changes; readonly refused: boolean; readonly says: readonly RegExp[]; readonly not?: RegExp }

const rows: readonly Row[] = [
  { name: 'a change of nothing', changes: { 'README.md': 'hello' }, refused: false, says: [/nothing changes in the cluster/] },
  { name: 'an Application appears', changes: { 'apps/api/api.yaml': deployment({ name: 'api' }) }, refused: false, says: [/\+ apps-api appears \(ApplicationSet apps\)/, /\+ Deployment shop\/api created/] },
  { name: 'a field changes', changes: { 'apps/web/web.yaml': deployment({ image: 'web:2' }) }, refused: false, says: [/~ Deployment shop\/web changed/, /spec\.template\.spec\.containers\[main\]\.image: web:1 → web:2/, /\+ image web:2/, /- image web:1/] },
  { name: 'more pods ask for more', changes: { 'apps/web/web.yaml': deployment({ more: ', resources: { requests: { cpu: 250m, memory: 64Mi } }' }).replace('spec:\n  selector', 'spec:\n  replicas: 3\n  selector') }, refused: false, says: [/pods: 1 → 3/, /requested CPU: 0m → 750m/, /requested memory: 0Mi → 192Mi/] },
  { name: 'an object is pruned', changes: { 'apps/web/key.yaml': undefined }, refused: false, says: [/- Secret shop\/key pruned/] },
  { name: 'pruning is off', before: { 'sets/apps.yaml': set.replace('prune: true', 'prune: false') }, changes: { 'apps/web/key.yaml': undefined }, refused: false, says: [/= Secret shop\/key kept \(syncPolicy.automated.prune is not set\)/] },
  { name: 'an Application vanishes', changes: { 'apps/web/web.yaml': undefined, 'apps/web/key.yaml': undefined }, refused: false, says: [/- apps-web vanishes/, /- Deployment shop\/web pruned/] },
  { name: 'an Application vanishes and its resources stay', before: { 'sets/apps.yaml': set.replace('  goTemplate', '  syncPolicy: { preserveResourcesOnDeletion: true }\n  goTemplate') }, changes: { 'apps/web/web.yaml': undefined, 'apps/web/key.yaml': undefined }, refused: false, says: [/= Deployment shop\/web kept \(its set preserves/] },
  { name: 'an object moves', changes: { 'apps/web/key.yaml': undefined, 'apps/base/key.yaml': secret('one') }, refused: false, says: [/> Secret shop\/key moved \(goes to apps-base\)/, /Secret shop\/key changed \(comes from apps-web\)/] },
  { name: 'values of Secrets are masked', changes: { 'apps/web/key.yaml': secret('hunter22') }, refused: false, says: [/stringData\.password: \(masked, 3 characters\) → \(masked, 8 characters\)/], not: /hunter22/ },
  { name: 'passwords in environment variables are masked', changes: { 'apps/web/web.yaml': deployment({ more: ", env: [{ name: DB_PASSWORD, value: hunter22 }]" }) }, refused: false, says: [/masked/], not: /hunter22/ },
  { name: 'an immutable field', changes: { 'apps/web/web.yaml': deployment({ app: 'other' }) }, refused: true, says: [/refused: spec\.selector.*field is immutable/] },
  { name: 'an immutable field that may be replaced', changes: { 'apps/web/web.yaml': deployment({ app: 'other' }).replace('name: web }', "name: web, annotations: { argocd.argoproj.io/sync-options: 'Force=true,Replace=true' } }") }, refused: false, says: [/recreated: spec\.selector/] },
  { name: 'an address that a Service has not got', before: { 'apps/web/svc.yaml': 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n' }, changes: { 'apps/web/svc.yaml': 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { clusterIP: None, ports: [{ port: 80 }] }\n' }, refused: true, says: [/may not change once set/] },
  { name: 'an invalid object', changes: { 'apps/api/api.yaml': deployment({ name: 'api' }).replace('matchLabels: { app: web }', 'matchLabels: { app: nope }') }, refused: true, says: [/refused: spec\.template\.metadata\.labels/] },
  { name: 'a policy refuses', before: { 'apps/base/policy.yaml': policy('Enforce') }, changes: { 'apps/web/web.yaml': deployment({ image: 'web:latest' }) }, refused: true, says: [/✗ refused: Deployment shop\/web by fixed-tags\/autogen-no-latest/, /latest is not allowed/] },
  { name: 'a policy audits', before: { 'apps/base/policy.yaml': policy('Audit') }, changes: { 'apps/web/web.yaml': deployment({ image: 'web:latest' }) }, refused: false, says: [/· audited: Deployment shop\/web/] },
  { name: 'a new policy refuses what is there', before: { 'apps/web/web.yaml': deployment({ image: 'web:latest' }) }, changes: { 'apps/base/policy.yaml': policy('Enforce') }, refused: true, says: [/✗ refused: Deployment shop\/web/] },
  { name: 'a finding is resolved', before: { 'apps/base/policy.yaml': policy('Enforce'), 'apps/web/web.yaml': deployment({ image: 'web:latest' }) }, changes: { 'apps/web/web.yaml': deployment() }, refused: false, says: [/no longer said\n {2}✓ Deployment shop\/web/] },
  { name: 'a policy mutates', before: { 'apps/base/policy.yaml': labels }, changes: { 'apps/web/cm.yaml': configMap }, refused: false, says: [/~ mutated: ConfigMap shop\/settings by owner\/add-owner/, /metadata\.labels.*platform/] },
  { name: 'a file that is no YAML', changes: { 'apps/web/web.yaml': `${deployment()}  broken: [`, 'apps/api/api.yaml': deployment({ name: 'api' }) }, refused: true, says: [/! apps-web broken/, /apps\/web\/web\.yaml:\d+/, /\+ apps-api appears/] },
  { name: 'a set that cannot be generated', changes: { 'sets/apps.yaml': set.replace('.path.basename', '.path.basename | nosuch') }, refused: true, says: [/! ApplicationSet apps broken/] },
  { name: 'a kustomization with a chart', changes: { 'apps/chart/kustomization.yaml': 'helmCharts: [{ name: demo, repo: https://charts.example.org, version: 1.0.0, valuesInline: { x: 7 } }]\n' }, refused: false, says: [/\+ ConfigMap shop\/settings created/] },
  { name: 'a chart that is nowhere', changes: { 'apps/chart/kustomization.yaml': 'helmCharts: [{ name: nope, repo: https://charts.example.org, version: 1.0.0 }]\n' }, refused: true, says: [/there is no chart 'nope'/] },
  { name: 'a version of a definition goes', before: { 'apps/base/crd.yaml': definition('v1', 'v1beta1'), 'apps/web/toy.yaml': toy('v1beta1', '1') }, changes: { 'apps/base/crd.yaml': definition('v1') }, refused: false, says: [/Toy shop\/bear uses example.org\/v1beta1, which is not served/] },
  { name: 'a custom resource against its schema', before: { 'apps/base/crd.yaml': definition('v1') }, changes: { 'apps/web/toy.yaml': toy('v1', 'big') }, refused: true, says: [/refused: spec\.size: Invalid value/] },
  { name: 'a kind nobody defines', changes: { 'apps/web/toy.yaml': toy('v1', '1') }, refused: false, says: [/example.org\/v1 Toy is not a kind of Kubernetes/] },
  { name: 'a reference to nothing', changes: { 'apps/web/web.yaml': deployment({ more: ', envFrom: [{ configMapRef: { name: nope } }]' }) }, refused: false, says: [/names ConfigMap shop\/nope/] },
  { name: 'a namespace that goes', changes: { 'apps/base/namespace.yaml': undefined }, refused: false, says: [/namespace shop of Deployment shop\/web is not in the repository/] },
  { name: 'a project forbids a namespace', before: { 'sets/apps.yaml': set.replace('project: default', 'project: shop'), 'apps/base/project.yaml': 'apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: { name: shop, namespace: shop }\nspec: { sourceRepos: ["*"], destinations: [{ server: "*", namespace: shop }], clusterResourceWhitelist: [{ group: "*", kind: "*" }] }\n' }, changes: { 'apps/web/key.yaml': secret('one').replace('name: key', 'name: key, namespace: default') }, refused: true, says: [/✗ refused: Secret default\/key by AppProject shop\/destinations/, /namespace default is not permitted in project 'shop'/] },
  { name: 'an unknown field', changes: { 'apps/web/web.yaml': deployment({ more: ', imagee: x' }) }, refused: false, says: [/fields that its kind does not know: spec\.template\.spec\.containers\[0\]\.imagee/] },
]

for (const { name, changes, before, refused, says, not } of rows) {
  test(`preview: ${name}`, async () => {
    const found = await previewOf(changes, before)
    const text = previewText(found)
    for (const line of says) assert.match(text, line)
    if (not !== undefined) assert.doesNotMatch(text + previewMarkdown(found) + JSON.stringify(found), not)
    assert.equal(isRefused(found), refused, text)
    assert.match(previewMarkdown(found), refused ? /^### ❌/ : /^### ✅/)
  })
}

test('ranges', () => {
  assert.deepEqual(parseRange('main..x'), { base: 'main', head: 'x', fromMergeBase: false })
  assert.deepEqual(parseRange('main...x'), { base: 'main', head: 'x', fromMergeBase: true })
  assert.deepEqual(parseRange('main..'), { base: 'main', head: 'HEAD', fromMergeBase: false })
  assert.deepEqual(parseRange('abc'), { base: 'abc~1', head: 'abc', fromMergeBase: false })
  for (const text of ['', 'a..b..c', '--all']) assert.throws(() => parseRange(text), { code: 'InvalidRange' })
})
