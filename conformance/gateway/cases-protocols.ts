import { cases, type Case } from './case.ts'

const accepted = 'Accepted=True Accepted'
const resolved = 'ResolvedRefs=True ResolvedRefs'
const say = (path: string, headers: Readonly<Record<string, string>> = {}, host = 'example.test') => ({ path, headers, host, method: 'POST', grpc: true } as const)
const by = (service: string): Case['expect'] => ({ status: 200, service, headers: { 'grpc-status': '0' } })
const unimplemented: Case['expect'] = { status: 200, headers: { 'grpc-status': '12' } }
const tlsRoute = (name: string, ...conditions: string[]): Case['expect'] => ({ conditions: { [`TLSRoute/${name}`]: conditions } })
const through = (host: string) => ({ port: 443, host, tls: host, bytes: 'hello' } as const)
const got: Case['expect'] = { body: 'got hello' }
const failing = (path: string, how: number | 'closes' | 'hangs', times: number) => ({ path, failing: { how, times } } as const)
const named = (host: string, tls: string) => ({ port: 443, host, tls, path: '/d' } as const)
const preflight = (path: string, origin: string, method: string, headers?: string) => ({ path, method: 'OPTIONS', headers: { origin, 'access-control-request-method': method, ...(headers === undefined ? {} : { 'access-control-request-headers': headers }) } } as const)
const listener = (name: string, ...conditions: string[]): Case['expect'] => ({ conditions: { [`listener/${name}`]: conditions } })
const good = [accepted, 'Programmed=True Programmed', resolved, 'Conflicted=False NoConflicts']
const noCa = (reason: string): string[] => ['Accepted=False NoValidCACertificate', 'Programmed=False Invalid', `ResolvedRefs=False ${reason}`, 'Conflicted=False NoConflicts']
const client = (port: number, certificate?: 'known' | 'stranger') => ({ port, host: 'a.secure.test', tls: true, ...(certificate === undefined ? {} : { certificate }) } as const)
const refused: Case['expect'] = { refused: true }

