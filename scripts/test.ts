/** Runs every `*.test.ts` of the product with Node's own runner; arguments narrow it to paths that contain one of them. */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

const wanted = process.argv.slice(2)
const files = globSync(['packages/**/*.test.ts', 'components/**/*.test.ts', 'apps/**/*.test.ts', 'conformance/**/*.test.ts', 'scripts/**/*.test.ts', 'blueprint/**/*.test.ts', 'docs/**/*.test.ts'], { exclude: ['**/node_modules/**'] })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`no test file contains ${wanted.join(' or ')}`)
  process.exit(2)
}
const verbose = process.stdout.isTTY ? ['--test-reporter=spec', '--test-reporter-destination=stdout'] : []
const { status } = spawnSync(process.execPath, [
  '--disable-warning=ExperimentalWarning', '--test', `--test-concurrency=${availableParallelism()}`, '--test-timeout=300000',
  ...verbose, '--test-reporter=./scripts/test-summary.ts', '--test-reporter-destination=stdout', ...files,
], { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? resolve('node_modules/.cache/compile') } })
process.exit(status ?? 1)
