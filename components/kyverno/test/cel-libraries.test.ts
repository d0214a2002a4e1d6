import assert from 'node:assert/strict'
import { test } from 'node:test'
import { celToJson, compileCel, type CelValue } from '@idp/lang-cel'
import type { AnyObject, Json } from '@idp/formats'
import { clockOf, contextVariables, kyvernoEnvironment } from '../engine/cel/environment.ts'
import { fileCelSource } from '../engine/cel/file-cel-source.ts'
import { withLookups } from '../engine/cel/lookups.ts'
import type { Run } from '../engine/cel/run-context.ts'

const objects = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop', labels: { team: 'core' } }, data: { key: 'value' } }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'shop' } },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'n', namespace: 'shop' } }, { apiVersion: 'x.io/v1', kind: 'Policy', metadata: { name: 'p' } },
] as unknown as AnyObject[]
const now = Date.UTC(2026, 2, 4, 5, 6, 7)
const source = fileCelSource({ objects, images: new Map([['nginx:1.29', { digest: 'sha256:1' }]]), globalContext: new Map<string, Json>([['known', { names: ['x'] }]]), answers: new Map<string, Json>([['https://a/b', { ok: true }], ['POST:https://a/c', { id: 7 }]]), now: () => now })

async function evaluate(expression: string, variables: Record<string, CelValue> = {}, namespace = ''): Promise<Json> {
  const program = compileCel(expression, kyvernoEnvironment)
  clockOf.now = () => now
  return withLookups((lookups) => {
    const run: Run = { lookups, source, namespace, generated: [] }
    return celToJson(program.evaluate({ ...contextVariables(run), ...variables }))
  })
}

const cases: readonly (readonly [expression: string, want: Json])[] = [
  ["resource.Get('v1', 'configmaps', 'shop', 'a').data.key", 'value'], ["resource.get('v1', 'configmaps', 'shop', 'none')", null],
  ["resource.List('v1', 'configmaps', 'shop').items.map(i, i.metadata.name)", ['a', 'b']], ["resource.list('v1', 'configmaps', 'shop', {'team': 'core'}).items.size()", 1],
  ["resource.ToGVR('networking.k8s.io/v1', 'NetworkPolicy').Resource", 'networkpolicies'], ["resource.List('x.io/v1', 'policies', '').items.size()", 1],
  ["http.Get('https://a/b').body.ok", true], ["http.Post('https://a/c', {'a': 1}).body.id", 7], ["globalContext.Get('known').names[0]", 'x'], ["globalContext.Get('known', 'names').size()", 1], ["globalContext.Get('none')", null],
  ["image('nginx').registry() + ' ' + image('nginx').repository() + ' ' + image('nginx').tag()", 'index.docker.io library/nginx latest'], ["parseImageReference('ghcr.io/a/b@sha256:b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c').containsDigest()", true],
  ["isImage('not an image')", false], ["image('a:1').identifier()", '1'], ["image.GetMetadata('nginx:1.29').digest", 'sha256:1'],
  ["json.unmarshal('{\"a\": [1]}').a[0]", 1], ["json.marshal({'a': 1})", '{"a":1}'], ["yaml.parse('a: [1, 2]').a.size()", 2],
  ["sha256('a') == hash.sha256('a') && md5('a').size() == 32 && sha1('a').size() == 40", true], ['math.round(2.345, 1)', 2.3], ['math.round(-2.5, 0)', -3],
  ["parseServiceAccount('system:serviceaccount:ns:me').Name", 'me'], ["parseServiceAccount('someone').Namespace", ''],
  ["listObjToMap([{'n': 'a'}, {'n': 'b'}], [{'v': 1}, {'v': 2}], 'n', 'v')", { a: 1, b: 2 }], ["gzip.decompress(gzip.compress('text'))", 'text'],
  ["random('[a-c]{3}').matches('^[a-c]{3}$') && random().size() == 8", true], ['string(time.now())', '2026-03-04T05:06:07Z'], ["string(time.truncate(time.now(), duration('1h')))", '2026-03-04T05:00:00Z'], ['time.toCron(time.now())', '6 5 4 3 3'],
  ["[1].orValue([2])", [1]], ["{'a': 1}.?b.orValue(2)", 2], ["regex.replace('docker.io/x', '^docker\\\\.io/(.*)', r'mirror/\\1')", 'mirror/x'], ["jsonpatch.escapeKey('a/b~c')", 'a~1b~0c'], ["quantity('1Gi').isGreaterThan(quantity('500Mi'))", true],
]
for (const [expression, want] of cases) test(expression, async () => assert.deepEqual(await evaluate(expression), want))

const failing: readonly (readonly [expression: string, message: RegExp, namespace?: string])[] = [
  ["http.Get('https://none/')", /nothing answers GET/], ["json.unmarshal('{')", /JSON/], ["x509.decode('no')", /./], ["image('NOT an image')", /could not parse reference/], ["globalContext.Get('known', 'other')", /projection "other" not found/],
  ["listObjToMap([], [{'v': 1}], 'n', 'v')", /equal length/], ["resource.Get('v1', 'configmaps', 'other', 'a')", /cross-namespace access denied/, 'shop'], ["generator.Apply('other', [{'kind': dyn('X')}])", /cross-namespace generation denied/, 'shop'],
]
for (const [expression, message, namespace] of failing) test(`refused: ${expression}`, () => assert.rejects(evaluate(expression, {}, namespace ?? ''), { code: 'CelEvaluation', message }))

test('more lookups than allowed are refused by name', () => assert.rejects(evaluate("object.items.map(i, resource.Get('v1', 'configmaps', 'shop', string(i)))", { object: { items: Array.from({ length: 300 }, (_, i) => i) } }), { code: 'TooManyLookups' }))
