import { formatYaml, type Json } from '@idp/formats'
import { boxTable } from './box-table.ts'
import type { Colours } from './colours.ts'

/** One row of a test's result as the Kyverno CLI prints it. */
export interface OutputRow {
  readonly id: number
  readonly policy: string
  readonly rule: string
  readonly resource: string
  readonly passed: boolean
  /** `Ok`, `Excluded`, `Not found`, `Want pass, got fail`, `Resource diff`. */
  readonly reason: string
  readonly message: string
}

export type TestFormat = 'table' | 'json' | 'yaml' | 'markdown' | 'junit'

/** Rows in one of the Kyverno CLI's formats; `detailed` adds what the rule says. */
export function formatRows(rows: readonly OutputRow[], format: TestFormat, { detailed, colours }: { readonly detailed: boolean; readonly colours: Colours }): string {
  if (format === 'json') return JSON.stringify(rows.map((row) => record(row, detailed)), undefined, 2)
  if (format === 'yaml') return formatYaml(rows.map((row) => record(row, detailed))).trimEnd()
  if (format === 'markdown') return markdown(rows, detailed)
  if (format === 'junit') return junit(rows, detailed)
  const heads = ['ID', 'POLICY', 'RULE', 'RESOURCE', 'RESULT', 'REASON', ...(detailed ? ['MESSAGE'] : [])]
  return boxTable([heads, ...rows.map((row) => cells(row, detailed))], (cell, row, column) => (row === 0 ? cell : column === 4 ? colours.result(cell) : column > 0 && column < 4 ? colours.name(cell) : cell))
}

const resultOf = ({ passed }: OutputRow): string => (passed ? 'Pass' : 'Fail')
const cells = (row: OutputRow, detailed: boolean): string[] => [String(row.id), row.policy, row.rule, row.resource, resultOf(row), row.reason, ...(detailed ? [row.message] : [])]

function record(row: OutputRow, detailed: boolean): Json {
  return { ID: row.id, POLICY: row.policy, RULE: row.rule, RESOURCE: row.resource, RESULT: resultOf(row), REASON: row.reason, ...(detailed ? { Message: row.message } : {}) }
}

function markdown(rows: readonly OutputRow[], detailed: boolean): string {
  const heads = ['ID', 'POLICY', 'RULE', 'RESOURCE', 'RESULT', 'REASON', ...(detailed ? ['MESSAGE'] : [])]
  const line = (values: readonly string[]): string => `| ${values.map((value) => value.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')).join(' | ')} |`
  return [line(heads), `|${'----|'.repeat(heads.length)}`, ...rows.map((row) => line(cells(row, detailed)))].join('\n')
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escape = (text: string): string => text.replaceAll(/[&<>"]/g, (found) => escapes[found] ?? found)

/** A suite for each policy, a case for each row; the words that other tools read are escaped. */
function junit(rows: readonly OutputRow[], detailed: boolean): string {
  const suites = [...new Set(rows.map(({ policy }) => policy))].map((policy) => {
    const own = rows.filter((row) => row.policy === policy)
    return [` <testsuite name="${escape(policy)}" tests="${own.length}" failures="${failures(own)}">`, ...own.map((row) => testCase(row, detailed)), ' </testsuite>'].join('\n')
  })
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites tests="${rows.length}" failures="${failures(rows)}">`, ...suites, '</testsuites>'].join('\n')
}

const failures = (rows: readonly OutputRow[]): number => rows.filter(({ passed }) => !passed).length

function testCase(row: OutputRow, detailed: boolean): string {
  const said = [`Policy: ${row.policy}`, `Rule: ${row.rule}`, `Resource: ${row.resource}`, ...(row.passed ? [`Reason: ${row.reason}`] : [`Result: ${resultOf(row)}`]), ...(detailed || !row.passed ? [`Message: ${row.message}`] : [])].map((line) => `    ${line}`).join('\n')
  const body = row.passed ? `   <system-out>\n${escape(said)}\n   </system-out>` : `   <failure message="${escape(row.reason)}">\n${escape(said)}\n   </failure>`
  return `  <testcase classname="${escape(row.rule)}" name="${escape(row.resource)}">\n${body}\n  </testcase>`
}
