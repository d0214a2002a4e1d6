import { globSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CodedError, messageOf } from '@idp/kit'
import { directoryFiles } from '@idp/platform'
import { runPolicyTest } from '../../../components/kyverno/engine/policy-test.ts'
import type { CommandContext } from '../context.ts'
import { table } from './status.ts'

/** Runs every Kyverno CLI test file below a directory with the engine the cluster uses. Exit code 1 when a row is not as expected. */
export async function policyTest(context: CommandContext, directory: string): Promise<void> {
  const root = resolve(directory)
  const names = ['**/kyverno-test.yaml', '**/.*/kyverno-test.yaml', '**/.*/**/kyverno-test.yaml']
  const found = [...new Set(globSync(names, { cwd: root }))].sort()
  if (found.length === 0) throw new CodedError({ code: 'NoPolicyTests', message: 'there is no kyverno-test.yaml below this directory', where: root, remedy: 'Name the directory of the policies and their tests' })
  // A test may name policies beside and above its own folder, as upstream's library does.
  const files = directoryFiles(dirname(root))
  const base = root.slice(dirname(root).length + 1)
  const results = await Promise.all(found.map(async (path) => {
    try {
      return { path, ...(await runPolicyTest(files, `${base}/${path}`)) }
    } catch (error) {
      return { path, name: path, rows: [], error: messageOf(error) }
    }
  }))
  const rows = results.flatMap((test) => test.rows.map((row) => ({ test: test.name, path: test.path, ...row })))
  const broken = results.flatMap((test) => ('error' in test ? [{ path: test.path, error: test.error }] : []))
  const failed = rows.filter((row) => !row.passed)
  context.report.result([
    ...table([['RESULT', 'POLICY', 'RULE', 'RESOURCE', 'EXPECTED', 'ACTUAL'], ...rows.map((row) => [row.passed ? 'pass' : 'FAIL', row.policy, row.rule ?? '', row.resource, row.expected, row.actual])]),
    ...broken.map(({ path, error }) => `FAIL ${path}: ${error}`), '', `${rows.length} rows in ${found.length} tests: ${rows.length - failed.length} passed, ${failed.length + broken.length} failed`,
  ].join('\n'), { rows, broken, passed: rows.length - failed.length, failed: failed.length + broken.length })
  if (failed.length + broken.length > 0) process.exitCode = 1
}
