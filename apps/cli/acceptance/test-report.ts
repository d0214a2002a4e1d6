import { suites, type Suite, type TestCase } from './test-case.ts'

const titles: Readonly<Record<Suite, string>> = { render: 'Applications render and are accepted', policy: 'tests of the policies', cluster: 'Applications become Synced and Healthy', verify: 'arrows of the architecture', tests: "the repository's own tests" }
const marks = { passed: '✓', failed: '✗', skipped: '·' } as const
export const countOf = (cases: readonly TestCase[], status: TestCase['status']): number => cases.filter((one) => one.status === status).length

/** One line a suite, and every case that failed or was skipped with its reasons. */
export function reportText(cases: readonly TestCase[], ms: number): string {
  const lines = suites.flatMap((suite) => {
    const own = cases.filter((one) => one.suite === suite)
    if (own.length === 0) return []
    const bad = own.filter(({ status }) => status !== 'passed').sort((a, b) => (a.status < b.status ? -1 : 1))
    return [`${marks[countOf(own, 'failed') > 0 ? 'failed' : 'passed']} ${suite}: ${countOf(own, 'passed')} of ${own.length} passed (${titles[suite]})`, ...bad.flatMap(({ name, status, message = '' }) => [`    ${marks[status]} ${name} ${status}`, ...message.split('\n').filter((line) => line !== '').map((line) => `        ${line}`)])]
  })
  const skipped = countOf(cases, 'skipped')
  return [...lines, '', `${countOf(cases, 'passed')} passed, ${countOf(cases, 'failed')} failed${skipped === 0 ? '' : `, ${skipped} skipped`} in ${(ms / 1000).toFixed(1)} s`].join('\n')
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
// Characters that XML cannot hold are dropped.
// oxlint-disable-next-line no-control-regex
const escape = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '').replaceAll(/[&<>"]/g, (found) => escapes[found] ?? found)

/** JUnit's XML as CI systems read it: a suite for each of ours. */
export function reportJunit(cases: readonly TestCase[]): string {
  const body = suites.flatMap((suite) => {
    const own = cases.filter((one) => one.suite === suite)
    if (own.length === 0) return []
    return [`  <testsuite name="${suite}" tests="${own.length}" failures="${countOf(own, 'failed')}" skipped="${countOf(own, 'skipped')}">`, ...own.map(caseXml), '  </testsuite>']
  })
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites tests="${cases.length}" failures="${countOf(cases, 'failed')}" skipped="${countOf(cases, 'skipped')}">`, ...body, '</testsuites>'].join('\n')
}

function caseXml({ suite, name, status, ms, message = '' }: TestCase): string {
  const head = `    <testcase classname="${suite}" name="${escape(name)}" time="${(ms / 1000).toFixed(3)}"`
  if (status === 'passed') return `${head}/>`
  const first = escape(message.split('\n')[0] ?? '')
  return status === 'skipped' ? `${head}><skipped message="${first}"/></testcase>` : `${head}><failure message="${first}">${escape(message)}</failure></testcase>`
}
