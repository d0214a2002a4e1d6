import assert from 'node:assert/strict'
import { test } from 'node:test'
import blueprint from '../../../blueprint/idp.config.ts'
import { checkConfig, configProblems } from './check-config.ts'

test('the blueprint is valid', () => assert.deepEqual(configProblems(blueprint), []))

test('every problem is named with its path, what is allowed, and a suggestion for a typo', () => {
  const bad = {
    ...blueprint, ports: { https: 70_000, http: 30_080 }, stacks: { ...blueprint.stacks, observabilty: true }, brunch: 'main',
    cluster: { ...blueprint.cluster, nodes: [{ ...blueprint.cluster.nodes[0], role: 'control-plan' }] },
  }
  const problems = configProblems(bad).map((p) => `${p.path} ${p.message}`)
  assert.equal(problems.length, 4)
  assert.match(problems.join('\n'), /ports\.https must be a port from 1 to 65535, not 70000/)
  assert.match(problems.join('\n'), /stacks\.observabilty is not a setting.*did you mean 'observability'/)
  assert.match(problems.join('\n'), /brunch is not a setting.*did you mean 'branch'/)
  assert.match(problems.join('\n'), /cluster\.nodes\[0\]\.role must be one of 'control-plane', 'worker'.*did you mean 'control-plane'/)
  assert.throws(() => checkConfig(bad, 'idp.config.ts'), { code: 'InvalidConfig', where: 'idp.config.ts' })
})

for (const value of [undefined, null, 7, [], 'text']) {
  test(`a configuration that is ${JSON.stringify(value)} is refused`, () => assert.throws(() => checkConfig(value, 'idp.config.ts'), { code: 'InvalidConfig' }))
}
