import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { ConfigMap, Deployment, PriorityClass } from '@idp/api'
import type { Client } from '@idp/client'
import { waitFor } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { run, type Said } from '../idp-process.ts'
import type { StartedPlatform } from './started-platform.ts'

/** A clone of the platform's repository, made and used by the git of this machine. */
export interface Clone {
  readonly path: string
  git(args: readonly string[], cwd?: string): Promise<Said>
  /** Commits all and pushes it. @returns when it was pushed, as of `performance.now()` */
  push(message: string): Promise<number>
}

/** Git looks for the platform's host on this machine and trusts its CA, whatever the user's own settings say. */
export function cloneOf({ home, ports, caFile }: StartedPlatform): Clone {
  const path = join(home, 'clone')
  const env = { GIT_SSL_CAINFO: caFile, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' }
  const git = (args: readonly string[], cwd = path): Promise<Said> => run('git', ['-c', `http.curloptResolve=git.idp.localhost:${ports.https}:127.0.0.1`, '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], { cwd, env })
  return {
    path, git,
    async push(message) {
      for (const args of [['add', '--all'], ['commit', '--quiet', '-m', message], ['push', '--quiet']]) {
        const said = await git(args)
        assert.equal(said.code, 0, said.err + said.out)
      }
      return performance.now()
    },
  }
}

const seconds = (from: number): number => (performance.now() - from) / 1000

/** What a push does, and what becomes of changes by hand. */
export function gitFlows(started: () => { readonly platform: StartedPlatform; readonly clone: Clone }): void {
  let platform: StartedPlatform
  let client: Client
  let clone: string
  let push: Clone['push']
  before(() => {
    platform = started().platform
    client = platform.client
    ;({ path: clone, push } = started().clone)
  })

  test('a push that changes a value is live within seconds; a file that is removed is pruned', async () => {
    const folder = join(clone, 'K8s', 'observability', 'grafana')
    await writeFile(join(folder, 'extra.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra, namespace: observability }\ndata: { value: one }\n')
    await appendFile(join(folder, 'kustomization.yaml'), 'resources: [extra.yaml]\n')
    const pushed = await push('add a ConfigMap')
    const is = (value: string) => (object: ConfigMap | undefined) => object?.data?.['value'] === value
    await waitFor(client, ConfigMap, { name: 'extra', namespace: 'observability', until: is('one'), timeoutMs: 60_000 })
    await writeFile(join(folder, 'extra.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra, namespace: observability }\ndata: { value: two }\n')
    const changed = await push('change its value')
    await waitFor(client, ConfigMap, { name: 'extra', namespace: 'observability', until: is('two'), timeoutMs: 60_000 })
    const live = seconds(changed)
    const kustomization = await readFile(join(folder, 'kustomization.yaml'), 'utf8')
    await writeFile(join(folder, 'kustomization.yaml'), kustomization.replace('resources: [extra.yaml]\n', ''))
    await rm(join(folder, 'extra.yaml'))
    const removed = await push('remove it')
    await waitFor(client, ConfigMap, { name: 'extra', namespace: 'observability', until: (object) => object === undefined, timeoutMs: 60_000 })
    console.log(`# live ${live.toFixed(2)} s after the push (first one ${seconds(pushed).toFixed(2)} s ago), pruned after ${seconds(removed).toFixed(2)} s`)
  })

  test('a Deployment that is deleted by hand comes back', async () => {
    const at = { name: 'argo-workflows-server', namespace: 'cicd' }
    const { metadata } = await client.get(Deployment, at.name, { namespace: at.namespace })
    const deleted = performance.now()
    await client.delete(Deployment, at.name, { namespace: at.namespace })
    await waitFor(client, Deployment, { ...at, until: (object) => object !== undefined && object.metadata.uid !== metadata.uid, timeoutMs: 60_000 })
    console.log(`# back after ${seconds(deleted).toFixed(2)} s`)
  })

  test('the bootstrap layer is kept by Argo CD: Git changes it, and what is deleted by hand comes back', async () => {
    const file = join(clone, 'IT', 'priority-classes', 'priority-classes.yaml')
    const before = await readFile(file, 'utf8')
    await appendFile(file, '---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: e2e }\nvalue: 5\n')
    await push('a priority class')
    const first = await waitFor(client, PriorityClass, { name: 'e2e', until: (object) => object?.value === 5, timeoutMs: 60_000 })
    await client.delete(PriorityClass, 'e2e')
    await waitFor(client, PriorityClass, { name: 'e2e', until: (object) => object !== undefined && object.metadata.uid !== first?.metadata.uid, timeoutMs: 60_000 })
    await writeFile(file, before)
    await push('take it back')
    await waitFor(client, PriorityClass, { name: 'e2e', until: (object) => object === undefined, timeoutMs: 60_000 })
  })

  test('a broken file breaks only its own Application, which says where and why', async () => {
    const folder = join(clone, 'K8s', 'events', 'broken')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'bad.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n data: {\n')
    await push('break something')
    const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
    interface Status { status?: { conditions?: { type: string; message: string }[]; sync?: { status?: string } } }
    const said = (app: AnyObject | undefined): string => ((app as Status | undefined)?.status?.conditions ?? []).map((c) => c.message).join(' ')
    const broken = await waitFor(client, kind, { name: 'events-broken', namespace: 'argocd', until: (app) => /bad\.yaml/.test(said(app)), timeoutMs: 60_000 })
    assert.match(said(broken), /bad\.yaml:\d+/)
    const other = await client.get(kind, 'events-argo-events', { namespace: 'argocd' })
    assert.equal((other as Status).status?.sync?.status, 'Synced')
    const status = await platform.idp('status')
    assert.equal(status.code, 1)
    assert.match(status.out, /events-broken .*bad\.yaml/)
    await rm(folder, { recursive: true })
    await push('mend it')
    await waitFor(client, kind, { name: 'events-broken', namespace: 'argocd', until: (app) => app === undefined, timeoutMs: 60_000 })
  })

  test('a refusal by policy reaches the Application in words a person can act on', async () => {
    const folder = join(clone, 'K8s', 'events', 'refused')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'namespace.yaml'), 'apiVersion: v1\nkind: Namespace\nmetadata: { name: nobodys }\n')
    await push('a namespace without owner')
    const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
    const refused = await waitFor(client, kind, { name: 'events-refused', namespace: 'argocd', until: (app) => JSON.stringify((app as { status?: unknown } | undefined)?.status ?? '').includes('enforce-namespace-labels'), timeoutMs: 60_000 })
    assert.match(JSON.stringify((refused as { status?: unknown } | undefined)?.status), /check-for-standard-namespace-labels/)
    await rm(folder, { recursive: true })
    await push('take it back')
  })

  test('guard rails: a Deployment without labels gets its namespace\'s, one without limits is refused where a namespace asks for it and reported elsewhere', async () => {
    const workload = (namespace: string, resources = ''): string => [
      'apiVersion: apps/v1', 'kind: Deployment', `metadata: { name: web, namespace: ${namespace} }`,
      `spec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: "ghcr.io/shop/web:1.0"${resources} }] } } }`, '',
    ].join('\n')
    const namespace = (name: string, guardrails: string): string => `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${name}, labels: { app.kubernetes.io/part-of: shop, owner: team-shop, business-unit: sales, environment: test${guardrails} } }\n---\n`
    const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
    const platform = (await client.get(kind, 'platform', { namespace: 'argocd' })) as unknown as { spec: { source: { repoURL: string } } }
    for (const [name, guardrails] of [['strict', ', idp.dev/guardrails: enforce'], ['relaxed', '']] as const) {
      await mkdir(join(clone, 'guarded', name), { recursive: true })
      await writeFile(join(clone, 'guarded', name, 'web.yaml'), namespace(name, guardrails) + workload(name))
    }
    await push('two namespaces')
    for (const name of ['strict', 'relaxed']) {
      await client.create(kind, {
        apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name, namespace: 'argocd', finalizers: ['resources-finalizer.argocd.argoproj.io'] },
        spec: { project: 'platform', source: { repoURL: platform.spec.source.repoURL, path: `guarded/${name}`, targetRevision: 'main' }, destination: { server: 'https://kubernetes.default.svc', namespace: name }, syncPolicy: { automated: { prune: true }, retry: { limit: 1, backoff: { duration: '1s' } } } },
      } as unknown as AnyObject)
    }
    interface Sync { status?: { operationState?: { syncResult?: { resources?: { kind: string; namespace: string; message?: string }[] } } } }
    const told = (app: AnyObject | undefined): string => (app as Sync | undefined)?.status?.operationState?.syncResult?.resources?.find((one) => one.kind === 'Deployment')?.message ?? ''
    const refused = await waitFor(client, kind, { name: 'strict', namespace: 'argocd', until: (app) => told(app).includes('require-requests-and-limits'), timeoutMs: 60_000 })
    assert.match(told(refused), /Every container needs resources\.requests\.cpu, resources\.requests\.memory and resources\.limits\.memory\. rule autogen-requests-and-limits failed at path \/spec\/template\/spec\/containers\/0\/resources\//)
    const relaxed = await waitFor(client, Deployment, { name: 'web', namespace: 'relaxed', until: (object) => object !== undefined, timeoutMs: 60_000 })
    const reports = await client.kindOf('wgpolicyk8s.io/v1alpha2', 'PolicyReport')
    type Report = { results?: { policy: string; result: string }[] } | undefined
    await waitFor(client, reports, { name: relaxed?.metadata.uid ?? '', namespace: 'relaxed', until: (object) => (object as Report)?.results?.some(({ policy, result }) => policy === 'require-requests-and-limits' && result === 'fail') === true, timeoutMs: 60_000 })

    await writeFile(join(clone, 'guarded', 'strict', 'web.yaml'), namespace('strict', ', idp.dev/guardrails: enforce') + workload('strict', ', resources: { requests: { cpu: 10m, memory: 16Mi }, limits: { memory: 32Mi } }'))
    await push('limits')
    const web = await waitFor(client, Deployment, { name: 'web', namespace: 'strict', until: (object) => object !== undefined, timeoutMs: 60_000 })
    assert.deepEqual({ owner: web?.metadata.labels?.['owner'], 'business-unit': web?.metadata.labels?.['business-unit'], environment: web?.metadata.labels?.['environment'] }, { owner: 'team-shop', 'business-unit': 'sales', environment: 'test' })
    for (const [apiVersion, kindName, object] of [['networking.k8s.io/v1', 'NetworkPolicy', 'default-ingress'], ['v1', 'LimitRange', 'default-limits'], ['v1', 'ResourceQuota', 'default-quota']] as const) {
      const generated = await client.kindOf(apiVersion, kindName)
      await waitFor(client, generated, { name: object, namespace: 'strict', until: (one) => one !== undefined, timeoutMs: 60_000 })
      await assert.rejects(client.get(generated, object, { namespace: 'relaxed' }), { reason: 'NotFound' })
    }
    for (const name of ['strict', 'relaxed']) await client.delete(kind, name, { namespace: 'argocd' })
    await rm(join(clone, 'guarded'), { recursive: true })
    await push('take them back')
  })
}
