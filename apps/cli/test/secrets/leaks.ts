import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { gatewayRequest, type GatewayAddress } from '@idp/platform'
import type { StartedPlatform } from '../platform/started-platform.ts'
import { createFinder, leaksInFiles, leaksInObjects, leaksInProcesses, readableByOthers, type Allowed, type KnownSecret, type Leak } from './find-leaks.ts'
import { until } from './secrets-cluster.ts'

/** Where values that are secret are by design. */
const allowed: readonly Allowed[] = [
  { path: /\/engine\/pki\/[\w-]+\.key$/, because: "the cluster's own keys: their owner's alone, mode 0600" },
  { path: /\/engine\/kubeconfig$/, because: "the administrator's key, as every kubeconfig has it; mode 0600" },
  { path: /\/idp-unseal-key$/, because: 'the key file by which Vault unseals itself; mode 0600' },
]
/** Argo CD keeps what it rendered, as upstream does in Redis: in it may stand what Git holds, and nothing else. */
const renderings = /\/volumes\/tmp\/_manifests\//
/** Members of Secrets that are no secrets. */
const open = /^(ca\.crt|tls\.crt|username|admin-user|type|url|namespace|admin\.passwordMtime|k)$/

const basic = (user: string, password: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })

/** The whole platform is taken through its flows, right and wrong; then nothing but Secrets and the places below may hold a value that is secret. */
export function leakTests(started: () => StartedPlatform): void {
  let platform: StartedPlatform
  let client: Client
  let gateway: GatewayAddress
  const secrets: KnownSecret[] = []
  /** Names of those that an Application brings out of Git. */
  const inGit = new Set<string>()
  const said: string[] = []
  const seed = (name: string): string => {
    const value = `known-${randomBytes(12).toString('hex')}`
    secrets.push({ name, value })
    return value
  }
  before(() => {
    platform = started()
    ;({ client, gateway } = platform)
    said.push(platform.up.out, platform.up.err)
  })

  const valuesOf = async (namespace: string, name: string): Promise<Record<string, string>> => Object.fromEntries(Object.entries((await client.get(Secret, name, { namespace })).data ?? {}).map(([key, value]) => [key, Buffer.from(value ?? '', 'base64').toString()]))
  async function vault(method: string, path: string, body: object | undefined, token: string, headers: Record<string, string> = {}): Promise<{ status: number; body: any }> { // oxlint-disable-line no-explicit-any -- answers of every shape
    const response = await client.request(`/api/v1/namespaces/vault-system/services/vault:8200/proxy/v1/${path}`, { method, headers: { 'x-vault-token': token, 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  async function apply(yaml: string): Promise<void> {
    for (const { value } of parseYamlDocuments(yaml)) {
      const object = value as unknown as AnyObject
      await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'leaks', force: true })
    }
  }
  const login = (host: string, path: string, body: object): Promise<{ response: Response }> => gatewayRequest(gateway, { host, path, method: 'POST', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(body)) })

  test('Vault: audited, with wrong keys, wrong logins and tokens that were used before', async () => {
    const { 'root-token': root = '', 'unseal-key': key = '' } = await valuesOf('vault-system', 'vault-init-keys')
    await vault('PUT', 'sys/audit/leaks', { type: 'file', options: { file_path: '/vault/data/audit.log' } }, root)
    await vault('POST', 'secret/data/grafana/leaks', { data: { password: seed('a value in Vault'), zero: seed('another value in Vault') } }, root)
    await vault('GET', 'secret/data/grafana/leaks', undefined, root)
    await vault('POST', 'secret/data/grafana/leaks', { data: 'no map', hidden: seed('a value in a refused write') }, root)
    const { wrap_info: info } = (await vault('GET', 'secret/data/grafana/leaks', undefined, root, { 'x-vault-wrap-ttl': '60s' })).body
    secrets.push({ name: 'a wrapping token', value: info.token })
    for (const status of [200, 400]) assert.equal((await vault('POST', 'sys/wrapping/unwrap', { token: info.token }, root)).status, status)
    await vault('POST', 'sys/auth/leaks', { type: 'userpass' }, root)
    const password = seed('a password in Vault')
    await vault('POST', 'auth/leaks/users/me', { password }, root)
    const token = (await vault('POST', 'auth/leaks/login/me', { password }, '')).body.auth.client_token
    secrets.push({ name: 'a token of Vault', value: token })
    assert.ok((await vault('POST', 'auth/leaks/login/me', { password: seed('a wrong password') }, '')).status >= 400)
    assert.equal((await vault('GET', 'secret/data/grafana/leaks', undefined, token)).status, 403)
    await vault('PUT', 'sys/seal', undefined, root)
    for (const wrong of [`${key.slice(0, -4)}AAA=`, seed('a wrong unseal key')]) {
      secrets.push({ name: 'an unseal key with a typing error', value: wrong })
      assert.equal((await vault('PUT', 'sys/unseal', { key: wrong }, '')).status, 400)
    }
    assert.equal((await vault('PUT', 'sys/unseal', { key }, '')).status, 200)
  })

  test('External Secrets: templates that fail on values, a source that echoes them, a pushed value that is refused', async () => {
    await apply(`
apiVersion: v1
kind: Secret
metadata: { name: leaks-source, namespace: observability }
stringData: { token: ${seed('a token for a web service')}, pushed: ${seed('a value to push')} }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: leaks-web, namespace: observability }
spec: { provider: { webhook: { url: 'http://nobody.observability.svc/{{ .auth.token }}', headers: { authorization: 'Bearer {{ .auth.token }}' }, result: { jsonPath: $.x }, secrets: [{ name: auth, secretRef: { name: leaks-source, key: token } }] } } }
---
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: { name: leaks-login, namespace: observability }
spec: { provider: { vault: { server: 'http://vault.vault-system.svc:8200', path: secret, auth: { tokenSecretRef: { name: leaks-source, key: token } } } } }
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: { name: leaks-push, namespace: observability }
spec: { secretStoreRefs: [{ name: vault-backend, kind: SecretStore }], selector: { secret: { name: leaks-source } }, data: [{ match: { secretKey: pushed, remoteRef: { remoteKey: grafana/pushed, property: x } } }] }
`)
    const templates = { fails: '{{ fail .password }}', json: '{{ .password | mustFromJson }}', index: '{{ index .password .zero }}', yaml: '{{ fromYaml (printf ": : %s" .password) }}', key: '{{ pemToPkcs12 .password .zero }}', good: '{{ .password }}' }
    const one = (name: string, spec: string): string => `\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: { name: leaks-${name}, namespace: observability }\nspec: { refreshInterval: 1h, ${spec} }\n`
    await apply(Object.entries(templates).map(([name, template]) => one(name, `secretStoreRef: { name: vault-backend }, dataFrom: [{ extract: { key: grafana/leaks } }], target: { template: { data: { k: '${template}' } } }`)).join('---'))
    await apply([one('web', 'secretStoreRef: { name: leaks-web }, data: [{ secretKey: k, remoteRef: { key: x } }]'), one('login', 'secretStoreRef: { name: leaks-login }, data: [{ secretKey: k, remoteRef: { key: grafana/leaks } }]')].join('---'))
    const kind = await client.kindOf('external-secrets.io/v1', 'ExternalSecret')
    await until(async () => {
      const { items } = await client.list(kind, { namespace: 'observability' })
      const ready = Object.fromEntries(items.flatMap(({ metadata, status }) => (metadata.name?.startsWith('leaks-') === true ? [[metadata.name.slice(6), (status as { conditions?: { status: string }[] } | undefined)?.conditions?.[0]?.status]] : [])))
      if (ready['good'] === 'True' && ['fails', 'json', 'index', 'key', 'web', 'login'].every((name) => ready[name] === 'False')) return true
      throw new Error(JSON.stringify(ready))
    }, 'every ExternalSecret has been tried')
  })

  test('logins at the consoles and at Git, right and wrong; a repository that cannot be read', async () => {
    const admin = await valuesOf('argocd', 'argocd-initial-admin-secret')
    const git = await valuesOf('git-system', 'git-credentials')
    const session = await (await login('argocd.idp.localhost', '/api/v1/session', { username: 'admin', password: admin['password'] })).response.json() as { token?: string }
    secrets.push({ name: 'a session of Argo CD', value: session.token ?? '' })
    await login('argocd.idp.localhost', '/api/v1/session', { username: 'admin', password: seed('a wrong password for Argo CD') })
    for (const [password, status] of [[git['password'] ?? '', 200], [seed('a wrong password for Git'), 401]] as const) {
      const { response } = await gatewayRequest(gateway, { host: 'git.idp.localhost', path: '/platform.git/info/refs?service=git-receive-pack', headers: basic(git['username'] ?? '', password) })
      assert.equal(response.status, status)
      await response.body?.cancel()
    }
    await apply(`
apiVersion: v1
kind: Secret
metadata: { name: leaks-repository, namespace: argocd, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: 'http://git-server.git-system.svc.cluster.local/leaks.git', username: nobody, password: ${seed('a password of a repository')} }
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: { name: leaks, namespace: argocd }
spec: { project: default, source: { repoURL: 'http://git-server.git-system.svc.cluster.local/leaks.git', path: ., targetRevision: main }, destination: { server: 'https://kubernetes.default.svc', namespace: default } }
`)
    const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
    await until(async () => (((await client.get(kind, 'leaks', { namespace: 'argocd' }))['status'] as { conditions?: unknown[] } | undefined)?.conditions ?? []).length > 0, 'Argo CD says that the repository cannot be read')
  })

  test('no secret is anywhere but where it is kept', async (t) => {
    await collect()
    for (const command of [['status'], ['doctor'], ['diagram'], ['logs', 'external-secrets-system/external-secrets'], ['logs', 'vault-system/vault-0']]) {
      const { out, err } = await platform.idp(...command)
      said.push(out, err)
    }
    const known = secrets.filter(({ value }) => value.length >= 12)
    const find = createFinder(known)
    const objects = await leaksInObjects(client, find)
    const files = await leaksInFiles(platform.dataDir, find, allowed)
    const [rendered, astray] = [files.leaks.filter(isRendered), files.leaks.filter((leak) => !isRendered(leak))]
    const { pid } = JSON.parse(await readFile(join(platform.dataDir, platform.name, 'cluster.json'), 'utf8')) as { pid: number }
    const processes = await leaksInProcesses(pid, find)
    t.diagnostic(`${known.length} secrets; ${objects.searched} objects, ${files.searched} files, ${processes.searched} processes searched`)
    assert.deepEqual([...objects.leaks, ...astray, ...processes.leaks, ...find(said.join('\n'), 'what idp printed')], [])
    assert.deepEqual(await readableByOthers(platform.dataDir, [...files.skipped, ...rendered.map(({ where }) => where)]), [], 'what may hold secrets is its owner\'s alone')
    assert.ok(known.length >= 30 && objects.searched > 500 && files.searched > 50 && processes.searched > 0)
    assert.match(await audit(), /"type":"response"/, 'the audit log was written, and searched')
  })

  const isRendered = ({ secret, where }: Leak): boolean => renderings.test(where) && inGit.has(secret)

  /** Everything that Secrets and Vault hold. */
  async function collect(): Promise<void> {
    for (const { metadata, data: members } of (await client.list(Secret)).items) {
      for (const [name, encoded] of Object.entries(members ?? {})) {
        if (open.test(name)) continue
        const value = Buffer.from(encoded ?? '', 'base64').toString()
        const inside = /PRIVATE KEY/.test(value) ? value.split('\n')[2] ?? '' : value
        const called = `${name} of Secret ${metadata.namespace}/${metadata.name}`
        secrets.push({ name: called, value: inside })
        if (metadata.annotations?.['argocd.argoproj.io/tracking-id'] !== undefined) inGit.add(called)
      }
    }
    const { 'root-token': root = '' } = await valuesOf('vault-system', 'vault-init-keys')
    const walk = async (folder: string): Promise<void> => {
      for (const name of (await vault('GET', `secret/metadata/${folder}?list=true`, undefined, root)).body.data?.keys ?? []) {
        if (name.endsWith('/')) await walk(folder + name)
        else for (const [key, value] of Object.entries((await vault('GET', `secret/data/${folder}${name}`, undefined, root)).body.data?.data ?? {})) if (!open.test(key)) secrets.push({ name: `${key} of ${folder}${name} in Vault`, value: String(value) })
      }
    }
    await walk('')
  }

  async function audit(): Promise<string> {
    const found = (await readdir(platform.dataDir, { recursive: true })).find((path) => path.endsWith('audit.log'))
    return found === undefined ? '' : readFile(join(platform.dataDir, found), 'utf8')
  }
}
