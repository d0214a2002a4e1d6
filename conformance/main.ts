/** `npm run conformance -- SUITE [arguments] [--json]`: runs one suite; the headline counts what was skipped as not passed. */
import { existsSync, readdirSync } from 'node:fs'

export interface SuiteResult { readonly suite: string; readonly passed: number; readonly total: number; readonly failures: readonly { readonly name: string; readonly reason: string }[]; readonly [figure: string]: unknown }

const [suite, ...rest] = process.argv.slice(2).filter((word) => word !== '--json')
const json = process.argv.includes('--json')
const here = new URL('.', import.meta.url)
const suites = readdirSync(here, { withFileTypes: true }).filter((entry) => entry.isDirectory() && existsSync(new URL(`./${entry.name}/run.ts`, here))).map((entry) => entry.name).sort()
if (suite === undefined || !suites.includes(suite)) {
  console.error(`${suite === undefined ? 'name a suite' : `there is no suite '${suite}'`}: ${suites.join(', ')}`)
  process.exit(2)
}
const { run } = (await import(new URL(`./${suite}/run.ts`, here).href)) as { run(args: readonly string[]): Promise<SuiteResult> }
const result = await run(rest)
if (!json) for (const { name, reason } of result.failures) console.log(`✖ ${name}: ${reason}`)
console.log(json ? JSON.stringify(result) : `${result.suite}: ${result.passed} / ${result.total} passed`)
process.exit(result.passed === result.total ? 0 : 1)
