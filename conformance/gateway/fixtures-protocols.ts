import { all, at, base, gateway, grant, plain, route, service, tlsListener, to } from './fixtures.ts'

/** Ports by which the backends of gRPC and TLS are told apart. */
export const streamPorts: Readonly<Record<number, string>> = { 50_051: 'g1', 50_052: 'g2', 50_053: 'g3', 8443: 'secure' }
const backend = (name: string, port: number): string => service(name).replace('{ name: alt, port: 9090 }', `{ name: stream, port: ${port} }`)
const streams = Object.entries(streamPorts).map(([port, name]) => backend(name, Number(port))).join('')
const grpc = (name: string, rules: string, more = ''): string => route(name, rules, more).replace('kind: HTTPRoute', 'kind: GRPCRoute')
const call = (name: string, weight = ''): string => `{ name: ${name}, port: 5005${name.slice(1)}${weight} }`
const method = (match: string, name: string, more = ''): string => `{ matches: [{ ${match} }], ${more}backendRefs: [${call(name)}] }`
const tls = (name: string, ref: string, more: string): string => route(name, `{ backendRefs: [${ref}] }`, more).replace('gateway.networking.k8s.io/v1\n', 'gateway.networking.k8s.io/v1alpha2\n').replace('kind: HTTPRoute', 'kind: TLSRoute')
const passing = (name: string, hostname: string): string => `{ name: ${name}, port: 443, protocol: TLS, hostname: '${hostname}', tls: { mode: Passthrough }, ${all} }`
const secure = '{ name: secure, port: 8443 }'
const retried = (path: string, retry: string, more = ''): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], retry: { ${retry} }, ${more}${to('v1')} }`
const ofBackend = (path: string, filter: string): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], backendRefs: [{ name: v1, port: 8080, filters: [${filter}] }] }`
const redirected = (path: string, fields: string): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], filters: [{ type: RequestRedirect, requestRedirect: { ${fields} } }] }`
const rewritten = (path: string): string => `{ type: URLRewrite, urlRewrite: { path: ${path} } }`
const validation = (...refs: string[]): string => `{ validation: { caCertificateRefs: [${refs.join(', ')}] } }`
const configMap = (name: string, namespace = 'infra'): string => `{ group: '', kind: ConfigMap, name: ${name}, namespace: ${namespace} }`
const https = (name: string, port: number): string => tlsListener(name, '', '{ name: good }').replace('port: 443', `port: ${port}`)
const withFrontend = (listeners: string, frontend: string): string => gateway(listeners).replace('gatewayClassName: cilium,', `gatewayClassName: cilium, tls: { frontend: { ${frontend} } },`)
const cors = (path: string, fields: string): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], filters: [{ type: CORS, cors: { ${fields} } }], ${to('v1')} }`

