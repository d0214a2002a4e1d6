import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment, Pod, Secret } from '@idp/api'
import { createCsr, generateKey, parseCertificate, parseCertificates, signedBy } from '@idp/pki'
import type { Component, Program } from '@idp/sandbox'
import { untilAborted } from '@idp/sandbox'
import { Certificate, CertificateRequest } from '../kinds/cert-manager.ts'
import { acmeServer, type AcmeServer } from './acme-server.ts'
import { apply, blueprintObjects, install, namespace, objectsIn, startStepped, type SteppedCluster } from './in-cluster.ts'

async function startWithCertManager(components: readonly string[], extra: readonly Component[] = []): Promise<SteppedCluster> {
  const world = await startStepped({ components: ['cert-manager', ...components], extra })
  const { client } = world.cluster
  for (const name of ['gateway-api.yaml', 'gateway-api-reference-grant.yaml', 'gateway-api-tls-route.yaml']) await apply(client, await blueprintObjects(`IT/crds/${name}`))
  await install(client, 'cert-manager', 'cert-manager', { crds: { enabled: true }, startupapicheck: { enabled: false }, config: { enableGatewayAPI: true } })
  for (const name of ['cert-manager', 'cert-manager-webhook', 'cert-manager-cainjector']) {
    await world.until(name, async () => ((await client.get(Deployment, name, { namespace: 'cert-manager' })).status?.availableReplicas ?? 0) > 0 || undefined)
  }
  await namespace(client, 'app')
  return world
}

const at = { namespace: 'app' }
const isReady = async ({ cluster: { client } }: SteppedCluster, name: string): Promise<true | undefined> => (await client.get(Certificate, name, at)).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') || undefined
const chainOf = async ({ cluster: { client } }: SteppedCluster, name: string) => parseCertificates(Buffer.from((await client.get(Secret, name, at)).data?.['tls.crt'] ?? '', 'base64').toString())
/** Webhooks take a moment to be trusted. */
const applied = (world: SteppedCluster, yaml: string): Promise<true> => world.until('the webhook takes objects', () => apply(world.cluster.client, objectsIn(yaml)).then(() => true as const, () => undefined))

test('ACME in a cluster: the server asks the solver pod through the Gateway', async () => {
  let server: AcmeServer | undefined
  const program: Program = {
    images: ['example.test/acme'],
    async main({ net, clock, signal }) {
      server = await acmeServer({ base: 'http://acme.app.svc.cluster.local', clock, fetch: (url) => net.fetch(url) })
      await using _listener = await net.listen(80, { handler: server.handle })
      await untilAborted(signal)
      return 0
    },
  }
  await using world = await startWithCertManager(['cilium'], [{ name: 'acme', standsInFor: 'an ACME server', programs: [{ images: program.images, load: () => Promise.resolve(program) }] }])
  await install(world.cluster.client, 'cilium', 'kube-system', { gatewayAPI: { enabled: true }, envoy: { enabled: true } })
  await applied(world, `
apiVersion: v1
kind: Pod
metadata: { name: acme, namespace: app, labels: { app: acme } }
spec: { containers: [{ name: acme, image: example.test/acme }] }
---
apiVersion: v1
kind: Service
metadata: { name: acme, namespace: app }
spec: { selector: { app: acme }, ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: app }
spec: { gatewayClassName: cilium, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: { name: acme, namespace: app }
spec: { acme: { server: 'http://acme.app.svc.cluster.local/directory', privateKeySecretRef: { name: account }, solvers: [{ http01: { gatewayHTTPRoute: { parentRefs: [{ name: gw, kind: Gateway }] } } }] } }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: web, namespace: app }
spec: { secretName: web-tls, dnsNames: [cilium-gateway-gw.app.svc.cluster.local], issuerRef: { name: acme }, privateKey: { algorithm: ECDSA } }
`)
  await world.until('the certificate', () => isReady(world, 'web'))
  const [leaf, middle] = await chainOf(world, 'web-tls')
  assert.deepEqual([leaf?.dnsNames, middle?.subject.commonName], [['cilium-gateway-gw.app.svc.cluster.local'], 'acme intermediate'])
  assert.ok(middle !== undefined && server !== undefined && signedBy(middle, parseCertificate(server.root.cert)))
  await world.until('the solver is removed', async () => (await world.cluster.client.list(Pod, at)).items.every(({ metadata }) => metadata.name === 'acme') || undefined)
})

