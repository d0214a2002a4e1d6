import { sourcesOf, type Application } from '../kinds/application.ts'

/** One line of the page. */
export interface PageRow {
  readonly name: string
  readonly project: string
  readonly sync: string
  readonly health: string
  readonly namespace: string
  readonly source: string
  readonly revision: string
  /** What is wrong, in one or more sentences; '' when nothing is. */
  readonly message: string
  readonly running: boolean
  /** Milliseconds since the epoch of the last sync; 0 when there was none. */
  readonly syncedAt: number
}

export function pageRow(app: Application): PageRow {
  const { status, spec, metadata } = app
  const [first] = sourcesOf(spec)
  const revision = status?.sync?.revision ?? status?.sync?.revisions?.[0] ?? ''
  return {
    name: metadata.name ?? '', project: spec.project, sync: status?.sync?.status ?? 'Unknown', health: status?.health?.status ?? 'Unknown', namespace: spec.destination.namespace ?? '',
    source: first === undefined ? '' : first.chart ?? first.path ?? first.repoURL, revision: /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 7) : revision,
    message: whatIsWrong(app), running: status?.operationState?.phase === 'Running' || app.operation !== undefined,
    syncedAt: Date.parse(status?.operationState?.finishedAt ?? '') || 0,
  }
}

/** The message a person needs: conditions, then a failed sync, then resources that are not well. */
export function whatIsWrong({ status, metadata }: Application): string {
  if (metadata.deletionTimestamp !== undefined) return 'is being deleted'
  const texts = (status?.conditions ?? []).map((one) => one.message)
  const operation = status?.operationState
  if (operation !== undefined && operation.phase !== 'Succeeded' && !texts.some((text) => text.includes(operation.message ?? ' '))) texts.push(operation.message ?? operation.phase)
  for (const row of status?.resources ?? []) {
    if (row.health?.status !== undefined && !['Healthy', 'Suspended'].includes(row.health.status)) texts.push(`${row.kind} ${row.name}: ${row.health.status}${row.health.message === undefined ? '' : `, ${row.health.message}`}`)
    if (texts.length >= 4) break
  }
  return texts.filter((text) => text !== '').join('\n')
}
