import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ingress, isApiError, Pod, Secret, Service } from '@idp/api'
import { algorithmOf, exportKey, generateKey, parseCertificates, parseCertificate, parseKey, signedBy } from '@idp/pki'
import { Challenge, Order, RouteView } from '../kinds/acme.ts'
import { Certificate, CertificateRequest, ClusterIssuer } from '../kinds/cert-manager.ts'
import { acmeServer, type AcmeServer, type AcmeServerOptions } from './acme-server.ts'
import { startCluster, type Cluster } from './cluster.ts'

const HOUR = 3_600_000
/** Of all accounts but those whose making is the test: an RSA key takes longer to make than the rest. */
const accountKey = exportKey(await generateKey({ type: 'RSA' }), 'PKCS1')

interface World extends AsyncDisposable { readonly cluster: Cluster; readonly server: AcmeServer; /** Whom requests to the server trusted. */ readonly trusted: Set<string>; issuer(spec?: object): Promise<void>; seen: { pod?: Pod; service?: Service; route?: RouteView; ingress?: Ingress } }

/** A cluster without nodes: what a solver pod would answer is read from its arguments, if a Service and a way to it are there. */
async function start(options: Partial<AcmeServerOptions> & { readonly way?: 'route' | 'ingress' | 'none'; readonly account?: false } = {}): Promise<World> {
  const seen: World['seen'] = {}
  const solver = async (url: URL): Promise<Response> => {
    const list = async <T>(kind: unknown): Promise<T[]> => (await cluster.api.client.list(kind as typeof Pod, { namespace: 'app' })).items as T[]
    const labels = (object: { metadata: { labels?: Record<string, string> } }): string => JSON.stringify(Object.entries(object.metadata.labels ?? {}).filter(([name]) => name.startsWith('acme.')).sort())
    const route = (await list<RouteView>(RouteView)).find(({ spec }) => JSON.stringify(spec).includes(`"${url.hostname}"`) && JSON.stringify(spec).includes(url.pathname))
    const ingress = (await list<Ingress>(Ingress)).find(({ spec }) => spec?.rules?.some(({ host, http }) => host === url.hostname && http?.paths.some(({ path }) => path === url.pathname)))
    const way = route ?? ingress
    if (way === undefined) return new Response('no route', { status: 404 })
    const [pod] = (await list<Pod>(Pod)).filter((each) => route === undefined || labels(each) === labels(way))
    const [service] = (await list<Service>(Service)).filter((each) => route === undefined || labels(each) === labels(way))
    Object.assign(seen, { pod, service, route, ingress })
    return new Response(pod?.spec?.containers[0]?.args?.find((arg) => arg.startsWith('--key='))?.slice(6) ?? '', { status: pod === undefined ? 503 : 200 })
  }
  const trusted = new Set<string>()
  const cluster: Cluster = await startCluster({ gateways: true, fetch: async (url, init) => {
    const target = new URL(url)
    const { ca, insecure, clientIdentity: _identity, ...rest } = init ?? {}
    if (target.hostname === 'acme.test') trusted.add(ca ?? (insecure === true ? 'anybody' : 'the cluster'))
    if (target.hostname === 'acme.test') return server.handle(new Request(target, rest))
    if (options.way === 'none') throw new Error('connect ECONNREFUSED')
    return solver(target)
  } })
  const server: AcmeServer = await acmeServer({ base: 'https://acme.test', clock: cluster.api.fake, fetch: (url) => solver(new URL(url)), ...options })
  if (options.account !== false) await cluster.apply(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'account', namespace: 'cert-manager' }, stringData: { 'tls.key': accountKey } }))
  const http01 = options.way === 'ingress' ? { ingress: { ingressClassName: 'nginx' } } : { gatewayHTTPRoute: { labels: { team: 'web' }, parentRefs: [{ name: 'gw', namespace: 'infra', kind: 'Gateway' }] } }
  return {
    cluster, server, seen, trusted,
    issuer: (spec = {}) => cluster.apply(JSON.stringify({
      apiVersion: 'cert-manager.io/v1', kind: 'ClusterIssuer', metadata: { name: 'acme' },
      spec: { acme: { server: 'https://acme.test/directory', email: 'me@a.test', privateKeySecretRef: { name: 'account' }, solvers: [{ http01 }], ...spec } },
    })),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

const certificate = (spec: string, name = 'web'): string => `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: ${name}, namespace: app, labels: { tier: front } }
spec: { secretName: ${name}-tls, issuerRef: { name: acme, kind: ClusterIssuer }, privateKey: { algorithm: ECDSA }, ${spec} }
`
const at = { namespace: 'app' }
const text = (secret: Secret, key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
const ready = (object: { status?: { conditions?: readonly { type: string; status: string; reason?: string; message?: string }[] } }) => object.status?.conditions?.find(({ type }) => type === 'Ready')
const issuer = (cluster: Cluster): Promise<ClusterIssuer> => cluster.api.client.get(ClusterIssuer, 'acme')

test('an account is registered once, its Secret kept, its address followed', async () => {
  await using world = await start({ account: false })
  await world.issuer()
  await world.cluster.settle()
  const { status } = await issuer(world.cluster)
  assert.deepEqual([ready({ status } as never)?.status, ready({ status } as never)?.reason, ready({ status } as never)?.message], ['True', 'ACMEAccountRegistered', 'The ACME account was registered with the ACME server'])
  const key = await world.cluster.api.client.get(Secret, 'account', { namespace: 'cert-manager' })
  assert.deepEqual(algorithmOf(parseKey(text(key, 'tls.key'))), { type: 'RSA', size: 2048 })
  const [account] = [...world.server.accounts.values()]
  assert.deepEqual([status?.acme?.uri, status?.acme?.lastRegisteredEmail, account?.contact], [account?.url, 'me@a.test', ['mailto:me@a.test']])
  const asked = world.server.requests.length
  await world.issuer({ preferredChain: 'x' })
  await world.cluster.settle()
  assert.equal(world.server.requests.length, asked, 'nothing is asked again')
  await world.cluster.api.client.patch(ClusterIssuer, 'acme', { spec: { acme: { email: 'you@a.test' } } }, { type: 'merge' })
  await world.cluster.settle()
  assert.deepEqual([account?.contact, world.server.accounts.size], [['mailto:you@a.test'], 1])
  await world.cluster.api.client.delete(Secret, 'account', { namespace: 'cert-manager' })
  await world.cluster.settle()
  assert.equal(world.server.accounts.size, 2)
  assert.equal((await issuer(world.cluster)).status?.acme?.uri, [...world.server.accounts.values()][1]?.url)
})

for (const [name, spec, options, reason, message] of [
  ['without a key and leave to make one', { disableAccountKeyGeneration: true }, { account: false }, 'ErrVerifyACMEAccount', /'disableAccountKeyGeneration' set to true, but the secret was not found: secrets "account" not found/],
  ['without the binding that the server wants', {}, { external: { kid: 'c2VjcmV0' } }, 'ErrRegisterACMEAccount', /externalAccountRequired/],
  ['without the Secret of the binding', { externalAccountBinding: { keyID: 'kid', keySecretRef: { name: 'eab', key: 'key' } } }, { external: { kid: 'c2VjcmV0' } }, 'ErrRegisterACMEAccount', /failed to get External Account Binding key from secret: secrets "eab" not found/],
  ['with an address that the server refuses', { email: 'nowhere' }, {}, 'ErrRegisterACMEAccount', /400 urn:ietf:params:acme:error:invalidContact: cannot mail to mailto:nowhere/],
  ['with DNS-01', { solvers: [{ dns01: { route53: { region: 'x' } } }] }, {}, 'InvalidSolver', /solvers\[0\].dns01.route53: DNS-01 is not supported/],
] as const) {
  test(`an issuer ${name} says so`, async () => {
    await using world = await start(options)
    await world.issuer(spec)
    await world.cluster.settle()
    const condition = ready(await issuer(world.cluster))
    assert.deepEqual([condition?.status, condition?.reason], ['False', reason])
    assert.match(condition?.message ?? '', message)
  })
}

test('an external account binding is signed with the key from its Secret', async () => {
  await using world = await start({ external: { kid: Buffer.from('secret key').toString('base64url') } })
  await world.issuer({ externalAccountBinding: { keyID: 'kid', keySecretRef: { name: 'eab', key: 'key' } } })
  await world.cluster.settle()
  await world.cluster.apply(`
apiVersion: v1
kind: Secret
metadata: { name: eab, namespace: cert-manager }
stringData: { key: ${Buffer.from('secret key').toString('base64url')} }
`)
  await world.cluster.settle()
  assert.deepEqual([ready(await issuer(world.cluster))?.status, [...world.server.accounts.values()].map(({ externalKid }) => externalKid)], ['True', ['kid']])
})

test('a certificate is ordered, the challenge answered through the gateway, the chain stored; then it renews', async () => {
  await using world = await start({ badNonceEvery: 4, processing: 2, days: 1 })
  const { cluster, seen } = world
  await world.issuer()
  await cluster.apply(certificate('dnsNames: [a.test, b.test]'))
  await cluster.settle()
  const made = await cluster.api.client.get(Certificate, 'web', at)
  assert.deepEqual([ready(made)?.status, made.status?.revision], ['True', 1])
  const secret = await cluster.api.client.get(Secret, 'web-tls', at)
  const chain = parseCertificates(text(secret, 'tls.crt'))
  assert.deepEqual(chain.map(({ subject, dnsNames }) => subject.commonName ?? dnsNames), [['a.test', 'b.test'], 'acme intermediate'])
  assert.ok(signedBy(chain[1] as never, parseCertificate(world.server.root.cert)))

  assert.match(seen.pod?.metadata.name ?? '', /^cm-acme-http-solver-[a-z0-9]{5}$/)
  assert.deepEqual([seen.pod?.spec?.containers[0]?.image, seen.pod?.spec?.automountServiceAccountToken], ['quay.io/jetstack/cert-manager-acmesolver:v1.19.0', false])
  assert.deepEqual([seen.service?.spec?.type, seen.service?.spec?.ports?.[0]?.port], ['NodePort', 8089])
  const spec = seen.route?.spec as { parentRefs: unknown[]; hostnames: string[]; rules: { matches: { path: { type: string; value: string } }[]; backendRefs: { name: string; port: number }[] }[] }
  assert.deepEqual([seen.route?.metadata.labels?.['team'], spec.parentRefs, spec.rules[0]?.backendRefs[0]?.name, spec.rules[0]?.backendRefs[0]?.port], ['web', [{ name: 'gw', namespace: 'infra', kind: 'Gateway' }], seen.service?.metadata.name, 8089])
  assert.match(spec.rules[0]?.matches[0]?.path.value ?? '', /^\/.well-known\/acme-challenge\/[\w-]{43}$/)

  for (const kind of [Pod, Service, RouteView, Challenge]) assert.deepEqual((await cluster.api.client.list(kind as typeof Pod, at)).items, [], `${kind.kind}s are removed`)
  const [order] = (await cluster.api.client.list(Order, at)).items
  assert.deepEqual([order?.status?.state, order?.status?.authorizations?.map(({ identifier, initialState }) => `${identifier} ${initialState}`), order?.metadata.labels?.['tier']], ['valid', ['a.test pending', 'b.test pending'], 'front'])
  assert.match(order?.metadata.name ?? '', /^web-1-\d+$/)
  const events = (await cluster.events(order?.metadata.name ?? '')).sort()
  assert.deepEqual(events.map((event) => event.replace(/-\d+" for/, '-?" for').replace(/web-1-\d+/, 'web-1-?')).sort(), ['Normal Complete Order completed successfully', 'Normal Created Created Challenge resource "web-1-?-?" for domain "a.test"', 'Normal Created Created Challenge resource "web-1-?-?" for domain "b.test"'])
  const challenge = /"(web-1-[\d-]+)" for domain "a/.exec(events.join())?.[1] ?? ''
  assert.deepEqual((await cluster.events(challenge)).sort(), ['Normal DomainVerified Domain "a.test" verified with "HTTP-01" validation', 'Normal Presented Presented challenge using HTTP-01 challenge mechanism', 'Normal Started Challenge scheduled for processing'])
  assert.ok((await cluster.events('web-1')).some((event) => /Normal OrderCreated Created Order resource app\/web-1-\d+/.test(event)))

  await cluster.api.fake.advance(16.1 * HOUR)
  await cluster.settle()
  assert.deepEqual([(await cluster.api.client.get(Certificate, 'web', at)).status?.revision, ready(await cluster.api.client.get(Certificate, 'web', at))?.status], [2, 'True'])
})

test('ingress solvers get an Ingress of their own, or a path in one that is there', async () => {
  await using world = await start({ way: 'ingress' })
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.test]'))
  await world.cluster.settle()
  assert.equal(ready(await world.cluster.api.client.get(Certificate, 'web', at))?.status, 'True')
  const { ingress } = world.seen
  assert.deepEqual([ingress?.spec?.ingressClassName, ingress?.spec?.rules?.[0]?.host, ingress?.spec?.rules?.[0]?.http?.paths[0]?.pathType], ['nginx', 'a.test', 'Exact'])
  assert.deepEqual((await world.cluster.api.client.list(Ingress, at)).items, [])
  await world.cluster.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: site, namespace: app }
spec: { rules: [{ host: b.test, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: x, port: { number: 80 } } } }] } }] }
`)
  await world.issuer({ solvers: [{ http01: { ingress: { name: 'site' } } }] })
  await world.cluster.apply(certificate('dnsNames: [b.test]', 'b'))
  await world.cluster.settle()
  assert.equal(ready(await world.cluster.api.client.get(Certificate, 'b', at))?.status, 'True')
  assert.deepEqual([world.seen.ingress?.metadata.name, world.seen.ingress?.spec?.rules?.[0]?.http?.paths.length], ['site', 2])
  assert.deepEqual((await world.cluster.api.client.get(Ingress, 'site', at)).spec?.rules?.[0]?.http?.paths.map(({ path }) => path), ['/'])
})

test('a temporary certificate fills the Secret until the ordered one is there', async () => {
  await using world = await start({ rateLimited: 1 })
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.test]').replace('labels:', "annotations: { cert-manager.io/issue-temporary-certificate: 'true' }, labels:"))
  await world.cluster.settle()
  const first = parseCertificate(text(await world.cluster.api.client.get(Secret, 'web-tls', at), 'tls.crt'))
  const waiting = await world.cluster.api.client.get(Certificate, 'web', at)
  assert.deepEqual([first.dnsNames, first.issuer.commonName, ready(waiting)?.status], [['a.test'], undefined, 'False'])
  assert.ok((await world.cluster.events('web')).includes('Normal Issuing Issued temporary certificate'))
  await world.cluster.api.fake.advance(31_000)
  await world.cluster.settle()
  const second = parseCertificate(text(await world.cluster.api.client.get(Secret, 'web-tls', at), 'tls.crt'))
  assert.deepEqual([second.issuer.commonName, ready(await world.cluster.api.client.get(Certificate, 'web', at))?.status, second.publicKey.equals(first.publicKey)], ['acme intermediate', 'True', true])
})

test('an alternative chain is taken when the issuer prefers it', async () => {
  for (const [preferred, top] of [['other root', 'other root'], ['unknown', 'acme root']] as const) {
    await using world = await start({ alternate: 'other root' })
    await world.issuer({ preferredChain: preferred })
    await world.cluster.apply(certificate('dnsNames: [a.test]'))
    await world.cluster.settle()
    assert.equal(parseCertificates(text(await world.cluster.api.client.get(Secret, 'web-tls', at), 'tls.crt')).at(-1)?.issuer.commonName, top)
  }
})

test('what the server refuses fails the order, the request and the issuance, in its words', async () => {
  await using world = await start()
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.forbidden]'))
  await world.cluster.settle()
  const [order] = (await world.cluster.api.client.list(Order, at)).items
  const made = await world.cluster.api.client.get(Certificate, 'web', at)
  const issuing = made.status?.conditions?.find(({ type }) => type === 'Issuing')
  assert.equal(issuing?.status, 'False')
  assert.match(issuing?.message ?? '', /Failed to wait for order resource "web-1-\d+" to become ready: order is in "errored" state: Failed to create Order: 403 urn:ietf:params:acme:error:rejectedIdentifier: no certificates for a.forbidden/)
  assert.equal(order?.status?.state, 'errored')
})

test('a common name that is no alternative name is refused before the server is asked', async () => {
  await using world = await start()
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.test], commonName: b.test'))
  await world.cluster.settle()
  assert.match((await world.cluster.api.client.get(Certificate, 'web', at)).status?.conditions?.find(({ type }) => type === 'Issuing')?.message ?? '', /"b.test" does not exist in \[a.test\]/)
})

test('a wildcard without a DNS-01 solver waits, with an event that says why', async () => {
  await using world = await start()
  await world.issuer()
  await world.cluster.apply(certificate("dnsNames: ['*.a.test']"))
  await world.cluster.settle()
  const [order] = (await world.cluster.api.client.list(Order, at)).items
  assert.equal(order?.status?.state, 'pending')
  assert.match((await world.cluster.events(order?.metadata.name ?? '')).join(), /Warning Solver Failed to determine a valid solver configuration/)
})

test('a solver that cannot be reached keeps the challenge waiting, and nothing is said to the server', async () => {
  await using world = await start({ way: 'none' })
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.test]'))
  await world.cluster.settle()
  const [challenge] = (await world.cluster.api.client.list(Challenge, at)).items
  assert.deepEqual([challenge?.status?.state, challenge?.status?.processing, challenge?.status?.presented], ['pending', true, true])
  assert.match(challenge?.status?.reason ?? '', /^Waiting for HTTP-01 challenge propagation: failed to perform self check GET request 'http:\/\/a.test\/.*': connect ECONNREFUSED$/)
  assert.equal(world.server.requests.some((request) => request.startsWith('POST /challenge')), false)
  await world.cluster.api.client.delete(Certificate, 'web', at)
  await world.cluster.api.client.delete(CertificateRequest, 'web-1', at)
  await world.cluster.api.client.delete(Order, challenge?.metadata.ownerReferences?.[0]?.name ?? '', at)
  await world.cluster.api.client.delete(Challenge, challenge?.metadata.name ?? '', at).catch((error: unknown) => assert.ok(isApiError(error, 'NotFound')))
  await world.cluster.settle()
  for (const kind of [Challenge, Pod, Service, RouteView]) assert.deepEqual((await world.cluster.api.client.list(kind as typeof Pod, at)).items, [], kind.kind)
})

test('a rate limit is waited out', async () => {
  await using world = await start({ rateLimited: 1 })
  await world.issuer()
  await world.cluster.apply(certificate('dnsNames: [a.test]'))
  await world.cluster.settle()
  const [order] = (await world.cluster.api.client.list(Order, at)).items
  assert.match(order?.status?.reason ?? '', /429 urn:ietf:params:acme:error:rateLimited/)
  await world.cluster.api.fake.advance(31_000)
  await world.cluster.settle()
  assert.equal(ready(await world.cluster.api.client.get(Certificate, 'web', at))?.status, 'True')
})

for (const [name, spec, trusts] of [['its bundle', { caBundle: Buffer.from('PEM').toString('base64') }, 'PEM'], ['anybody, when told to', { skipTLSVerify: true }, 'anybody'], ['the CA of the cluster otherwise', {}, 'the cluster']] as const) {
  test(`an issuer trusts ${name}`, async () => {
    await using world = await start()
    await world.issuer(spec)
    await world.cluster.settle()
    assert.deepEqual([...world.trusted], [trusts])
  })
}
