/** One result as Policy Reporter's REST API (v1) gives it. */
export interface ResultRow {
  readonly id: string
  readonly namespace?: string
  readonly kind: string
  readonly apiVersion: string
  readonly name: string
  readonly message: string
  readonly category: string
  readonly policy: string
  readonly rule: string
  readonly status: string
  readonly severity: string
  readonly timestamp: number
  readonly source: string
  readonly scored: boolean
  /** Of the resource. */
  readonly uid: string
  readonly properties?: Readonly<Record<string, string>>
}

/** The fields of a PolicyReport or ClusterPolicyReport that are read (wgpolicyk8s.io/v1alpha2). */
export interface ReportFields {
  readonly metadata: { readonly name?: string; readonly namespace?: string }
  readonly scope?: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly namespace?: string; readonly uid?: string }
  readonly results?: readonly { policy: string; rule?: string; message?: string; result?: string; category?: string; severity?: string; source?: string; scored?: boolean; properties?: Readonly<Record<string, string>>; timestamp?: { seconds?: number } }[]
}

/** Every result of the reports, with the resource it is about. */
export function resultRows(reports: readonly ReportFields[]): ResultRow[] {
  return reports.flatMap(({ metadata, scope, results = [] }) => results.map((result) => ({
    id: `${metadata.name ?? ''}-${result.policy}-${result.rule ?? ''}`, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }), kind: scope?.kind ?? '', apiVersion: scope?.apiVersion ?? '',
    name: scope?.name ?? '', message: result.message ?? '', category: result.category ?? '', policy: result.policy, rule: result.rule ?? '', status: result.result ?? '', severity: result.severity ?? '', timestamp: result.timestamp?.seconds ?? 0,
    source: result.source ?? '', scored: result.scored ?? true, uid: scope?.uid ?? '', ...(result.properties === undefined ? {} : { properties: result.properties }),
  })))
}

const filters: readonly (readonly [parameter: string, field: keyof ResultRow])[] = [
  ['namespaces', 'namespace'], ['kinds', 'kind'], ['policies', 'policy'], ['rules', 'rule'], ['status', 'status'], ['severities', 'severity'], ['categories', 'category'], ['sources', 'source'],
]

/** Rows that meet every filter of a query (`?status=fail&namespaces=shop&namespaces=web`), one page of them. */
export function selectRows(rows: readonly ResultRow[], query: URLSearchParams): { readonly items: readonly ResultRow[]; readonly count: number } {
  const kept = rows.filter((row) => filters.every(([parameter, field]) => {
    const wanted = query.getAll(parameter)
    return wanted.length === 0 || wanted.includes(String(row[field] ?? ''))
  })).sort((a, b) => (`${a.namespace ?? ''}/${a.policy}/${a.name}` < `${b.namespace ?? ''}/${b.policy}/${b.name}` ? -1 : 1))
  const size = Number(query.get('offset')) || kept.length
  const page = Math.max(1, Number(query.get('page')) || 1)
  return { items: kept.slice((page - 1) * size, page * size), count: kept.length }
}

/** Prometheus' text format under upstream's names. */
export function resultMetrics(rows: readonly ResultRow[]): string {
  const lines = new Map<string, number>()
  for (const { namespace, kind, name, policy, rule, status, severity, category, source } of rows) {
    const labels = Object.entries({ ...(namespace === undefined ? {} : { namespace }), kind, name, policy, rule, status, severity, category, source }).map(([label, value]) => `${label}=${JSON.stringify(value)}`).join(',')
    const key = `${namespace === undefined ? 'cluster_policy_report_result' : 'policy_report_result'}{${labels}}`
    lines.set(key, (lines.get(key) ?? 0) + 1)
  }
  return `# TYPE policy_report_result gauge\n# TYPE cluster_policy_report_result gauge\n${[...lines].map(([key, count]) => `${key} ${count}\n`).join('')}`
}
