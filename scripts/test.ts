/**
 * Runs every `*.test.ts` of the product with Node's own runner; arguments narrow it to paths that contain one of them, and
 * `--test-name-pattern=…` to tests whose name matches. IDP_TEST_TIMES names a file for the time that each took.
 */
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { pathToFileURL } from 'node:url'
import { notTaken, type TestQueue } from './run-test-files.ts'
import { testSummary } from './test-summary.ts'

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const patterns = process.argv.slice(2).flatMap((argument) => /^--test-name-pattern=(.*)$/s.exec(argument)?.[1] ?? [])
const files = globSync(['packages/**/*.test.ts', 'components/**/*.test.ts', 'apps/**/*.test.ts', 'conformance/**/*.test.ts', 'scripts/**/*.test.ts', 'blueprint/**/*.test.ts', 'docs/**/*.test.ts'], { exclude: ['**/node_modules/**'] })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
if (files.length === 0) {
  console.error(`no test file contains ${wanted.join(' or ')}`)
  process.exit(2)
}

// Whole platforms take longest, so they start first; two at a time are enough for a small machine, and leave waits that others fill.
const platforms = ['apps/cli/test/platform/platform.test.ts', 'docs/docs.test.ts', 'apps/cli/test/cluster-engine.test.ts'].filter((file) => files.includes(file))
const others = files.filter((file) => !platforms.includes(file))

const folder = mkdtempSync(join(tmpdir(), 'idp-tests-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const times = process.env['IDP_TEST_TIMES']
const queue: TestQueue = { folder, files: [...platforms, ...others], ...(times === undefined ? {} : { times: resolve(times) }) }
// Node gives each process of the runner one file: here one that takes others from the queue.
const workers = Array.from({ length: Math.min(availableParallelism() + 1, files.length) }, (_, index) => {
  const worker = join(folder, `worker-${index}.mjs`)
  writeFileSync(worker, `import { runTestFiles } from ${JSON.stringify(pathToFileURL(resolve('scripts/run-test-files.ts')).href)}
await runTestFiles(${JSON.stringify(index < 2 ? queue : { ...queue, files: others })}, ${index})
`)
  return worker
})

process.env['NODE_COMPILE_CACHE'] ??= resolve('node_modules/.cache/compile')
const tests = run({
  files: workers, concurrency: workers.length, timeout: 1_800_000, execArgv: ['--disable-warning=ExperimentalWarning'],
  ...(patterns.length === 0 ? {} : { testNamePatterns: patterns }),
})
const show = (reporter: NodeJS.ReadWriteStream | ReturnType<typeof testSummary>): void => void tests.compose<NodeJS.ReadWriteStream>(reporter).pipe(process.stdout)
if (process.stdout.isTTY) show(new spec())
show(testSummary(queue, workers))
tests.on('test:fail', () => (process.exitCode = 1)).on('end', () => (process.exitCode ??= notTaken(queue).length === 0 ? 0 : 1))
