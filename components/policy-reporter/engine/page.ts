import type { ResultRow } from './results.ts'

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** What a browser sees: results by policy, worst first, with the resource and what to do. */
export function resultsPage(rows: readonly ResultRow[]): string {
  const order = ['fail', 'error', 'warn', 'skip', 'pass']
  const sorted = [...rows].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || (a.policy < b.policy ? -1 : 1))
  const count = (status: string) => rows.filter((row) => row.status === status).length
  const cells = (row: ResultRow) => [row.status, row.severity, row.policy, row.rule, row.namespace ?? '', `${row.kind} ${row.name}`, row.message].map((cell, i) => `<td${i === 0 ? ` class="${escape(row.status)}"` : ''}>${escape(cell)}</td>`).join('')
  return `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Policy Reporter</title>
<style>:root{color-scheme:light dark}body{font:14px/1.5 system-ui;margin:2rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884;vertical-align:top}.fail,.error{color:#d33;font-weight:600}.pass{color:#2a8}.warn{color:#c80}</style>
<h1>Policy Reporter</h1><p>${order.map((status) => `<b class="${status}">${count(status)}</b> ${status}`).join(' · ')}</p>
<table><tr>${['Result', 'Severity', 'Policy', 'Rule', 'Namespace', 'Resource', 'What to do'].map((head) => `<th>${head}</th>`).join('')}</tr>${sorted.map((row) => `<tr>${cells(row)}</tr>`).join('')}</table>`
}
