export const service = (name: string, namespace = 'infra', more = ''): string => `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace}${more} }
spec: { ports: [{ name: http, port: 8080 }, { name: alt, port: 9090 }] }
`
const namespace = (name: string, labels = '{}'): string => `---
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: ${labels} }
`
export const base = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: cilium }
spec: { controllerName: io.cilium/gateway-controller }
${namespace('infra')}${namespace('web', '{ team: web }')}${namespace('other')}${['v1', 'v2', 'v3'].map((name) => service(name)).join('')}${service('web', 'web')}${service('lonely', 'infra', ', annotations: { test/endpoints: none }')}`

export const gateway = (listeners: string, name = 'gw'): string => `---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: infra, uid: ${name} }
spec: { gatewayClassName: cilium, listeners: [${listeners}] }
`
export const all = 'allowedRoutes: { namespaces: { from: All } }'
export const plain = gateway(`{ name: http, port: 80, protocol: HTTP, ${all} }`)
/** An HTTPRoute; `rules` is a YAML flow list. */
export const route = (name: string, rules: string, more = '', where = 'infra', created = '2026-01-01T00:00:00Z'): string => `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${where}, creationTimestamp: '${created}' }
spec: { ${more.includes('parentRefs') ? '' : 'parentRefs: [{ name: gw, namespace: infra }], '}${more === '' ? '' : `${more}, `}rules: [${rules}] }
`
export const to = (name: string, more = ''): string => `backendRefs: [{ name: ${name}, port: 8080${more} }]`
export const at = (path: string, name: string, type = 'PathPrefix', more = ''): string => `{ matches: [{ path: { type: ${type}, value: '${path}' }${more} }], ${to(name)} }`
export const grant = (where: string, from: string, target: string): string => `---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: grant, namespace: ${where} }
spec: { from: [${from}], to: [${target}] }
`
export const fromRoutes = '{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra }'
const filter = (text: string): string => `{ matches: [{ path: { type: PathPrefix, value: /f } }], filters: [${text}], ${to('v1')} }`
const redirect = (path: string, fields: string, more = ''): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], filters: [{ type: RequestRedirect, requestRedirect: { ${fields} } }${more}] }`
const rewrite = (path: string, fields: string): string => `{ matches: [{ path: { type: PathPrefix, value: ${path} } }], filters: [{ type: URLRewrite, urlRewrite: { ${fields} } }], ${to('v1')} }`
export const tlsListener = (name: string, hostname: string, secret: string, more = all): string => `{ name: ${name}, port: 443, protocol: HTTPS, ${hostname === '' ? '' : `hostname: '${hostname}', `}tls: { certificateRefs: [${secret}] }, ${more} }`

