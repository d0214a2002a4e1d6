import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { messageOf } from '@idp/kit'
import { runPolicyTest } from '../../components/kyverno/engine/policy-test.ts'
import { folderFiles } from './folder-files.ts'

export interface SuiteResult {
  readonly suite: string
  readonly passed: number
  readonly total: number
  readonly failures: { readonly name: string; readonly reason: string }[]
  /** Test files found, and those of which every check passed. */
  readonly files: number
  readonly filesPassed: number
  /** Rows that passed because the rule is not about the resource (upstream's CLI passes them too), whatever they expect but skip. */
  readonly excluded: number
  /** Failures by kind of reason. */
  readonly groups: Readonly<Record<string, number>>
}

/** Runs every `kyverno-test.yaml` below the folders of `--cases` (`--only TEXT`: whose path contains it) with the cluster's engine. One check is one (policy, rule, kind, resource). */
export async function run(args: readonly string[]): Promise<SuiteResult> {
  const { roots, only } = readArgs(args)
  const failures: { name: string; reason: string }[] = []
  const groups: Record<string, number> = {}
  const counts = { passed: 0, total: 0, files: 0, filesPassed: 0, excluded: 0 }
  for (const root of roots) {
    const files = folderFiles(root)
    for (const path of testFiles(root).filter((one) => one.includes(only))) {
      counts.files++
      const before = failures.length
      const fail = (name: string, reason: string): void => {
        failures.push({ name, reason })
        const group = groupOf(reason)
        groups[group] = (groups[group] ?? 0) + 1
      }
      try {
        for (const row of (await runPolicyTest(files, path)).rows) {
          counts.total++
          if (row.passed && row.actual === 'excluded' && row.expected !== 'skip') counts.excluded++
          if (row.passed) counts.passed++
          else fail(`${path}: ${row.policy}/${row.rule} ${row.kind} ${row.resource}`, row.message)
        }
      } catch (error) {
        counts.total++
        fail(path, `file: ${messageOf(error)}`)
      }
      if (failures.length === before) counts.filesPassed++
    }
  }
  const { passed, total, files, filesPassed, excluded } = counts
  return { suite: 'kyverno', passed, total, files, filesPassed, excluded, groups, failures }
}

/** Folders that begin with a dot hold tests too. */
function testFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => basename(path) === 'kyverno-test.yaml').sort()
}

/** The reason without what differs from case to case. */
function groupOf(reason: string): string {
  return reason.replace(/(want \w+, got \w+).*/s, '$1').replace(/ differs at .*/s, ' differs').replace(/'[^']*'/g, '…').slice(0, 80)
}

function readArgs(args: readonly string[]): { roots: string[]; only: string } {
  const roots: string[] = []
  let only = ''
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--cases') while (args[i + 1] !== undefined && !args[i + 1]?.startsWith('--')) roots.push(args[++i] ?? '')
    else if (args[i] === '--only') only = args[++i] ?? ''
  }
  return { roots, only }
}
