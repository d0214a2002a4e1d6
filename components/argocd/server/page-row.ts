import { sourcesOf, type Application } from '../kinds/application.ts'

/** One line of the page. */
export interface PageRow {
  readonly name: string
  readonly project: string
  readonly sync: string
  readonly health: string
  readonly namespace: string
  /** Folder or chart inside the repository. */
  readonly source: string
  readonly repository: string
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
  const repository = first?.repoURL ?? ''
  const folder = first?.chart ?? first?.path ?? '.'
  return {
    name: metadata.name ?? '', project: spec.project, sync: status?.sync?.status ?? 'Unknown', health: status?.health?.status ?? 'Unknown', namespace: spec.destination.namespace ?? '',
    source: folder === '.' ? repository.slice(repository.lastIndexOf('/') + 1) : folder, repository, revision: /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 7) : revision,
    message: whatIsWrong(app), running: status?.operationState?.phase === 'Running' || app.operation !== undefined,
    syncedAt: Date.parse(status?.operationState?.finishedAt ?? '') || 0,
  }
}

const maxSentences = 4

/** The message a person needs: conditions, then a failed sync, then resources that are not well, then those that differ from Git. */
export function whatIsWrong({ status, metadata }: Application): string {
  if (metadata.deletionTimestamp !== undefined) return 'is being deleted'
  if (status?.sync?.status === undefined && status?.conditions === undefined && status?.operationState === undefined && status?.resources === undefined) return 'The application controller has not compared it with Git yet; where this lasts, read the logs of argocd-application-controller'
  const texts = (status.conditions ?? []).map((one) => withoutCallPath(one.message))
  const operation = status.operationState
  if (operation !== undefined && operation.phase !== 'Succeeded' && !texts.some((text) => text.includes(operation.message ?? ' '))) texts.push(operation.message ?? operation.phase)
  const notWell = (status.resources ?? []).filter(({ health }) => health?.status !== undefined && !['Healthy', 'Suspended'].includes(health.status))
  const room = Math.max(0, maxSentences - texts.length)
  for (const { kind, name, health } of notWell.slice(0, room)) texts.push(`${kind} ${name}: ${health?.status}${health?.message === undefined || health.message === '' ? '' : `, ${health.message}`}`)
  if (room > 0 && notWell.length > room) texts.push(`and ${notWell.length - room} more`)
  const different = (status.resources ?? []).filter((row) => row.status === 'OutOfSync').map(({ kind, name }) => `${kind} ${name}`)
  const failed = (status.conditions ?? []).some(({ type }) => type.endsWith('Error')) || texts.length > (status.conditions ?? []).length
  if (!failed && different.length > 0) texts.push(`Differs from Git: ${different.slice(0, maxSentences).join(', ')}${different.length > maxSentences ? ` and ${different.length - maxSentences} more` : ''}`)
  return texts.filter((text) => text !== '').join('\n')
}

/** The status keeps upstream's words for scripts; who reads the page needs what comes after "which call failed in which service". */
function withoutCallPath(message: string): string {
  return message.replace(/^Failed to load target state: failed to generate manifest for source \d+ of \d+: /, '').replace(/^rpc error: code = \w+ desc = /, '')
}