/** Further manifests. `CA(name, namespace)` marks where the runner puts a ConfigMap with the CA of its clients. */
export const protocolFixtures: Readonly<Record<string, string>> = {
  grpc: `${base}${streams}${plain}${grpc('methods', [method('method: { service: pkg.Echo, method: Say }', 'g1'), method('method: { service: pkg.Echo, method: SayTwo }', 'g2'), method('method: { service: other.All }', 'g3'), method('method: { method: Everywhere }', 'g2'), method("method: { type: RegularExpression, service: 'v[0-9]+\\.Api', method: 'Get.*' }", 'g3')].join(', '))}`,
  grpcHeaders: `${base}${streams}${plain}${grpc('headers', [
    method('headers: [{ name: version, value: one }]', 'g1'), method('headers: [{ name: version, value: two }]', 'g2'), method('headers: [{ name: version, value: two }, { name: color, value: orange }]', 'g1'),
    `{ matches: [{ headers: [{ name: color, value: blue }] }, { headers: [{ name: color, value: green }] }], backendRefs: [${call('g1')}] }`, `{ matches: [{ headers: [{ name: color, value: red }] }, { headers: [{ name: color, value: yellow }] }], backendRefs: [${call('g2')}] }`,
  ].join(', '))}`,
  grpcHosts: `${base}${streams}${gateway(['bar.com', 'foo.bar.com', '*.bar.com', '*.foo.com'].map((host, i) => `{ name: l${i}, port: 80, protocol: HTTP, hostname: '${host}' }`).join(', '))}${
    grpc('one', `{ backendRefs: [${call('g1')}] }`, 'parentRefs: [{ name: gw, sectionName: l0 }]')}${grpc('two', `{ backendRefs: [${call('g2')}] }`, 'parentRefs: [{ name: gw, sectionName: l1 }]')}${grpc('three', `{ backendRefs: [${call('g3')}] }`, 'parentRefs: [{ name: gw, sectionName: l2 }, { name: gw, sectionName: l3 }]')}`,
  grpcRules: `${base}${streams}${plain}${grpc('rules', [
    `{ name: named, matches: [{ method: { service: pkg.Echo, method: Named } }], backendRefs: [${call('g1')}] }`, method('method: { service: pkg.Echo, method: Unnamed }', 'g2'),
    method('method: { service: pkg.Echo, method: Set }', 'g1', 'filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Header-Set, value: set-overwrites }], add: [{ name: X-Header-Add, value: add-appends }], remove: [X-Header-Remove] } }], '),
    `{ matches: [{ method: { service: pkg.Echo, method: Split } }], backendRefs: [${call('g1', ', weight: 70')}, ${call('g2', ', weight: 30')}, ${call('g3', ', weight: 0')}] }`,
    '{ matches: [{ method: { service: pkg.Echo, method: Nowhere } }], backendRefs: [{ name: missing, port: 1 }] }',
  ].join(', '))}`,
  tlsRoutes: `${base}${streams}${gateway([passing('exact', 'abc.example.com'), passing('wild', '*.wild.io'), `{ name: http, port: 80, protocol: HTTP, ${all} }`].join(', '))}${service('hidden', 'web')}${tls('simple', secure, 'hostnames: [abc.example.com]')}${tls('wide', secure, "hostnames: ['*.wild.io', one.wild.io, other.org]")}${
    tls('nohost', secure, 'hostnames: [nobody.example.net]')}${tls('onhttp', secure, 'parentRefs: [{ name: gw, sectionName: http }], hostnames: [abc.example.com]')}${tls('gone', '{ name: gone, port: 8443 }', 'hostnames: [gone.wild.io]')}${tls('kind', '{ group: x.io, kind: Thing, name: t, port: 8443 }', 'hostnames: [kind.wild.io]')}${
    tls('foreign', '{ name: hidden, namespace: web, port: 8080 }', 'hostnames: [foreign.wild.io]')}${tls('granted', '{ name: web, namespace: web, port: 8080 }', 'hostnames: [granted.wild.io]')}${tls('nosection', secure, 'parentRefs: [{ name: gw, sectionName: none }], hostnames: [abc.example.com]')}${
    grant('web', '{ group: gateway.networking.k8s.io, kind: TLSRoute, namespace: infra }', "{ group: '', kind: Service, name: web }")}`,
  retries: `${base}${plain}${route('r', [retried('/once', 'codes: [500], attempts: 3'), retried('/all', 'codes: [500, 502, 503, 504], attempts: 2'), retried('/none', 'attempts: 3'), retried('/slow', 'attempts: 2', 'timeouts: { backendRequest: 200ms }, '), retried('/limit', 'codes: [500], attempts: 5', 'timeouts: { backendRequest: 200ms, request: 400ms }, ')].join(', '))}`,
  rules: `${base}${plain}${route('r', [
    `{ name: named, matches: [{ path: { type: PathPrefix, value: /named } }], ${to('v1')} }`, `{ matches: [{ path: { type: PathPrefix, value: /unnamed } }], ${to('v2')} }`, '{ matches: [{ path: { type: Exact, value: /omitted } }] }', '{ matches: [{ path: { type: Exact, value: /empty } }], backendRefs: [] }',
    ...[303, 307, 308].map((status) => redirected(`/${status}`, `hostname: example.org, statusCode: ${status}`)),
    ofBackend('/full', rewritten('{ type: ReplaceFullPath, replaceFullPath: /rewritten }')), ofBackend('/prefix', rewritten('{ type: ReplacePrefixMatch, replacePrefixMatch: /rewritten }')),
    ofBackend('/moved', '{ type: RequestRedirect, requestRedirect: { path: { type: ReplaceFullPath, replaceFullPath: /redirected } } }'), ofBackend('/shifted', '{ type: RequestRedirect, requestRedirect: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /redirected } } }'),
    `{ matches: [{ path: { type: PathPrefix, value: /each } }], backendRefs: [${['v1', 'v2'].map((name) => `{ name: ${name}, port: 8080, weight: 10, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: backend, value: ${name} }] } }] }`).join(', ')}] }`,
  ].join(', '))}`,
  gateways: `${base}${plain}${gateway(`{ name: http, port: 80, protocol: HTTP, ${all} }`, 'second')}${route('shared', at('/shared', 'v1'), 'parentRefs: [{ name: gw }, { name: second }]')}${route('first', at('/', 'v2'), 'parentRefs: [{ name: gw }]')}${route('other', at('/', 'v3'), 'parentRefs: [{ name: second }]')}`,
  misdirected: `${base}${gateway([tlsListener('any', '', '{ name: good }'), tlsListener('second', 'second.test', '{ name: good }'), tlsListener('wild', '*.wild.test', '{ name: good }'), tlsListener('within', 'fourth.wild.test', '{ name: good }')].join(', '))}CERT(good, infra)${
    route('one', at('/d', 'v1'), 'parentRefs: [{ name: gw, sectionName: any }], hostnames: [example.test]')}${route('two', at('/d', 'v2'), 'parentRefs: [{ name: gw, sectionName: second }]')}${route('three', at('/d', 'v3'), 'parentRefs: [{ name: gw, sectionName: wild }]')}${route('four', at('/d', 'v1'), 'parentRefs: [{ name: gw, sectionName: within }]')}`,
  corsMore: `${base}${plain}${route('c', [
    cors('/named', 'allowOrigins: ["https://www.foo.com", "https://*.bar.com"], allowMethods: [GET, OPTIONS], allowHeaders: [x-header-1, x-header-2], exposeHeaders: [x-header-3, x-header-4], allowCredentials: true, maxAge: 3600'),
    cors('/methods', 'allowOrigins: ["https://www.foo.com"], allowMethods: ["*"]'), cors('/origin', 'allowOrigins: ["*"], allowMethods: [PUT], allowCredentials: false'),
    cors('/credentials', 'allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: true'), cors('/plain', 'allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], allowCredentials: false'), cors('/scheme', 'allowOrigins: ["http://*"], allowMethods: [GET]'),
  ].join(', '))}`,
  clients: `${base}${withFrontend([https('https', 443), https('other', 8443)].join(', '), `default: ${validation(configMap('clients'))}, perPort: [{ port: 8443, tls: ${validation(configMap('strangers'))} }]`)}CERT(good, infra)CA(clients, infra)CA(strangers, infra)${route('r', `{ ${to('v1')} }`)}`,
  clientsLax: `${base}${withFrontend(https('https', 443), `default: ${validation(configMap('clients')).replace('{ caCert', '{ mode: AllowInsecureFallback, caCert')}`)}CERT(good, infra)CA(clients, infra)${route('r', `{ ${to('v1')} }`)}`,
  clientsBroken: `${base}${withFrontend([https('https', 443), https('unresolved', 7443), https('kind', 8443), https('foreign', 6443), https('granted', 5443), https('partly', 4443)].join(', '), `default: ${validation(configMap('clients'))}, perPort: [{ port: 7443, tls: ${validation(configMap('none'))} }, { port: 8443, tls: ${validation("{ group: '', kind: Service, name: v2 }")} }, { port: 6443, tls: ${validation(configMap('clients', 'web'))} }, { port: 5443, tls: ${validation(configMap('clients', 'other'))} }, { port: 4443, tls: ${validation(configMap('none'), configMap('clients'))} }]`)}CERT(good, infra)CA(clients, infra)CA(clients, web)CA(clients, other)${
    grant('other', '{ group: gateway.networking.k8s.io, kind: Gateway, namespace: infra }', "{ group: '', kind: ConfigMap, name: clients }")}${route('r', `{ ${to('v1')} }`)}`,
  clientsDefaultBroken: `${base}${withFrontend(`${https('https', 443)}, { name: http, port: 80, protocol: HTTP, ${all} }`, `default: ${validation(configMap('none'))}, perPort: [{ port: 80, tls: ${validation(configMap('clients'))} }]`)}CERT(good, infra)CA(clients, infra)${route('r', `{ ${to('v1')} }`)}`,
}
