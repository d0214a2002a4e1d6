import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { helmBinary, kubectlBinary } from '@idp/testkit'
import { all, isOn, one, readFlags, type Flag } from './flags.ts'
import { helmFlags } from './helm-flags.ts'
import { kustomizeFlags } from './kustomize-flags.ts'

/** Flags that a tool's help lists. */
function listed(program: string, args: readonly string[]): { name: string; short: string | undefined; takesValue: boolean }[] {
  const help = execFileSync(program, args, { encoding: 'utf8' })
  return [...help.matchAll(/^ +(?:-(\w), )?--([a-z-]+)(=\S*| [A-Za-z]\w*(?:\[[^\]]*\])?)?(?::| {2}|$)/gm)].map(([, short, name = '', value = '']) => ({ name, short, takesValue: value !== '' && value !== '=false:' }))
}

function know(flags: readonly Flag[], want: readonly { name: string; short: string | undefined }[]): void {
  assert.ok(want.length > 10)
  for (const { name, short } of want) {
    const flag = flags.find((one) => one.name === name)
    assert.ok(flag !== undefined, `--${name} is unknown`)
    assert.equal(flag.short, short, `--${name}`)
  }
}

test('every flag of helm template is known, or refused by name', async (t) => {
  const helm = await helmBinary()
  if (helm === undefined) return t.skip('no helm here')
  know(helmFlags, listed(helm, ['template', '--help']))
})

test('every flag of kubectl kustomize is known, or refused by name', async (t) => {
  const kubectl = await kubectlBinary()
  if (kubectl === undefined) return t.skip('no kubectl here')
  know(kustomizeFlags, listed(kubectl, ['kustomize', '--help']))
})

test('a refused flag says why', () => {
  for (const flag of [...helmFlags, ...kustomizeFlags].filter(({ refused }) => refused !== undefined)) {
    const table = helmFlags.includes(flag) ? helmFlags : kustomizeFlags
    assert.throws(() => readFlags(table, [`--${flag.name}`, 'x']), { code: 'FlagRefused', message: new RegExp(`--${flag.name} is not supported: `) })
  }
})

test('flags are read as Go reads them', () => {
  const { words, given } = readFlags(helmFlags, ['name', '-n', 'a', '-nb', '-n=c', '--set', 'x=1,y=2', '--set=z=3', '-a', 'v1,v2', '-a=v3', '--include-crds', '--skip-tests=false', '--dry-run', 'chart', '--', '-x'])
  assert.deepEqual(words, ['name', 'chart', '-x'])
  assert.equal(one(given, 'namespace'), 'c')
  assert.deepEqual(all(given, 'set'), ['x=1,y=2', 'z=3'])
  assert.deepEqual(all(given, 'api-versions'), ['v1', 'v2', 'v3'])
  assert.deepEqual([isOn(given, 'include-crds'), isOn(given, 'skip-tests'), one(given, 'dry-run')], [true, false, 'client'])
  assert.throws(() => readFlags(helmFlags, ['--nope']), { code: 'UnknownFlag' })
  assert.throws(() => readFlags(helmFlags, ['--set']), { code: 'MissingValue' })
})