test("Vault's PKI signs, by token, AppRole and ServiceAccount; what its role forbids is refused in its words", async () => {
  await using world = await startWithCertManager(['vault'])
  const { cluster: { client, net } } = world
  await install(client, 'vault', 'vault-system')
  let token = ''
  const call = async (method: string, path: string, body?: object): Promise<{ data?: Record<string, string>; root_token?: string }> => {
    const response = await net.fetch(`http://vault.vault-system.svc.cluster.local:8200/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    assert.ok(response.status < 400, `${method} ${path}: ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text) as { data?: Record<string, string>; root_token?: string }
  }
  const init = await world.until('Vault', () => call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }).catch(() => undefined))
  token = init.root_token ?? ''
  await world.until('Vault is unsealed', () => call('GET', 'sys/health').then(() => true, () => undefined))
  await call('POST', 'sys/mounts/pki', { type: 'pki', config: { max_lease_ttl: '87600h' } })
  const root = (await call('POST', 'pki/root/generate/internal', { common_name: 'vault root', ttl: '87600h' })).data?.['certificate'] ?? ''
  await call('POST', 'pki/roles/web', { allowed_domains: 'test', allow_subdomains: true, max_ttl: '72h', require_cn: false, key_type: 'any' })
  await call('POST', 'sys/policies/acl/web', { policy: 'path "pki/sign/web" { capabilities = ["create", "update"] }' })
  await call('POST', 'sys/auth/approle', { type: 'approle' })
  await call('POST', 'auth/approle/role/cm', { token_policies: 'web' })
  const roleId = (await call('GET', 'auth/approle/role/cm/role-id')).data?.['role_id']
  const secretId = (await call('POST', 'auth/approle/role/cm/secret-id')).data?.['secret_id']
  await call('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
  await call('POST', 'auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' })
  await call('POST', 'auth/kubernetes/role/cm', { bound_service_account_names: 'issuer', bound_service_account_namespaces: 'app', token_policies: 'web', audience: 'vault://app/by-account' })
  const issuer = (name: string, auth: object): string => JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name, namespace: 'app' }, spec: { vault: { server: 'http://vault.vault-system.svc.cluster.local:8200', path: 'pki/sign/web', auth } } })
  const certificate = (name: string, by: string, dnsName: string): string => JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name, namespace: 'app' }, spec: { secretName: `${name}-tls`, duration: '24h', dnsNames: [dnsName], issuerRef: { name: by }, privateKey: { algorithm: 'ECDSA' } } })
  await applied(world, [
    JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'vault', namespace: 'app' }, stringData: { token, secretId, wrong: 'no' } }),
    JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'issuer', namespace: 'app' } }),
    JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'tokens', namespace: 'app' }, rules: [{ apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['issuer'], verbs: ['create'] }] }),
    JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'tokens', namespace: 'app' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tokens' }, subjects: [{ kind: 'ServiceAccount', name: 'cert-manager', namespace: 'cert-manager' }] }),
    issuer('by-token', { tokenSecretRef: { name: 'vault', key: 'token' } }), issuer('by-role', { appRole: { path: 'approle', roleId, secretRef: { name: 'vault', key: 'secretId' } } }),
    issuer('by-account', { kubernetes: { role: 'cm', serviceAccountRef: { name: 'issuer' } } }), issuer('by-nobody', { appRole: { path: 'approle', roleId, secretRef: { name: 'vault', key: 'wrong' } } }),
    ...['by-token', 'by-role', 'by-account'].map((by) => certificate(by, by, `${by}.test`)), certificate('forbidden', 'by-token', 'a.elsewhere'),
  ].join('\n---\n'))
  for (const name of ['by-token', 'by-role', 'by-account']) {
    await world.until(name, () => isReady(world, name))
    const [leaf] = await chainOf(world, `${name}-tls`)
    assert.deepEqual([leaf?.dnsNames, Math.round(((leaf?.notAfter ?? 0) - (leaf?.notBefore ?? 0)) / 3_600_000)], [[`${name}.test`], 24])
    assert.ok(leaf !== undefined && signedBy(leaf, parseCertificate(root)))
  }
  const failed = await world.until('the refusal', async () => (await client.get(Certificate, 'forbidden', at)).status?.conditions?.find(({ type, status }) => type === 'Issuing' && status === 'False'))
  assert.match(failed.message ?? '', /Vault failed to sign certificate: .*Code: 400.*a\.elsewhere/)
  const nobody = (await client.get(await client.kindOf('cert-manager.io/v1', 'Issuer'), 'by-nobody', at))['status'] as { conditions: { status: string; reason: string; message: string }[] }
  assert.deepEqual([nobody.conditions[0]?.status, nobody.conditions[0]?.reason], ['False', 'VaultError'])
  assert.match(nobody.conditions[0]?.message ?? '', /Failed to initialize Vault client: .*Code: 400. Errors: .*secret id/i)
})

test('who approves or denies a request needs the right to, by the signer', async () => {
  await using world = await startWithCertManager([])
  const { cluster } = world
  const csr = Buffer.from(createCsr({ key: await generateKey(), dnsNames: ['a'] })).toString('base64')
  const make = (name: string): string => JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest', metadata: { name, namespace: 'app' }, spec: { request: csr, issuerRef: { name: 'own', kind: 'Thing', group: 'example.test' } } })
  await applied(world, [make('one'), make('two'),
    JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'status' }, rules: [{ apiGroups: ['cert-manager.io'], resources: ['certificaterequests', 'certificaterequests/status'], verbs: ['get', 'patch', 'update'] }] }),
    JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'approve' }, rules: [{ apiGroups: ['cert-manager.io'], resources: ['signers'], verbs: ['approve'], resourceNames: ['things.example.test/app.own'] }] }),
    ...['nobody', 'somebody'].map((name) => JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'status' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }] })),
    JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'approve' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approve' }, subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'somebody' }] }),
  ].join('\n---\n'))
  const set = (user: string, name: string, type: string) => cluster.clientAs(user).patch(CertificateRequest, name, { status: { conditions: [{ type, status: 'True', reason: 'test', message: 'by hand', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { type: 'merge', subresource: 'status', namespace: 'app' })
  await assert.rejects(set('nobody', 'one', 'Approved'), /user "nobody" does not have permissions to set approved\/denied conditions for issuer \{own Thing example.test\}/)
  assert.equal((await set('somebody', 'one', 'Approved')).status?.conditions?.[0]?.type, 'Approved')
  await assert.rejects(set('nobody', 'two', 'Denied'), /does not have permissions/)
  assert.equal((await set('somebody', 'two', 'Denied')).status?.conditions?.[0]?.type, 'Denied')
})