/** Manifests by name. `CERT(name, namespace)` marks where the runner puts a TLS Secret. */
export const fixtures: Readonly<Record<string, string>> = {
  simple: `${base}${plain}${route('one', `{ ${to('v1')} }`)}`,
  paths: `${base}${plain}${route('one', [at('/exact', 'v1', 'Exact'), at('/prefix', 'v2'), at('/prefix/longer', 'v3'), at('/slash/', 'v1'), at('/re/[a-z]+', 'v2', 'RegularExpression'), at('/re/abc', 'v3', 'Exact'), at('/encoded%2Fslash', 'v3')].join(', '))}`,
  order: `${base}${plain}${route('one', [at('/match', 'v1'), at('/match/exact', 'v2', 'Exact'), at('/match/prefix', 'v3'), at('/', 'v3')].join(', '))}`,
  headers: `${base}${plain}${route('one', [
    `{ matches: [{ headers: [{ name: version, value: one }] }], ${to('v1')} }`, `{ matches: [{ headers: [{ name: version, value: two }] }], ${to('v2')} }`,
    `{ matches: [{ headers: [{ name: version, value: two }, { name: color, value: orange }] }], ${to('v1')} }`, `{ matches: [{ headers: [{ name: color, value: blue }] }, { headers: [{ name: color, value: green }] }], ${to('v1')} }`,
    `{ matches: [{ headers: [{ name: color, value: red }] }, { headers: [{ name: color, value: yellow }] }], ${to('v2')} }`, `{ matches: [{ headers: [{ name: agent, type: RegularExpression, value: 'curl/.*' }] }], ${to('v3')} }`,
    `{ matches: [{ headers: [{ name: Dup, value: first }, { name: dup, value: second }] }], ${to('v3')} }`,
  ].join(', '))}`,
  query: `${base}${plain}${route('one', [
    `{ matches: [{ queryParams: [{ name: animal, value: whale }] }], ${to('v1')} }`, `{ matches: [{ queryParams: [{ name: animal, value: dolphin }] }], ${to('v2')} }`,
    `{ matches: [{ queryParams: [{ name: animal, value: dolphin }, { name: color, value: blue }] }], ${to('v3')} }`, `{ matches: [{ queryParams: [{ name: 'n', type: RegularExpression, value: '[0-9]+' }] }], ${to('v3')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /p }, queryParams: [{ name: x, value: '1' }], headers: [{ name: h, value: '1' }] }], ${to('v1')} }`,
  ].join(', '))}`,
  methods: `${base}${plain}${route('one', [
    `{ matches: [{ method: POST }], ${to('v1')} }`, `{ matches: [{ method: GET }], ${to('v2')} }`, `{ matches: [{ method: HEAD, headers: [{ name: version, value: four }] }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /path1 }, method: GET }], ${to('v1')} }`, `{ matches: [{ method: PUT, headers: [{ name: version, value: one }] }], ${to('v2')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /path2 }, method: POST, headers: [{ name: version, value: two }] }], ${to('v3')} }`, at('/path5', 'v1'), `{ matches: [{ method: PATCH }], ${to('v2')} }`, `{ matches: [{ headers: [{ name: version, value: four }] }], ${to('v3')} }`,
  ].join(', '))}`,
  across: `${base}${plain}${route('part1', [`{ matches: [{ path: { type: PathPrefix, value: / } }, { headers: [{ name: version, value: one }] }], ${to('v1')} }`].join(), 'hostnames: [example.com, example.net]')}${route('part2', [`{ matches: [{ path: { type: PathPrefix, value: /v2 } }, { headers: [{ name: version, value: two }] }], ${to('v2')} }`].join(), 'hostnames: [example.com]', 'infra', '2026-01-02T00:00:00Z')}`,
  ties: `${base}${plain}${route('younger', at('/tie', 'v1'), '', 'infra', '2026-01-02T00:00:00Z')}${route('older', at('/tie', 'v2'), '', 'infra', '2026-01-01T00:00:00Z')}${route('b', at('/name', 'v1'))}${route('a', at('/name', 'v3'))}${route('rules', [at('/rule', 'v1'), at('/rule', 'v2')].join(', '))}`,
  hosts: `${base}${gateway(`{ name: any, port: 80, protocol: HTTP, hostname: '*.example.com', ${all} }, { name: very, port: 80, protocol: HTTP, hostname: very.specific.com, ${all} }, { name: wild, port: 80, protocol: HTTP, hostname: '*.wildcard.io', ${all} }, { name: deep, port: 80, protocol: HTTP, hostname: '*.anotherwildcard.io', ${all} }`)}${
    route('specific', at('/s1', 'v1'), 'hostnames: [non.matching.com, "*.nonmatchingwildcard.io", very.specific.com]')}${route('wildroute', at('/s2', 'v2'), 'hostnames: ["*.specific.com"]')}${route('wildlistener', at('/s3', 'v3'), 'hostnames: [foo.wildcard.io, deep.foo.wildcard.io, wildcard.io]')}${route('both', at('/s4', 'v1'), 'hostnames: ["*.anotherwildcard.io"]')}${route('none', at('/s5', 'v1'), 'hostnames: [specific.but.wrong.com, wildcard.io]')}${route('nohost', at('/s6', 'v2'), 'parentRefs: [{ name: gw, namespace: infra, sectionName: any }]')}`,
  isolation: `${base}${gateway(`{ name: empty, port: 80, protocol: HTTP, ${all} }, { name: wild, port: 80, protocol: HTTP, hostname: '*.example.com', ${all} }, { name: wildfoo, port: 80, protocol: HTTP, hostname: '*.foo.example.com', ${all} }, { name: abc, port: 80, protocol: HTTP, hostname: abc.foo.example.com, ${all} }`)}${
    [['empty', '/empty', 'v1'], ['wild', '/wild', 'v2'], ['wildfoo', '/wildfoo', 'v3'], ['abc', '/abc', 'v1']].map(([section = '', path = '', name = '']) => route(section, at(path, name), `parentRefs: [{ name: gw, sectionName: ${section} }], hostnames: [bar.com, "*.example.com", "*.foo.example.com", abc.foo.example.com]`)).join('')}`,
  ports: `${base}${gateway(`{ name: one, port: 80, protocol: HTTP, ${all} }, { name: two, port: 8080, protocol: HTTP, ${all} }, { name: three, port: 8090, protocol: HTTP, hostname: foo.com, ${all} }`)}${route('byport', at('/', 'v1'), 'parentRefs: [{ name: gw, port: 80 }]')}${route('bysection', at('/', 'v2'), 'parentRefs: [{ name: gw, sectionName: two }]')}${route('byboth', at('/', 'v3'), 'parentRefs: [{ name: gw, sectionName: three, port: 8090 }]')}${route('wrongport', at('/', 'v3'), 'parentRefs: [{ name: gw, port: 81 }]')}${route('wrongsection', at('/', 'v3'), 'parentRefs: [{ name: gw, sectionName: nope }]')}${route('mismatch', at('/', 'v3'), 'parentRefs: [{ name: gw, sectionName: one, port: 8080 }]')}`,
  redirects: `${base}${gateway(`{ name: http, port: 80, protocol: HTTP, ${all} }, { name: alt, port: 8080, protocol: HTTP, ${all} }, ${tlsListener('https', 'secure.org', '{ name: good }')}`)}CERT(good, infra)${route('one', [
    redirect('/host', 'hostname: example.org'), redirect('/status', 'hostname: example.org, statusCode: 301'), redirect('/scheme', 'scheme: https'), redirect('/port', 'port: 8083'), redirect('/schemeport', 'scheme: https, port: 8443'), redirect('/http', 'scheme: http, port: 80'), redirect('/tls', 'scheme: https, port: 443'),
    redirect('/old', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }'), redirect('/full', 'path: { type: ReplaceFullPath, replaceFullPath: /all }, hostname: example.org'), redirect('/cut', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: / }'),
    redirect('/everything', 'scheme: https, hostname: example.org, port: 8443, statusCode: 301, path: { type: ReplacePrefixMatch, replacePrefixMatch: /x }'), redirect('/headers', 'hostname: example.org', ', { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-set, value: yes-please }] } }'), redirect('/see', 'statusCode: 303, hostname: example.org'),
  ].join(', '))}`,
  rewrites: `${base}${plain}${route('one', [
    rewrite('/prefix/one', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /one }'), rewrite('/full/one', 'path: { type: ReplaceFullPath, replaceFullPath: /one }'), rewrite('/strip', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: / }'),
    rewrite('/empty', "path: { type: ReplacePrefixMatch, replacePrefixMatch: '' }"), rewrite('/slash', 'path: { type: ReplacePrefixMatch, replacePrefixMatch: /to/ }'), rewrite('/host', 'hostname: one.example.org'), rewrite('/both', 'hostname: two.example.org, path: { type: ReplacePrefixMatch, replacePrefixMatch: /b }'),
  ].join(', '))}`,
  modifiers: `${base}${plain}${route('one', [
    `{ matches: [{ path: { type: PathPrefix, value: /set } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Header-Set, value: set-overwrites-values }] } }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /add } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: X-Header-Add, value: add-appends-values }] } }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /remove } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [X-Header-Remove] } }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /multiple } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-Set-1, value: s1 }, { name: X-Set-2, value: s2 }], add: [{ name: X-Add-1, value: a1 }], remove: [X-Remove-1, X-Remove-2] } }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /response } }], filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: X-Header-Set, value: set }], add: [{ name: X-Header-Add, value: added }], remove: [Content-Type] } }], ${to('v1')} }`,
    `{ matches: [{ path: { type: PathPrefix, value: /backend } }], backendRefs: [{ name: v1, port: 8080, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-backend, value: 'yes' }] } }, { type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-from-backend, value: 'yes' }] } }] }] }`,
    `{ matches: [{ path: { type: PathPrefix, value: /order } }], filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x-a, value: rule }] } }], backendRefs: [{ name: v1, port: 8080, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { add: [{ name: x-a, value: backend }] } }] }] }`,
  ].join(', '))}`,
  weights: `${base}${plain}${route('one', ['{ matches: [{ path: { type: PathPrefix, value: /split } }], backendRefs: [{ name: v1, port: 8080, weight: 70 }, { name: v2, port: 8080, weight: 30 }, { name: v3, port: 8080, weight: 0 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /half-broken } }], backendRefs: [{ name: v1, port: 8080, weight: 1 }, { name: missing, port: 8080, weight: 1 }] }', '{ matches: [{ path: { type: PathPrefix, value: /zero } }], backendRefs: [{ name: v1, port: 8080, weight: 0 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /nothing } }] }', '{ matches: [{ path: { type: PathPrefix, value: /alt } }], backendRefs: [{ name: v1, port: 9090 }] }', '{ matches: [{ path: { type: PathPrefix, value: /lonely } }], backendRefs: [{ name: lonely, port: 8080 }] }'].join(', '))}`,
  mirrors: `${base}${plain}${route('one', ['{ matches: [{ path: { type: PathPrefix, value: /one } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 8080 } } }], backendRefs: [{ name: v1, port: 8080 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /two } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 8080 } } }, { type: RequestMirror, requestMirror: { backendRef: { name: v3, port: 8080 } } }], backendRefs: [{ name: v1, port: 8080 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /percent } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 8080 }, percent: 20 } }], backendRefs: [{ name: v1, port: 8080 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /fraction } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2, port: 8080 }, fraction: { numerator: 1, denominator: 2 } } }], backendRefs: [{ name: v1, port: 8080 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /broken } }], filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: missing, port: 8080 } } }], backendRefs: [{ name: v1, port: 8080 }] }'].join(', '))}`,
  references: `${base}${plain}${route('missing', `{ ${to('missing')} }`, 'hostnames: [missing.test]')}${route('kind', '{ backendRefs: [{ group: x.io, kind: Thing, name: v1, port: 8080 }] }', 'hostnames: [kind.test]')}${route('port', '{ backendRefs: [{ name: v1 }] }', 'hostnames: [port.test]')}${route('noport', '{ backendRefs: [{ name: v1, port: 1 }] }', 'hostnames: [noport.test]')}${route('cross', `{ ${to('web', ', namespace: web')} }`, 'hostnames: [cross.test]')}${route('partly', '{ backendRefs: [{ name: v1, port: 8080 }, { name: web, namespace: web, port: 8080 }] }', 'hostnames: [partly.test]')}${route('extension', `{ filters: [{ type: ExtensionRef, extensionRef: { group: x.io, kind: Thing, name: t } }], ${to('v1')} }`, 'hostnames: [extension.test]')}`,
  granted: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('web', fromRoutes, "{ group: '', kind: Service }")}`,
  grantedByName: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('web', fromRoutes, "{ group: '', kind: Service, name: web }")}`,
  grantOtherName: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('web', fromRoutes, "{ group: '', kind: Service, name: else }")}`,
  grantOtherKind: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('web', '{ group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: infra }', "{ group: '', kind: Service }")}`,
  grantOtherNamespace: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('web', '{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other }', "{ group: '', kind: Service }")}`,
  grantWrongPlace: `${base}${plain}${route('cross', `{ ${to('web', ', namespace: web')} }`)}${grant('infra', fromRoutes, "{ group: '', kind: Service }")}`,
  namespaces: `${base}${gateway('{ name: same, port: 80, protocol: HTTP, hostname: same.test }, { name: all, port: 80, protocol: HTTP, hostname: all.test, allowedRoutes: { namespaces: { from: All } } }, { name: some, port: 80, protocol: HTTP, hostname: some.test, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { team: web } } } } }')}${
    ['same', 'all', 'some'].map((section) => route(`web-${section}`, `{ ${to('web')} }`, `parentRefs: [{ name: gw, namespace: infra, sectionName: ${section} }]`, 'web')).join('')}${route('infra-same', `{ ${to('v1')} }`, 'parentRefs: [{ name: gw, sectionName: same }]')}${route('infra-some', `{ ${to('v1')} }`, 'parentRefs: [{ name: gw, sectionName: some }]')}${route('everywhere', at('/all', 'web'), '', 'web')}${route('nowhere', `{ ${to('v1')} }`, 'parentRefs: [{ name: gone, namespace: infra }]')}`,
  kinds: `${base}${gateway(`{ name: grpc, port: 80, protocol: HTTP, hostname: grpc.test, allowedRoutes: { kinds: [{ kind: GRPCRoute }] } }, { name: bad, port: 80, protocol: HTTP, hostname: bad.test, allowedRoutes: { kinds: [{ kind: TCPRoute }] } }, { name: mixed, port: 80, protocol: HTTP, hostname: mixed.test, allowedRoutes: { kinds: [{ kind: HTTPRoute }, { kind: Nope }] } }, { name: tcp, port: 90, protocol: TCP }, { name: tls, port: 91, protocol: TLS, tls: { mode: Passthrough } }`)}${route('ongrpc', `{ ${to('v1')} }`, 'parentRefs: [{ name: gw, sectionName: grpc }]')}${route('ontls', `{ ${to('v1')} }`, 'parentRefs: [{ name: gw, sectionName: tls }]')}${route('onmixed', `{ ${to('v1')} }`, 'parentRefs: [{ name: gw, sectionName: mixed }]')}`,
  conflicts: `${base}${gateway(`{ name: one, port: 80, protocol: HTTP, hostname: a.test, ${all} }, { name: again, port: 80, protocol: HTTP, hostname: a.test, ${all} }, { name: secure, port: 80, protocol: HTTPS, hostname: b.test, tls: { certificateRefs: [{ name: good }] } }, { name: free, port: 80, protocol: HTTP, hostname: c.test, ${all} }`)}CERT(good, infra)${route('r', `{ ${to('v1')} }`)}`,
  tls: `${base}${gateway([tlsListener('exact', 'a.secure.test', '{ name: good }'), tlsListener('wild', '*.secure.test', '{ name: good }'), tlsListener('missing', 'missing.test', '{ name: gone }'), tlsListener('kind', 'kind.test', '{ kind: ConfigMap, name: good }'), tlsListener('garbage', 'garbage.test', '{ name: garbage }'), tlsListener('foreign', 'foreign.test', '{ name: good, namespace: web }'), tlsListener('granted', 'granted.test', '{ name: good, namespace: other }'), '{ name: nothing, port: 443, protocol: HTTPS, hostname: nothing.test, tls: {} }', `{ name: http, port: 80, protocol: HTTP, ${all} }`].join(', '))}CERT(good, infra)CERT(good, web)CERT(good, other)
