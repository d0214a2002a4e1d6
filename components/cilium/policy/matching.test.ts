import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseYaml } from '@idp/formats'
import type { CiliumNetworkPolicy, HttpMatch, NameMatch } from '../kinds/cilium.ts'
import { compilePolicy } from './compile-policy.ts'
import { compileHttpMatch } from './http-match.ts'
import { compileNameMatch } from './name-match.ts'

const requests: [match: HttpMatch, method: string, url: string, headers: Record<string, string>, allowed: boolean][] = [
  [{}, 'POST', 'http://a/x', {}, true],
  [{ method: 'GET', path: '/public' }, 'GET', 'http://a/public', {}, true],
  [{ method: 'GET', path: '/public' }, 'GET', 'http://a/public/more', {}, false],
  [{ method: 'GET', path: '/public.*' }, 'POST', 'http://a/public', {}, false],
  [{ method: 'GET|HEAD', path: '/path1$' }, 'HEAD', 'http://a/path1', {}, true],
  [{ path: '/a' }, 'GET', 'http://a/a?b=1', {}, false],
  [{ host: 'shop\\.example' }, 'GET', 'http://shop.example/', {}, true],
  [{ host: 'shop\\.example' }, 'GET', 'http://other/', { host: 'shop.example' }, true],
  [{ headers: ['X-My-Header: true'] }, 'PUT', 'http://a/', { 'x-my-header': 'true' }, true],
  [{ headers: ['X-My-Header: true'] }, 'PUT', 'http://a/', { 'x-my-header': 'false' }, false],
  [{ headers: ['X-Token'] }, 'PUT', 'http://a/', { 'x-token': 'any' }, true],
  [{ headerMatches: [{ name: 'X-Token', value: 'abc' }] }, 'GET', 'http://a/', {}, false],
  [{ headerMatches: [{ name: 'X-Token', value: 'abc', mismatch: 'REPLACE' }] }, 'GET', 'http://a/', {}, true],
]
test('HTTP rules', () => {
  for (const [match, method, url, headers, allowed] of requests) assert.equal(compileHttpMatch(match)(new Request(url, { method, headers })) !== undefined, allowed, JSON.stringify([match, method, url, headers]))
  assert.deepEqual(compileHttpMatch({ headerMatches: [{ name: 'A', value: '1', mismatch: 'ADD' }, { name: 'B', mismatch: 'DELETE', value: '2' }] })(new Request('http://a/', { headers: { b: '3' } })), [{ action: 'append', name: 'A', value: '1' }, { action: 'delete', name: 'B', value: '' }])
})

const names: [match: NameMatch, name: string, matches: boolean][] = [
  [{ matchName: 'cilium.io' }, 'cilium.io', true], [{ matchName: 'cilium.io.' }, 'CILIUM.io', true], [{ matchName: 'cilium.io' }, 'sub.cilium.io', false],
  [{ matchPattern: '*.cilium.io' }, 'sub.cilium.io', true], [{ matchPattern: '*.cilium.io' }, 'a.sub.cilium.io', false], [{ matchPattern: '*.cilium.io' }, 'cilium.io', false],
  [{ matchPattern: '*cilium.io' }, 'cilium.io', true], [{ matchPattern: '*cilium.io' }, 'xcilium.io', true], [{ matchPattern: 'sub*.cilium.io' }, 'sub1.cilium.io', true],
  [{ matchPattern: '**.cilium.io' }, 'a.b.cilium.io', true], [{ matchPattern: '**.cilium.io' }, 'cilium.io', false], [{ matchPattern: '*' }, 'any.thing', true], [{ matchPattern: 'a.b' }, 'axb', false],
]
test('DNS names and patterns', () => {
  for (const [match, name, matches] of names) assert.equal(compileNameMatch(match)(name), matches, JSON.stringify([match, name]))
})

const invalid: [spec: string, message: RegExp][] = [
  ['{ingress: [{}]}', /rule must have one of EndpointSelector or NodeSelector/],
  ['{endpointSelector: {}, nodeSelector: {}}', /cannot have both/],
  ['{nodeSelector: {}}', /rule cannot have NodeSelector/],
  ['{endpointSelector: {matchExpressions: [{key: a, operator: Is}]}}', /"Is" is not a valid operator/],
  ['{endpointSelector: {}, ingress: [{fromEndpoints: [{}], fromEntities: [world]}]}', /Combining FromEndpoints and FromEntities is not supported yet/],
  ['{endpointSelector: {}, egress: [{toServices: [{k8sService: {serviceName: a}}], toPorts: [{ports: [{port: "80"}]}]}]}', /Combining ToServices and ToPorts/],
  ['{endpointSelector: {}, ingress: [{fromEntities: [mars]}]}', /unsupported entity: mars/],
  ['{endpointSelector: {}, egress: [{toCIDR: [10.0.0.0.0/8]}]}', /unable to parse CIDR/],
  ['{endpointSelector: {}, egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [192.168.0.0/16]}]}]}', /allow CIDR prefix 10.0.0.0\/8 does not contain exclude CIDR prefix 192.168.0.0\/16/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: ""}]}]}]}', /Port must be specified/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "70000"}]}]}]}', /Unable to parse port/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "53"}], rules: {dns: [{matchPattern: "*"}]}}]}]}', /DNS rules are not allowed on ingress/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "80", protocol: UDP}], rules: {http: [{}]}}]}]}', /L7 rules can only apply to TCP \(not UDP\)/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "80", protocol: TCP}], rules: {http: [{path: "["}]}}]}]}', /error parsing regexp in path/],
  ['{endpointSelector: {}, egress: [{toPorts: [{rules: {dns: [{matchPattern: "*"}]}}]}]}', /Port 53 must be specified for DNS rules/],
  ['{endpointSelector: {}, egress: [{toFQDNs: [{matchName: "a b"}]}]}', /Invalid characters in MatchName/],
  ['{endpointSelector: {}, ingress: [{authentication: {mode: required}}]}', /mutual auth feature is disabled but an ingress auth rule is defined/],
  ['{endpointSelector: {}, egress: [{toGroups: [{}]}]}', /toGroups is not supported by the stand-in/],
  ['{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "80"}], rules: {kafka: [{}]}}]}]}', /rules.kafka is not supported by the stand-in/],
  ['{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 8}]}], toPorts: [{ports: [{port: "80"}]}]}]}', /ICMPs block may only be present without ToPorts/],
]
test('what is no policy is refused as a whole, with the reason', () => {
  for (const [text, message] of invalid) {
    const { policies, errors } = compilePolicy({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name: 'p', namespace: 'default' }, specs: [{ endpointSelector: {} }, parseYaml(text)] } as CiliumNetworkPolicy, { cluster: 'test' })
    assert.deepEqual(policies, [], text)
    assert.match(errors.join(), message, text)
  }
})
