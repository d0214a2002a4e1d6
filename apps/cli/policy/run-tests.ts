import { globSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { CodedError, messageOf } from '@idp/kit'
import { directoryFiles } from '@idp/platform'
import { runPolicyTest, type TestOptions, type TestRow } from '../../../components/kyverno/engine/policy-test.ts'
import type { CommandContext } from '../context.ts'
import { colours } from './colours.ts'
import { openRegistries } from './registry-trust.ts'
import { formatRows, type OutputRow, type TestFormat } from './test-output.ts'
import { parseSelector } from './test-selector.ts'

export interface TestFlags {
  readonly fileName: string
  readonly testCaseSelector?: string
  /** `text` (the default) and `table` are the same; `json` is one document of every row. */
  readonly output?: string
  /** The Kyverno CLI's own flag: its shapes, one block for each test. */
  readonly outputFormat?: string
  readonly failOnly?: boolean
  readonly detailedResults?: boolean
  readonly removeColor?: boolean
  readonly requireTests?: boolean
  readonly registry?: boolean
}

interface RanTest { readonly path: string; readonly name: string; readonly rows: readonly TestRow[]; readonly error?: string }

/** Runs every Kyverno CLI test file below the directories with the engine the cluster uses. Exit code 1 when a row is not as expected. */
export async function runTests(context: CommandContext, directories: readonly string[], flags: TestFlags): Promise<void> {
  const options: TestOptions = { ...parseSelector(flags.testCaseSelector ?? ''), ...(flags.registry === true ? { registries: openRegistries(() => context.clock.now(), undefined) } : {}) }
  const found = directories.flatMap((directory) => testFiles(directory, flags.fileName))
  if (found.length === 0) {
    throw new CodedError({ code: 'NoPolicyTests', message: `there is no ${flags.fileName} below ${directories.length === 1 ? 'this directory' : 'these directories'}`, where: directories.map((one) => resolve(one)).join(', '), remedy: 'Name the directory of the policies and their tests' })
  }
  const results: RanTest[] = []
  for (const file of found) results.push(await runOne(file, options))
  const rows = results.flatMap((test) => test.rows.map((row) => ({ test: test.name, path: test.path, ...row })))
  const broken = results.flatMap(({ path, error }) => (error === undefined ? [] : [{ path, error }]))
  const failed = rows.filter((row) => !row.passed).length + broken.length
  if (flags.output === 'json') context.report.result(JSON.stringify({ rows, broken, passed: rows.length + broken.length - failed, failed }), {})
  else context.report.result(textOf(results, { ...flags, format: formatOf(flags), colour: context.tty && flags.removeColor !== true, failed, total: rows.length + broken.length }), { rows, broken })
  if (failed > 0) process.exitCode = 1
}

interface TestFile { readonly root: string; readonly path: string; readonly label: string }

/** A test may name policies beside and above its own folder, as upstream's library does: its files are those of the directory's parent. */
function testFiles(directory: string, fileName: string): TestFile[] {
  const given = resolve(directory)
  const single = statSync(given, { throwIfNoEntry: false })?.isFile() === true
  const root = single ? dirname(given) : given
  const found = single ? [basename(given)] : [...new Set(globSync([`**/${fileName}`, `**/.*/${fileName}`, `**/.*/**/${fileName}`], { cwd: root }))].sort()
  return found.map((path) => ({ root: dirname(root), path: `${basename(root)}/${path}`, label: path }))
}

async function runOne({ root, path, label }: TestFile, options: TestOptions): Promise<RanTest> {
  try {
    return { path: label, ...(await runPolicyTest(directoryFiles(root), path, options)) }
  } catch (error) {
    return { path: label, name: label, rows: [], error: messageOf(error) }
  }
}

const formats: readonly string[] = ['table', 'json', 'yaml', 'markdown', 'junit']

function formatOf({ output, outputFormat }: TestFlags): TestFormat {
  const wanted = outputFormat ?? output ?? 'table'
  if (wanted === 'text') return 'table'
  if (!formats.includes(wanted)) throw new CodedError({ code: 'InvalidFormat', message: `'${wanted}' is not a format`, where: '--output', remedy: `Use ${formats.join(', ')}` })
  return wanted as TestFormat
}

interface TextOptions extends TestFlags { readonly format: TestFormat; readonly colour: boolean; readonly failed: number; readonly total: number }

/** As upstream: a table for each test and a summary; other formats for all rows in one document, so that a tool can read them. */
function textOf(results: readonly RanTest[], { format, colour, failOnly = false, detailedResults = false, failed, total }: TextOptions): string {
  const options = { detailed: detailedResults, colours: colours(colour) }
  const kept = results.map((test) => ({ ...test, lines: numbered(test).filter(({ passed }) => !failOnly || !passed) })).filter(({ lines, error }) => !failOnly || lines.length > 0 || error !== undefined)
  if (format !== 'table') return formatRows(kept.flatMap(({ lines }) => lines).map((row, index) => ({ ...row, id: index + 1 })), format, options)
  const blocks = kept.flatMap(({ name, path, lines }) => [`Test ${name} (${path})`, ...(lines.length === 0 ? [] : [formatRows(lines, 'table', options)]), ''])
  return [...blocks, failOnly ? `Test Summary: ${failed} out of ${total} tests failed` : `Test Summary: ${total - failed} tests passed and ${failed} tests failed`].join('\n')
}

function numbered({ rows, error, path }: RanTest): OutputRow[] {
  const lines = rows.map((row) => ({ policy: row.policy, rule: row.rule, resource: `${row.kind}/${row.resource}`, passed: row.passed, reason: reasonOf(row), message: row.message }))
  const broken = error === undefined ? [] : [{ policy: '', rule: '', resource: path, passed: false, reason: 'Test error', message: error }]
  return [...lines, ...broken].map((line, index) => ({ id: index + 1, ...line }))
}

function reasonOf({ passed, actual, expected, message }: TestRow): string {
  if (actual === 'excluded') return 'Excluded'
  if (passed) return 'Ok'
  if (actual === 'missing') return 'Not found'
  return actual === expected || / differs at | is not in /.test(message) ? `Resource diff: ${message}` : `Want ${expected}, got ${actual}: ${message.replace(/^want \w+, got \w+: /, '')}`
}