---
apiVersion: v1
kind: Secret
metadata: { name: garbage, namespace: infra }
type: kubernetes.io/tls
data: { tls.crt: aGVsbG8=, tls.key: aGVsbG8= }
${grant('other', '{ group: gateway.networking.k8s.io, kind: Gateway, namespace: infra }', "{ group: '', kind: Secret }")}${route('r', `{ ${to('v1')} }`)}${route('exactly', at('/exactly', 'v2'), 'parentRefs: [{ name: gw, sectionName: exact }]')}`,
  cors: `${base}${plain}${route('one', ['{ matches: [{ path: { type: PathPrefix, value: /some } }], filters: [{ type: CORS, cors: { allowOrigins: ["https://www.foo.com", "https://*.bar.com"], allowMethods: [GET, POST], allowHeaders: [x-header-1, x-header-2], exposeHeaders: [x-expose], allowCredentials: true, maxAge: 3600 } }], backendRefs: [{ name: v1, port: 8080 }] }',
    '{ matches: [{ path: { type: PathPrefix, value: /any } }], filters: [{ type: CORS, cors: { allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"] } }], backendRefs: [{ name: v1, port: 8080 }] }'].join(', '))}`,
  class: `${base}${plain.replace('gatewayClassName: cilium', 'gatewayClassName: stranger')}${route('one', `{ ${to('v1')} }`)}`,
  filterUnused: `${base}${plain}${route('one', filter('{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: b }] } }'))}`,
}
