import { cases, type Case } from './case.ts'

const v = (service: string): Case['expect'] => ({ status: 200, service })
const none: Case['expect'] = { status: 404 }

/** Which rule a request falls to. */
export const matchingCases: readonly Case[] = [
  ...cases('HTTPRouteSimpleSameNamespace', 'simple', [['any path', { path: '/' }, v('v1')], ['any host', { host: 'whatever.example' }, v('v1')], ['any method', { method: 'DELETE', path: '/x' }, v('v1')], ['the query is kept', { path: '/x?a=1&b=%20' }, { ...v('v1'), path: '/x?a=1&b=%20' }]]),
  ...cases('HTTPRouteExactPathMatching', 'paths', [['exact', { path: '/exact' }, v('v1')], ['exact with query', { path: '/exact?x' }, v('v1')], ['not a part', { path: '/exact/x' }, none], ['not with a slash', { path: '/exact/' }, none], ['case counts', { path: '/Exact' }, none]]),
  ...cases('HTTPRouteMatching', 'paths', [
    ['prefix', { path: '/prefix' }, v('v2')], ['prefix and more', { path: '/prefix/x' }, v('v2')], ['prefix with slash', { path: '/prefix/' }, v('v2')], ['whole segments only', { path: '/prefixes' }, none], ['the longer prefix wins', { path: '/prefix/longer/x' }, v('v3')], ['longer only by segment', { path: '/prefix/longerx' }, v('v2')],
    ['a final slash does not count', { path: '/slash' }, v('v1')], ['nor here', { path: '/slash/x' }, v('v1')], ['no rule', { path: '/none' }, none], ['an escaped slash is no slash', { path: '/encoded%2Fslash' }, v('v3')],
  ]),
  ...cases('Spec: HTTPPathMatch RegularExpression', 'paths', [['expression', { path: '/re/xyz' }, v('v2')], ['whole path', { path: '/re/xyz/1' }, none], ['no match', { path: '/re/1' }, none], ['exact before expression', { path: '/re/abc' }, v('v3')]]),
  ...cases('HTTPRoutePathMatchOrder', 'order', [['exact', { path: '/match/exact' }, v('v2')], ['prefix below exact', { path: '/match/exact/more' }, v('v1')], ['longer prefix', { path: '/match/prefix/x' }, v('v3')], ['shorter prefix', { path: '/match/x' }, v('v1')], ['all', { path: '/' }, v('v3')]]),
  ...cases('HTTPRouteHeaderMatching', 'headers', [
    ['one', { headers: { version: 'one' } }, v('v1')], ['two', { headers: { version: 'two' } }, v('v2')], ['both', { headers: { version: 'two', color: 'orange' } }, v('v1')], ['first alternative', { headers: { color: 'blue' } }, v('v1')], ['second alternative', { headers: { color: 'green' } }, v('v1')],
    ['red', { headers: { color: 'red' } }, v('v2')], ['yellow', { headers: { color: 'yellow' } }, v('v2')], ['purple', { headers: { color: 'purple' } }, none], ['none', {}, none], ['names in any case', { headers: { VERSION: 'one' } }, v('v1')], ['values in this case', { headers: { version: 'ONE' } }, none],
  ]),
  ...cases('Spec: HTTPHeaderMatch RegularExpression', 'headers', [['expression', { headers: { agent: 'curl/8' } }, v('v3')], ['whole value', { headers: { agent: 'xcurl/8' } }, none]]),
  ...cases('Spec: HTTPHeaderMatch equivalent names', 'headers', [['the first of equal names counts', { headers: { dup: 'first' } }, v('v3')], ['the second does not', { headers: { dup: 'second' } }, none]]),
  ...cases('HTTPRouteQueryParamMatching', 'query', [
    ['whale', { path: '/?animal=whale' }, v('v1')], ['dolphin', { path: '/?animal=dolphin' }, v('v2')], ['two parameters', { path: '/?animal=dolphin&color=blue' }, v('v3')], ['order does not count', { path: '/?color=blue&animal=dolphin' }, v('v3')], ['another animal', { path: '/?animal=shark' }, none], ['names in this case', { path: '/?ANIMAL=whale' }, none],
    ['decoded', { path: '/?animal=wh%61le' }, v('v1')], ['more parameters', { path: '/?x=1&animal=whale&y=2' }, v('v1')], ['the first value counts', { path: '/?animal=whale&animal=dolphin' }, v('v1')], ['expression', { path: '/?n=42' }, v('v3')], ['whole value', { path: '/?n=42a' }, none], ['with path and header', { path: '/p?x=1', headers: { h: '1' } }, v('v1')], ['without the header', { path: '/p?x=1' }, none],
  ]),
  ...cases('HTTPRouteMethodMatching', 'methods', [
    ['POST', { method: 'POST' }, v('v1')], ['GET', { method: 'GET' }, v('v2')], ['HEAD alone', { method: 'HEAD' }, none], ['path before method', { path: '/path1' }, v('v1')], ['PUT with header', { method: 'PUT', headers: { version: 'one' } }, v('v2')], ['path, method, header', { method: 'POST', path: '/path2', headers: { version: 'two' } }, v('v3')], ['path alone', { path: '/path5', method: 'PUT' }, v('v1')], ['longer path first', { path: '/path5', method: 'PATCH' }, v('v1')], ['method before header', { method: 'PATCH', headers: { version: 'four' } }, v('v2')], ['header alone', { method: 'OPTIONS', headers: { version: 'four' } }, v('v3')],
  ]),
  ...cases('HTTPRouteMatchingAcrossRoutes', 'across', [
    ['both routes, first', { host: 'example.com', path: '/' }, v('v1')], ['both routes, longer path', { host: 'example.com', path: '/v2' }, v('v2')], ['header of the second', { host: 'example.com', headers: { version: 'two' } }, v('v2')], ['header of the first', { host: 'example.com', headers: { version: 'one' } }, v('v1')], ['path before header', { host: 'example.com', path: '/v2/x', headers: { version: 'one' } }, v('v2')],
    ['a host of one route', { host: 'example.net', path: '/v2' }, v('v1')], ['no such host', { host: 'sub.example.com' }, none], ['hosts in any case', { host: 'EXAMPLE.com' }, v('v1')], ['port in the host', { host: 'example.com:8080' }, v('v1')], ['a final dot', { host: 'example.com.' }, v('v1')],
  ]),
  ...cases('Spec: HTTPRouteRule precedence', 'ties', [['the older route', { path: '/tie' }, v('v2')], ['then by name', { path: '/name' }, v('v3')], ['then the first rule', { path: '/rule' }, v('v1')]]),
  ...cases('HTTPRouteHostnameIntersection', 'hosts', [
    ['listener and route specific', { host: 'very.specific.com', path: '/s1' }, v('v1')], ['route not on other hosts', { host: 'non.matching.com', path: '/s1' }, none], ['nor by wildcard', { host: 'foo.nonmatchingwildcard.io', path: '/s1' }, none], ['wildcard route, specific listener', { host: 'very.specific.com', path: '/s2' }, v('v2')], ['not beyond the listener', { host: 'foo.specific.com', path: '/s2' }, none],
    ['wildcard listener, specific route', { host: 'foo.wildcard.io', path: '/s3' }, v('v3')], ['a wildcard covers several labels', { host: 'deep.foo.wildcard.io', path: '/s3' }, v('v3')], ['but not none', { host: 'wildcard.io', path: '/s3' }, none], ['both wildcards', { host: 'one.anotherwildcard.io', path: '/s4' }, v('v1')], ['both wildcards, deep', { host: 'one.two.anotherwildcard.io', path: '/s4' }, v('v1')], ['route without hosts', { host: 'x.example.com', path: '/s6' }, v('v2')], ['port does not count', { host: 'very.specific.com:1234', path: '/s1' }, v('v1')],
    ['no intersection', undefined, { conditions: { 'HTTPRoute/none': ['Accepted=False NoMatchingListenerHostname', 'ResolvedRefs=True ResolvedRefs'], 'HTTPRoute/specific': ['Accepted=True Accepted', 'ResolvedRefs=True ResolvedRefs'] }, attached: { very: 2, wild: 1, deep: 1, any: 1 } }],
  ]),
  ...cases('GatewayHTTPListenerIsolation', 'isolation', [
    ['empty', { host: 'bar.com', path: '/empty' }, v('v1')], ['not elsewhere', { host: 'bar.com', path: '/wild' }, none], ['wildcard', { host: 'bar.example.com', path: '/wild' }, v('v2')], ['not the empty one', { host: 'bar.example.com', path: '/empty' }, none], ['longer wildcard', { host: 'bar.foo.example.com', path: '/wildfoo' }, v('v3')], ['not the shorter', { host: 'bar.foo.example.com', path: '/wild' }, none], ['specific', { host: 'abc.foo.example.com', path: '/abc' }, v('v1')], ['not the wildcard', { host: 'abc.foo.example.com', path: '/wildfoo' }, none],
  ]),
  ...cases('HTTPRouteListenerPortMatching', 'ports', [['by port', { port: 80 }, v('v1')], ['by section', { port: 8080 }, v('v2')], ['by both', { port: 8090, host: 'foo.com' }, v('v3')], ['hostname of the listener', { port: 8090, host: 'bar.com' }, none]]),
]
