import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@idp/formats'
import { isCoded } from '@idp/kit'
import {
  authorizerType, type AuthorizationQuestion, CelCompileError, CelOpaque, celToJson, type CelValue, compileCel, dynType, global, intType, kubernetesEnvironment, listType, makeAuthorizer, member, objectType, opaqueType, paramType, parseTimestamp,
  stringType, timestampType, doubleType, CelTimestamp, makeDouble,
} from './index.ts'

const object = { metadata: { name: 'web', labels: { app: 'web' } }, spec: { replicas: 3, ratio: 0.5, ports: [{ name: 'http', port: 80 }, { name: 'https', port: 443 }], empty: null } }
const environment = kubernetesEnvironment({ variables: { object: dynType, authorizer: authorizerType } })
const run = (text: string, variables: Record<string, CelValue> = { object }) => celToJson(compileCel(text, environment).evaluate(variables))

const results: readonly (readonly [string, Json])[] = [
  ['object.spec.replicas + 1', 4],
  ['object.spec.replicas / 2', 1],
  ['object.spec.ratio * 2.0', 1],
  ['object.spec.ports.all(p, p.port > 0) && !has(object.spec.none)', true],
  ['object.spec.none.x == 1 || true', true],
  ['has(object.spec.empty)', true],
  ['object.?spec.?none.?deep.orValue("d")', 'd'],
  ['object.spec.ports.filter(p, p.name == "https").map(p, p.port)', [443]],
  ['object.metadata.labels.map(k, k)', ['app']],
  ['object.spec.ports.map(p, p.port).sum()', 523],
  ['{"a": 1}.transformMap(k, v, v + 1)', { a: 2 }],
  ['[3, 1, 2].sort().indexOf(3)', 2],
  ["'%s has %d (%.1f)'.format(['x', 2, 1.55])", 'x has 2 (1.6)'],
  ["timestamp('2024-02-29T23:30:00Z').getDate('Europe/Berlin')", 1],
  ["string(timestamp('2024-01-01T00:00:00Z') + duration('36h'))", '2024-01-02T12:00:00Z'],
  ['9223372036854775807 - 1 == 9223372036854775806', true],
  ["quantity('1.5Gi').isGreaterThan(quantity('1500Mi'))", true],
  ["cidr('10.0.0.0/8').containsIP(ip('10.1.2.3'))", true],
  ["url('https://user:pw@example.com:8443/a%20b?x=1&x=2').getPort()", '8443'],
  ["semver('v1.2', true).isLessThan(semver('1.2.1'))", true],
  ["format.dns1123Label().validate('ok').hasValue()", false],
  ["'abc123'.find('[0-9]+')", '123'],
  ["'a.b'.matches('^a\\\\.b$')", true],
  ["sets.equivalent([1, 2], [2, 1, 1])", true],
]
for (const [text, want] of results) test(`gives ${JSON.stringify(want)}: ${text}`, () => deepEqual(run(text), want))

const failures: readonly (readonly [string, string])[] = [
  ['object.spec.none', 'no such key: none'],
  ['object.spec.ports[5]', 'index out of bounds: 5'],
  ['object.spec.replicas / 0', 'division by zero'],
  ['9223372036854775807 + 1', 'integer overflow'],
  ['object.spec.replicas + "a"', 'no such overload'],
  ["dyn(1).startsWith('x')", 'no such overload'],
]
for (const [text, message] of failures) test(`fails with ${message}: ${text}`, () => throws(() => run(text), (error) => isCoded(error, 'CelEvaluation') && error.message === message))

const refused: readonly (readonly [string, string])[] = [
  ['x + 1', "ERROR: <input>:1:1: undeclared reference to 'x' (in container '')\n | x + 1\n | ^"],
  ['1 + "a"', "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | 1 + \"a\"\n | ..^"],
  ["[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^"],
  ["'a'.matches('(')", "ERROR: <input>:1:13: invalid matches argument\n | 'a'.matches('(')\n | ............^"],
  ['has(object)', 'ERROR: <input>:1:5: invalid argument to has() macro\n | has(object)\n | ....^'],
  ['for + 1', 'ERROR: <input>:1:1: reserved identifier: for\n | for + 1\n | ^'],
]
for (const [text, message] of refused) test(`refuses ${text}`, () => throws(() => compileCel(text, environment), (error) => error instanceof CelCompileError && error.message === message))

