import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deepEqual, type Json } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { jmesPath } from '@idp/lang-jmespath'

export interface SuiteResult { readonly suite: string; readonly passed: number; readonly total: number; readonly failures: { readonly name: string; readonly reason: string }[] }

interface Group { readonly given: Json; readonly cases: readonly { readonly expression: string; readonly result?: Json; readonly error?: string; readonly bench?: string }[] }

/** Runs the compliance cases of JMESPath (jmespath/jmespath.test: JSON files with `given` and `cases`) below the folders of `--cases`. A case that wants an error passes when the expression is refused. */
export async function run(args: readonly string[]): Promise<SuiteResult> {
  const failures: { name: string; reason: string }[] = []
  let total = 0
  for (const root of args.slice(args.indexOf('--cases') + 1).filter((word) => !word.startsWith('--'))) {
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json') && !name.endsWith('schema.json')).sort()) {
      for (const { given, cases } of JSON.parse(readFileSync(join(root, file), 'utf8')) as Group[]) {
        for (const one of cases) {
          if (one.bench !== undefined && one.result === undefined && one.error === undefined) continue // timing only
          total++
          const reason = check(given, one)
          if (reason !== undefined) failures.push({ name: `${file}: ${one.expression}`, reason })
        }
      }
    }
  }
  return { suite: 'jmespath', passed: total - failures.length, total, failures }
}

function check(given: Json, { expression, result, error }: Group['cases'][number]): string | undefined {
  let got: Json
  try {
    got = jmesPath(expression).evaluate(given)
  } catch (refused) {
    return error === undefined ? `refused: ${messageOf(refused)}` : undefined
  }
  if (error !== undefined) return `want error ${error}, got ${JSON.stringify(got)}`
  return deepEqual(got, result ?? null) ? undefined : `want ${JSON.stringify(result)}, got ${JSON.stringify(got)}`
}
