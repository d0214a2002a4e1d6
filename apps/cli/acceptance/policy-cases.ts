import type { FileTree } from '@idp/kit'
import { runPolicyTest } from '../../../components/kyverno/engine/policy-test.ts'
import type { CommandContext } from '../context.ts'
import { tryCase, type TestCase } from './test-case.ts'

/** Every `kyverno-test.yaml` of the repository, by the engine that the cluster uses. */
export async function policyCases({ clock }: CommandContext, files: FileTree): Promise<TestCase[]> {
  const cases: TestCase[] = []
  for await (const path of testFiles(files, '')) {
    cases.push(await tryCase(clock, { suite: 'policy', name: path.replace(/\/kyverno-test\.yaml$/, '') }, async () => {
      const { rows } = await runPolicyTest(files, path)
      const wrong = rows.filter(({ passed }) => !passed).map(({ policy, rule, kind, resource, message }) => `${policy}/${rule} on ${kind}/${resource}: ${message}`)
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    }))
  }
  return cases
}

async function* testFiles(files: FileTree, folder: string): AsyncGenerator<string> {
  for (const entry of (await files.list(folder)) ?? []) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.directory) yield* testFiles(files, path)
    else if (entry.name === 'kyverno-test.yaml') yield path
  }
}