test('text that is no expression is refused at its place', () => {
  for (const text of ['1 +', '(1', '[1,', '{1:}', '"open', 'a..b', '1 2', '$', '']) throws(() => compileCel(text, environment), CelCompileError, text)
})

test('nesting and length have limits', () => {
  for (const text of ['('.repeat(1000) + '1' + ')'.repeat(1000), '1' + '+1'.repeat(1000), 'object' + '.a'.repeat(1000), `'${'a'.repeat(200_000)}'`]) throws(() => compileCel(text, environment), CelCompileError)
})

test('the cost limit ends an evaluation, and not even || hides it', () => {
  const list = Array.from({ length: 1000 }, (_, i) => i)
  const program = compileCel('object.all(a, object.all(b, a + b >= 0)) || true', environment)
  throws(() => program.evaluate({ object: list }, { costLimit: 100_000 }), (error) => isCoded(error, 'CelCostExceeded') && error.message === 'operation cancelled: actual cost limit exceeded')
})

for (const text of ["lists.range(1000000).distinct().size() > 0", "'a'.replace('', object).replace('a', object).size() > 0", 'lists.range(100000).map(i, object).join(object) != ""', '[object + object].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() > 0']) {
  test(`stopped before it takes the server's time or memory: ${text.slice(0, 40)}`, () => {
    throws(() => compileCel(text, environment).evaluate({ object: 'a'.repeat(200_000) }, { costLimit: 1_000_000 }), (error) => isCoded(error, 'CelCostExceeded', 'CelEvaluation'))
  })
}

test('a pattern of a user cannot hang the server', () => equal(run(`'${'a'.repeat(40)}!'.matches('^(a+)+$')`), false))

test('authorizer asks what the expression says', () => {
  const asked: AuthorizationQuestion[] = []
  const authorizer = makeAuthorizer((question) => {
    asked.push(question)
    return { allowed: true, reason: 'because' }
  })
  equal(run("authorizer.group('apps').resource('deployments').namespace('x').name('y').check('delete').reason()", { authorizer }), 'because')
  deepEqual(asked, [{ group: 'apps', resource: 'deployments', subresource: '', namespace: 'x', name: 'y', verb: 'delete' }])
})

test('a library adds objects with methods and lazy fields', () => {
  const boxType = { ...opaqueType('test.Box'), field: (name: string) => name === 'size' ? { type: intType } : undefined }
  let computed = 0
  class Box extends CelOpaque {
    override readonly celType = boxType
    override getField(name: string) {
      computed++
      return name === 'size' ? 7 : undefined
    }
  }
  const extended = kubernetesEnvironment({
    libraries: [{
      name: 'box', types: [boxType],
      functions: [
        { name: 'box', overloads: [global([], boxType, () => new Box())] }, { name: 'grow', overloads: [member([boxType, intType], intType, (_, by) => 7 + Number(by))] },
        { name: 'ns.first', overloads: [global([listType(paramType('T'))], paramType('T'), (list) => (list as CelValue[])[0] ?? null)] },
      ],
    }],
  })
  const program = compileCel("box().size + box().grow(1) + ns.first([1])", extended)
  equal(program.type, intType)
  equal(program.evaluate({}), 16)
  equal(computed, 1)
  throws(() => compileCel('box().weight', extended), /undefined field 'weight'/)
})

test('declared object types rename and convert fields', () => {
  const self = objectType('Self', (name) => ({
    when: { type: timestampType, convert: (json: CelValue) => parseTimestamp(json as string) ?? null }, ratio: { type: doubleType, convert: (json: CelValue) => makeDouble(json as number) },
    __namespace__: { type: stringType, property: 'namespace' },
  } as const)[name])
  const extended = kubernetesEnvironment({ variables: { self } })
  const value = { when: '2024-01-01T00:00:00Z', ratio: 1, namespace: 'x' }
  equal(compileCel("self.when < timestamp('2025-01-01T00:00:00Z') && self.ratio / 2.0 == 0.5 && self.__namespace__ == 'x'", extended).evaluate({ self: value }), true)
  throws(() => compileCel('self.nope', extended), /undefined field 'nope'/)
  equal(compileCel('self.when', extended).evaluate({ self: value }) instanceof CelTimestamp, true)
})

test('reading what every JavaScript object has finds nothing', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    equal(run(`has(object.${name})`), false)
    equal(run(`'${name}' in object`), false)
  }
})

