import { createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { ServiceAccount, TokenReview } from '@idp/api'
import type { TestApi } from '@idp/apiserver'
import { silentLog, systemRandom } from '@idp/kit'
import { createCa, issueCertificate, signJwt, type KeyPair } from '@idp/pki'
import type { FetchOptions } from '@idp/sandbox'
import { memoryStore } from '@idp/store'
import { startCluster } from '../../components/external-secrets/test/cluster.ts'
import { reviewResult } from '../../components/vault/engine/auth/kubernetes/review-at.ts'
import { createVault } from '../../components/vault/engine/core/vault.ts'
import { lifeRoutes } from '../../components/vault/server/life-routes.ts'
import { vaultHandler } from '../../components/vault/server/vault-handler.ts'
import type { SuiteResult } from '../main.ts'
import { cases, type Case } from './matrix-cases.ts'

/** A way into Vault, as the stores of upstream's end-to-end tests have it (e2e/suites/provider/cases/vault). */
interface Store { readonly name: string; readonly auth?: string; readonly version?: 'v1' | 'v2'; readonly cluster?: true }

const stores: readonly Store[] = [
  { name: 'with token auth', auth: '{ tokenSecretRef: { name: login, key: token } }' },
  { name: 'with approle auth', auth: '{ appRole: { path: approle, roleId: the-role, secretRef: { name: login, key: secret } } }' },
  { name: 'with v1 provider', version: 'v1', auth: '{ tokenSecretRef: { name: login, key: token } }' },
  { name: 'with jwt provider', auth: '{ jwt: { path: jwt, role: app, secretRef: { name: login, key: jwt } } }' },
  { name: 'with jwt k8s provider', auth: '{ jwt: { path: jwtk8s, role: app, kubernetesServiceAccountToken: { serviceAccountRef: { name: reader }, audiences: [vault.client] } } }' },
  { name: 'with kubernetes provider', auth: '{ kubernetes: { mountPath: kubernetes, role: app, serviceAccountRef: { name: reader, audiences: [vault] } } }' },
  { name: 'with referent provider', cluster: true, auth: '{ tokenSecretRef: { name: login, key: token } }' },
  { name: 'with userPass', auth: '{ userPass: { path: userpass, username: me, secretRef: { name: login, key: password } } }' },
  { name: 'with cert auth', auth: '{ cert: { path: cert, clientCert: { name: login, key: tls.crt }, secretRef: { name: login, key: tls.key } } }' },
]

/** Each case of upstream's common table, with each way into Vault, against our operator and our Vault, over a clock that stands still. */
export async function runMatrix(): Promise<SuiteResult> {
  const failures: { name: string; reason: string }[] = []
  let total = 0
  for (const store of stores) {
    for (const each of cases) {
      total++
      const reason = await attempt(store, each)
      if (reason !== undefined) failures.push({ name: `${store.name}: ${each.name}`, reason })
    }
  }
  return { suite: 'external-secrets matrix', passed: total - failures.length, total, failures }
}

async function attempt(store: Store, { values, manifest, want, name }: Case): Promise<string | undefined> {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const vault = vaultBeside(String(keys.publicKey.export({ type: 'spki', format: 'pem' })))
  await using cluster = await startCluster({ fetch: (api) => async (url, init) => (await vault.start(api)).fetch(url, init) })
  const { api } = cluster
  const { call, token, client } = await vault.start(api)
  await api.client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace: 'app' } })
  const mount = store.version === 'v1' ? 'kv' : 'secret'
  for (const [path, data] of Object.entries(values)) await call('POST', store.version === 'v1' ? `kv/${path}` : `secret/data/${path}`, store.version === 'v1' ? data : { data })
  const now = Math.floor(api.fake.now() / 1000)
  const jwt = signJwt({ iss: 'test', sub: 'me', aud: 'vault.client', user: 'me', iat: now, exp: now + 3600 }, keys.privateKey)
  const secretId = (await call('POST', 'auth/approle/role/app/secret-id', {}))['data'] as { secret_id: string }
  await cluster.apply(`
apiVersion: v1
kind: Secret
metadata: { name: login, namespace: app }
stringData: { token: '${token}', secret: '${secretId.secret_id}', password: pw, jwt: '${jwt}', tls.crt: ${JSON.stringify(client.cert)}, tls.key: ${JSON.stringify(client.key)} }
---
apiVersion: external-secrets.io/v1
kind: ${store.cluster === true ? 'ClusterSecretStore' : 'SecretStore'}
metadata: { name: store${store.cluster === true ? '' : ', namespace: app'} }
spec: { provider: { vault: { server: 'http://vault:8200', path: ${mount}, version: ${store.version ?? 'v2'}, auth: ${store.auth ?? '{}'} } } }
`)
  await cluster.settle()
  await cluster.apply(manifest.replaceAll('STORE', `{ name: store, kind: ${store.cluster === true ? 'ClusterSecretStore' : 'SecretStore'} }`))
  await cluster.advance(6000)
  const got = await cluster.values('target')
  return JSON.stringify(got) === JSON.stringify(want) ? undefined : `${name}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}: ${(await cluster.events('target')).at(-1) ?? (await cluster.events('store')).at(-1) ?? ''}`
}