/** Other protocols than plain HTTP/1.1, and what came to the Gateway API after its first version. */
export const protocolCases: readonly Case[] = [
  ...cases('GRPCExactMethodMatching', 'grpc', [['method', say('/pkg.Echo/Say'), by('g1')], ['another', say('/pkg.Echo/SayTwo'), by('g2')], ['unknown', say('/pkg.Echo/SayThree'), unimplemented], ['case counts', say('/pkg.Echo/say'), unimplemented]]),
  ...cases('Spec: GRPCMethodMatch', 'grpc', [['a service', say('/other.All/Any'), by('g3')], ['not one that begins alike', say('/other.AllOfThem/Any'), unimplemented], ['a method of any service', say('/any.Thing/Everywhere'), by('g2')], ['expressions', say('/v12.Api/GetThings'), by('g3')], ['whole ones only', say('/xv12.Api/GetThings'), unimplemented]]),
  ...cases('GRPCRouteHeaderMatching', 'grpcHeaders', [
    ['one', say('/a.B/C', { version: 'one' }), by('g1')], ['two', say('/a.B/C', { version: 'two' }), by('g2')], ['both', say('/a.B/C', { version: 'two', color: 'orange' }), by('g1')], ['blue', say('/a.B/C', { color: 'blue' }), by('g1')], ['green', say('/a.B/C', { color: 'green' }), by('g1')], ['red', say('/a.B/C', { color: 'red' }), by('g2')],
    ['yellow', say('/a.B/C', { color: 'yellow' }), by('g2')], ['purple', say('/a.B/C', { color: 'purple' }), unimplemented], ['none', say('/a.B/C'), unimplemented],
  ]),
  ...cases('GRPCRouteListenerHostnameMatching', 'grpcHosts', [['exact', say('/a.B/C', {}, 'bar.com'), by('g1')], ['below it', say('/a.B/C', {}, 'foo.bar.com'), by('g2')], ['wildcard', say('/a.B/C', {}, 'baz.bar.com'), by('g3')], ['deep', say('/a.B/C', {}, 'boo.bar.com'), by('g3')], ['another wildcard', say('/a.B/C', {}, 'multiple.prefixes.foo.com'), by('g3')], ['not the suffix', say('/a.B/C', {}, 'foo.com'), unimplemented], ['nobody', say('/a.B/C', {}, 'no.matching.host'), unimplemented]]),
  ...cases('GRPCRouteNamedRule', 'grpcRules', [['named', say('/pkg.Echo/Named'), by('g1')], ['unnamed', say('/pkg.Echo/Unnamed'), by('g2')]]),
  ...cases('GRPCRouteRequestHeaderModifier', 'grpcRules', [['set, add, remove', say('/pkg.Echo/Set', { 'x-header-set': 'old', 'x-header-add': 'old', 'x-header-remove': 'x' }), { ...by('g1'), received: { 'x-header-set': 'set-overwrites', 'x-header-add': 'old,add-appends', 'x-header-remove': undefined } }]]),
  ...cases('GRPCRouteWeight', 'grpcRules', [['first share', { ...say('/pkg.Echo/Split'), random: 0.69 }, by('g1')], ['second share', { ...say('/pkg.Echo/Split'), random: 0.71 }, by('g2')], ['no weight', { ...say('/pkg.Echo/Split'), random: 0.999 }, by('g2')]]),
  ...cases('Spec: GRPCBackendRef', 'grpcRules', [['no backend', say('/pkg.Echo/Nowhere'), { status: 200, headers: { 'grpc-status': '2' } }], ['status', undefined, { conditions: { 'GRPCRoute/rules': [accepted, 'ResolvedRefs=False BackendNotFound'] } }]]),
  ...cases('HTTPRouteBackendProtocolH2C', 'grpc', [['from the first byte, on the port of HTTP/1.1', say('/pkg.Echo/Say', { te: 'trailers' }), { ...by('g1'), received: { te: 'trailers' } }], ['HTTP/1.1 beside it', { path: '/pkg.Echo/Nope' }, { status: 404 }]]),

  ...cases('TLSRouteSimpleSameNamespace', 'tlsRoutes', [['passed on', through('abc.example.com'), got], ['status', undefined, tlsRoute('simple', accepted, resolved)]]),
  ...cases('TLSRouteHostnameIntersection', 'tlsRoutes', [['wildcard of both', through('two.wild.io'), got], ['within it', through('one.wild.io'), got], ['not on the listener', { port: 443, host: 'other.org', tls: 'other.org', bytes: 'x' }, refused], ['status', undefined, tlsRoute('wide', accepted, resolved)]]),
  ...cases('TLSRouteInvalidNoMatchingListenerHostname', 'tlsRoutes', [['status', undefined, tlsRoute('nohost', 'Accepted=False NoMatchingListenerHostname', resolved)]]),
  ...cases('TLSRouteInvalidNoMatchingListener', 'tlsRoutes', [['a listener of HTTP', undefined, tlsRoute('onhttp', 'Accepted=False NotAllowedByListeners', resolved)], ['no such section', undefined, tlsRoute('nosection', 'Accepted=False NoMatchingParent', resolved)]]),
  ...cases('TLSRouteInvalidBackendRefNonexistent', 'tlsRoutes', [['status', undefined, tlsRoute('gone', accepted, 'ResolvedRefs=False BackendNotFound')], ['traffic', { ...through('gone.wild.io') }, refused]]),
  ...cases('TLSRouteInvalidBackendRefUnknownKind', 'tlsRoutes', [['status', undefined, tlsRoute('kind', accepted, 'ResolvedRefs=False InvalidKind')], ['traffic', { ...through('kind.wild.io') }, refused]]),
  ...cases('TLSRouteInvalidReferenceGrant', 'tlsRoutes', [['status', undefined, tlsRoute('foreign', accepted, 'ResolvedRefs=False RefNotPermitted')], ['traffic', { ...through('foreign.wild.io') }, refused], ['with a grant', undefined, tlsRoute('granted', accepted, resolved)]]),
  ...cases('TLSRouteListenerPassthroughSupportedKinds', 'tlsRoutes', [['attached', undefined, { attached: { exact: 1, wild: 5, http: 0 } }], ['listener', undefined, listener('exact', ...good)]]),

  ...cases('HTTPRouteRetry', 'retries', [
    ['answers after two', failing('/once', 500, 2), { service: 'v1' }], ['too often', failing('/once', 500, 4), { status: 500 }], ['another status', failing('/once', 503, 2), { status: 503 }],
    ...([500, 502, 503, 504].flatMap((status) => [[`${status} once`, failing('/all', status, 1), { service: 'v1' }], [`${status} too often`, failing('/all', status, 3), { status }]] as const)),
  ]),
  ...cases('HTTPRouteRetryConnectionError', 'retries', [['connections that break', failing('/none', 'closes', 2), { service: 'v1' }], ['too often', failing('/none', 'closes', 4), { status: 503 }]]),
  ...cases('HTTPRouteRetryBackendTimeout', 'retries', [['slow tries', failing('/slow', 'hangs', 2), { service: 'v1' }], ['too many of them', failing('/slow', 'hangs', 3), { status: 504 }], ['within the limit', failing('/limit', 500, 1), { service: 'v1' }], ['beyond it', failing('/limit', 'hangs', 4), { status: 504 }]]),

  ...cases('HTTPRouteNamedRule', 'rules', [['named', { path: '/named' }, { service: 'v1' }], ['unnamed', { path: '/unnamed' }, { service: 'v2' }]]),
  ...cases('HTTPRouteOmittedBackendRefs', 'rules', [['omitted', { path: '/omitted' }, { status: 500 }], ['empty', { path: '/empty' }, { status: 500 }], ['accepted all the same', undefined, { conditions: { 'HTTPRoute/r': [accepted, resolved] } }]]),
  ...[303, 307, 308].flatMap((status) => cases(`HTTPRoute${status}Redirect`, 'rules', [['status', { path: `/${status}` }, { status, location: `http://example.org/${status}` }]])),
  ...cases('HTTPRouteBackendURLRewrite', 'rules', [['full', { path: '/full/x' }, { service: 'v1', path: '/rewritten' }], ['prefix', { path: '/prefix/x?y=1' }, { service: 'v1', path: '/rewritten/x?y=1' }]]),
  ...cases('HTTPRouteBackendRequestRedirect', 'rules', [['full', { path: '/moved/x' }, { status: 302, location: 'http://example.test/redirected' }], ['prefix', { path: '/shifted/x' }, { status: 302, location: 'http://example.test/redirected/x' }]]),
  ...cases('HTTPRouteRequestHeaderModifierBackendWeights', 'rules', [['first', { path: '/each', random: 0.2 }, { service: 'v1', received: { backend: 'v1' } }], ['second', { path: '/each', random: 0.8 }, { service: 'v2', received: { backend: 'v2' } }]]),
  ...cases('HTTPRouteMultipleGateways', 'gateways', [['shared', { path: '/shared' }, { service: 'v1' }], ['its own', { path: '/' }, { service: 'v2' }], ['shared, the other', { path: '/shared', gateway: 'second' }, { service: 'v1' }], ['its own, the other', { path: '/', gateway: 'second' }, { service: 'v3' }]]),
  ...cases('HTTPRouteHTTPSListenerDetectMisdirectedRequests', 'misdirected', [
    ['own', named('example.test', 'example.test'), { service: 'v1' }], ['of a named listener', named('second.test', 'example.test'), { status: 421 }], ['of nobody', named('unknown.test', 'example.test'), { status: 404 }], ['named', named('second.test', 'second.test'), { service: 'v2' }], ['the open listener\'s', named('example.test', 'second.test'), { status: 421 }],
    ['nobody\'s, from a named one', named('unknown.test', 'second.test'), { status: 421 }], ['within the wildcard', named('fifth.wild.test', 'third.wild.test'), { service: 'v3' }], ['a name of its own within it', named('fourth.wild.test', 'third.wild.test'), { status: 421 }], ['and back', named('fifth.wild.test', 'fourth.wild.test'), { status: 421 }], ['that name', named('fourth.wild.test', 'fourth.wild.test'), { service: 'v1' }],
    ['an unknown name falls to the open listener', named('example.test', 'unknown.test'), { service: 'v1' }],
  ]),
  ...cases('HTTPRouteCORS', 'corsMore', [
    ['exposed headers in the preflight', preflight('/named', 'https://www.foo.com', 'GET', 'x-header-1, x-header-2'), { status: 200, headers: { 'access-control-expose-headers': 'x-header-3, x-header-4', 'access-control-allow-headers': 'x-header-1, x-header-2', 'access-control-allow-credentials': 'true' } }],
    ['any number of labels', preflight('/named', 'https://xpto.www.bar.com', 'GET'), { headers: { 'access-control-allow-origin': 'https://xpto.www.bar.com' } }], ['another origin', preflight('/named', 'https://foobar.com', 'GET'), { headers: { 'access-control-allow-origin': undefined } }],
    ['the scheme\'s own port', preflight('/named', 'https://www.foo.com:443', 'GET'), { headers: { 'access-control-allow-origin': 'https://www.foo.com:443' } }], ['another port', preflight('/named', 'https://www.foo.com:8443', 'GET'), { headers: { 'access-control-allow-origin': undefined } }], ['no port by the wildcard', preflight('/named', 'https://a.bar.com:99', 'GET'), { headers: { 'access-control-allow-origin': undefined } }],
    ['any method', preflight('/methods', 'https://www.foo.com', 'POST'), { headers: { 'access-control-allow-methods': 'POST', 'access-control-allow-origin': 'https://www.foo.com', 'access-control-allow-credentials': undefined } }],
    ['any origin', preflight('/origin', 'https://foobar.com:12345', 'PUT'), { headers: { 'access-control-allow-origin': '*', 'access-control-allow-methods': 'PUT', 'access-control-allow-credentials': undefined } }],
    ['never * with credentials', preflight('/credentials', 'https://other.foo.com', 'PUT', 'x-header-1, x-header-2'), { headers: { 'access-control-allow-origin': 'https://other.foo.com', 'access-control-allow-methods': 'PUT', 'access-control-allow-headers': 'x-header-1, x-header-2', 'access-control-allow-credentials': 'true' } }],
    ['nothing asked, nothing named', preflight('/credentials', 'https://other.foo.com', 'PUT'), { headers: { 'access-control-allow-headers': undefined } }], ['without credentials', preflight('/plain', 'https://other.foo.com', 'PUT', 'x-a'), { headers: { 'access-control-allow-credentials': undefined, 'access-control-allow-origin': '*' } }],
    ['any host of a scheme', preflight('/scheme', 'http://x.example', 'GET'), { headers: { 'access-control-allow-origin': 'http://x.example' } }], ['not of another', preflight('/scheme', 'https://x.example', 'GET'), { headers: { 'access-control-allow-origin': undefined } }], ['five seconds', preflight('/origin', 'https://a.b', 'PUT'), { headers: { 'access-control-max-age': '5' } }],
  ]),

  ...cases('GatewayFrontendClientCertificateValidation', 'clients', [['default: valid', client(443, 'known'), { service: 'v1' }], ['default: another CA', client(443, 'stranger'), refused], ['default: none', client(443), refused], ['by port: valid', client(8443, 'stranger'), { service: 'v1' }], ['by port: another CA', client(8443, 'known'), refused], ['status', undefined, listener('https', ...good)]]),
  ...cases('GatewayFrontendClientCertificateValidationInsecureFallback', 'clientsLax', [['valid', client(443, 'known'), { service: 'v1' }], ['another CA', client(443, 'stranger'), { service: 'v1' }], ['none', client(443), { service: 'v1' }]]),
  ...cases('GatewayInvalidFrontendClientCertificateValidation', 'clientsBroken', [
    ['the default holds', undefined, listener('https', ...good)], ['no such ConfigMap', undefined, listener('unresolved', ...noCa('InvalidCACertificateRef'))], ['another kind', undefined, listener('kind', ...noCa('InvalidCACertificateKind'))], ['no grant', undefined, listener('foreign', ...noCa('RefNotPermitted'))], ['a grant', undefined, listener('granted', ...good)],
    ['one of two', undefined, listener('partly', accepted, 'Programmed=True Programmed', 'ResolvedRefs=False InvalidCACertificateRef', 'Conflicted=False NoConflicts')], ['its port is closed', client(7443, 'known'), refused], ['the valid one of two serves', client(4443, 'known'), { service: 'v1' }],
  ]),
  ...cases('GatewayFrontendInvalidDefaultClientCertificateValidation', 'clientsDefaultBroken', [['HTTP is not concerned', undefined, listener('http', ...good)], ['HTTP serves', { port: 80 }, { service: 'v1' }], ['HTTPS is', undefined, listener('https', ...noCa('InvalidCACertificateRef'))], ['HTTPS is closed', client(443, 'known'), refused]]),
]
