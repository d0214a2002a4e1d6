import { isWanted, severities } from './target-filter.ts'
import type { ResultRow } from './results.ts'

/** What a policy's annotations say about it. */
export interface PolicyAdvice { readonly title?: string; readonly description?: string }
export interface PageOptions {
  /** What to do about a policy, by its name. */
  readonly advice: ReadonlyMap<string, PolicyAdvice>
  /** The page's address: `policy`, `namespace`, `severity` (at least), `status`. */
  readonly query: URLSearchParams
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
const statuses = ['fail', 'error', 'warn', 'skip', 'pass']

/** What a browser sees: numbers by namespace, then each policy with its resources, worst first, and how to mend them. Works without scripts; filters are the page's address. */
export function resultsPage(rows: readonly ResultRow[], { advice, query }: PageOptions): string {
  const asked = (name: string): string => query.get(name) ?? ''
  const status = asked('status')
  const within = rows.filter((row) => (asked('policy') === '' || row.policy === asked('policy')) && (asked('namespace') === '' || (row.namespace ?? '-') === asked('namespace')) && isWanted(row, { minimumSeverity: asked('severity') }))
  const shown = within.filter((row) => (status === '' ? ['fail', 'error', 'warn'].includes(row.status) : status === 'all' || row.status === status))
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Policy Reporter</title><style>${style}</style>
<h1>Policy Reporter</h1>${form(rows, query)}
<p class="counts">${statuses.map((one) => `<a class="${one}" href="${address(query, 'status', one)}"><b>${within.filter((row) => row.status === one).length}</b> ${one}</a>`).join(' ')} <a href="${address(query, 'status', 'all')}">all</a></p>
${namespaceTable(within, query)}
${shown.length === 0 ? `<p>${rows.length === 0 ? 'There are no results yet: the first scan follows the start by some seconds.' : 'Nothing to mend here.'}</p>` : policies(shown, advice)}</html>`
}

const style = ':root{color-scheme:light dark}body{font:15px/1.5 system-ui;margin:2rem auto;max-width:75rem;padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884;vertical-align:top}'
  + '.fail,.error{color:#c33;font-weight:600}.pass{color:#2a8}.warn{color:#b70}.skip{color:#888}.counts a{margin-right:1rem;text-decoration:none}details{border:1px solid #8884;border-radius:.5rem;margin:.75rem 0;padding:.5rem 1rem}summary{cursor:pointer;font-weight:600}'
  + '.badge{font-size:.8rem;border-radius:1rem;padding:.1rem .6rem;background:#8883;margin-left:.5rem}.high,.critical{background:#c336}.medium{background:#b706}.advice{margin:.5rem 0 1rem;max-width:60rem}select,button{font:inherit;margin-right:.5rem}td.number{text-align:right}'

function address(query: URLSearchParams, name: string, value: string): string {
  const next = new URLSearchParams(query)
  next.set(name, value)
  return escape(`?${next.toString()}`)
}

function form(rows: readonly ResultRow[], query: URLSearchParams): string {
  const select = (name: string, label: string, values: readonly string[]): string => `<label>${label} <select name="${name}"><option value="">${name === 'status' ? 'not well' : 'any'}</option>${values.map((value) => `<option${query.get(name) === value ? ' selected' : ''}>${escape(value)}</option>`).join('')}</select></label>`
  const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort()
  return `<form>${select('policy', 'Policy', distinct(rows.map(({ policy }) => policy)))}${select('namespace', 'Namespace', distinct(rows.map(({ namespace }) => namespace ?? '-')))}${select('severity', 'Severity from', severities)}${select('status', 'Status', [...statuses, 'all'])}<button>Show</button></form>`
}

function namespaceTable(rows: readonly ResultRow[], query: URLSearchParams): string {
  const names = [...new Set(rows.map(({ namespace }) => namespace ?? '-'))].sort()
  const count = (name: string, status: string): number => rows.filter((row) => (row.namespace ?? '-') === name && row.status === status).length
  const lines = names.map((name) => `<tr><td><a href="${address(query, 'namespace', name)}">${name === '-' ? 'cluster-wide' : escape(name)}</a></td>${statuses.map((status) => `<td class="number${count(name, status) > 0 ? ` ${status}` : ''}">${count(name, status)}</td>`).join('')}</tr>`)
  return `<details><summary>By namespace</summary><table><tr><th>Namespace</th>${statuses.map((status) => `<th>${status}</th>`).join('')}</tr>${lines.join('')}</table></details>`
}

function policies(rows: readonly ResultRow[], advice: ReadonlyMap<string, PolicyAdvice>): string {
  const names = [...new Set(rows.map(({ policy }) => policy))]
  const rank = (name: string): number => Math.max(...rows.filter(({ policy }) => policy === name).map(({ severity, status }) => severities.indexOf(severity) + (status === 'fail' || status === 'error' ? 10 : 0)))
  return names.sort((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1)).map((name) => {
    const own = rows.filter(({ policy }) => policy === name)
    const { title, description } = advice.get(name) ?? {}
    const severity = own.find((row) => row.severity !== '')?.severity ?? ''
    const how = description === undefined ? '' : `<p class="advice">${escape(description)}</p>`
    const lines = own.map((row) => `<tr><td class="${escape(row.status)}">${escape(row.status)}</td><td>${escape(row.namespace ?? '')}</td><td>${escape(`${row.kind} ${row.name}`)}</td><td>${escape(row.rule)}</td><td>${escape(row.message)}</td></tr>`)
    return `<details open><summary>${escape(title ?? name)} <span class="badge">${own.length}</span>${severity === '' ? '' : `<span class="badge ${escape(severity)}">${escape(severity)}</span>`}</summary><p><code>${escape(name)}</code></p>${how}<table><tr><th>Result</th><th>Namespace</th><th>Resource</th><th>Rule</th><th>What is wrong</th></tr>${lines.join('')}</table></details>`
  }).join('\n')
}