type Call = (method: string, path: string, body?: object) => Promise<Record<string, unknown>>
interface Beside { readonly token: string; readonly client: KeyPair; readonly call: Call; fetch(url: string, init?: FetchOptions): Promise<Response> }

/** A Vault of our own behind the operator's HTTP, with every method set up; started when the API server that it asks is there. */
function vaultBeside(publicKey: string): { start(api: TestApi): Promise<Beside> } {
  let started: Promise<Beside> | undefined
  const begin = async (api: TestApi): Promise<Beside> => {
    const reviewToken = async (token: string, audiences: readonly string[]) => reviewResult(((await api.client.create(TokenReview, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token, audiences: [...audiences] } })).status ?? {}) as Record<string, unknown>)
    const vault = createVault({ store: memoryStore(), storageType: 'inmem', sealType: 'shamir', clock: api.fake, random: systemRandom, log: silentLog, surroundings: { reviewToken, fetch: (url, init) => api.client.request(new URL(url).pathname, init) }, defaults: { default: 2_764_800, max: 2_764_800 }, lifeRoutes })
    const handler = vaultHandler(vault)
    let token = ''
    const call: Call = async (method, path, body) => {
      const response = await handler(new Request(`http://vault/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }), { address: '127.0.0.1' })
      const text = await response.text()
      if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text === '' ? {} : JSON.parse(text) as Record<string, unknown>
    }
    const init = await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }) as { keys: string[]; root_token: string }
    await call('PUT', 'sys/unseal', { key: init.keys[0] })
    token = init.root_token
    const jwks = await (await api.client.request('/openid/v1/jwks')).json() as { keys: JsonWebKey[] }
    const clusterKeys = jwks.keys.map((key) => String(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })))
    const now = api.fake.now()
    const ca = await createCa({ subject: { commonName: 'clients' }, now, days: 2 })
    const client = await issueCertificate({ ca, for: 'client', now, days: 1, subject: { commonName: 'external-secrets' } })
    const steps: [string, object][] = [
      ['sys/mounts/secret', { type: 'kv', options: { version: '2' } }], ['sys/mounts/kv', { type: 'kv', options: { version: '1' } }],
      ['sys/policies/acl/app', { policy: 'path "secret/*" { capabilities = ["read", "list"] }\npath "kv/*" { capabilities = ["read", "list"] }' }],
      ...['approle', 'userpass', 'kubernetes', 'jwt', 'cert'].map((type): [string, object] => [`sys/auth/${type}`, { type }]), ['sys/auth/jwtk8s', { type: 'jwt' }],
      ['auth/cert/certs/app', { certificate: ca.cert, token_policies: 'app' }], ['auth/approle/role/app', { token_policies: 'app' }], ['auth/approle/role/app/role-id', { role_id: 'the-role' }], ['auth/userpass/users/me', { password: 'pw', token_policies: 'app' }],
      ['auth/kubernetes/config', { kubernetes_host: 'https://kubernetes.default.svc' }], ['auth/kubernetes/role/app', { bound_service_account_names: 'reader', bound_service_account_namespaces: 'app', token_policies: 'app', audience: 'vault' }],
      ['auth/jwt/config', { jwt_validation_pubkeys: [publicKey] }], ['auth/jwtk8s/config', { jwt_validation_pubkeys: clusterKeys }],
      ...['jwt', 'jwtk8s'].map((path): [string, object] => [`auth/${path}/role/app`, { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['vault.client'], token_policies: 'app' }]),
    ]
    for (const [path, body] of steps) await call('POST', path, body)
    return {
      token, client, call,
      // The handshake's part: what a caller proves to hold.
      fetch: async (url, { clientIdentity, ...options } = {}) => handler(new Request(url, options), { address: '10.42.0.1', ...(clientIdentity === undefined ? {} : { certificatePem: clientIdentity.cert }) }),
    }
  }
  return { start: (api) => (started ??= begin(api)) }
}
