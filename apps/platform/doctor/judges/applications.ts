import type { Judge, Leaf, Ref } from '../diagnosis.ts'
import { condition, objects, oneLine, told, words } from '../field.ts'
import { refusal, sourceFault, withoutCredentials } from '../refusal.ts'
import type { World } from '../world.ts'

const loops = { controller: { kind: 'StatefulSet', namespace: 'argocd', name: 'argocd-application-controller' }, sets: { kind: 'Deployment', namespace: 'argocd', name: 'argocd-applicationset-controller' }, repo: { kind: 'Deployment', namespace: 'argocd', name: 'argocd-repo-server' } } as const
const named = (r: Record<string, unknown>): Ref => ({ kind: words(r, 'kind'), name: words(r, 'name'), ...(words(r, 'namespace') === '' ? {} : { namespace: words(r, 'namespace') }) })
const label = (r: Record<string, unknown>): string => `${words(r, 'kind')} ${words(r, 'namespace') === '' ? '' : `${words(r, 'namespace')}/`}${words(r, 'name')}`

/** An Argo CD Application: what it cannot read, what was refused, what of it is not healthy, what differs. */
export const application: Judge = (app, world) => {
  if (app === undefined) return undefined
  const sync = words(app, 'status', 'sync', 'status')
  const health = words(app, 'status', 'health', 'status')
  if (sync === '' && health === '') return { says: 'was not looked at by Argo CD yet', because: [loops.controller], remedy: 'Wait a moment; then see the log: idp logs argocd/argocd-application-controller' }
  if (sync === 'Synced' && health === 'Healthy') return undefined
  const error = objects(app, 'status', 'conditions').find((entry) => words(entry, 'type').endsWith('Error'))
  if (error !== undefined) return brokenSource(words(error, 'type'), words(error, 'message'), app, world)
  return refused(app, world) ?? unwell(app, sync, health) ?? different(app, sync, health)
}

function brokenSource(type: string, message: string, app: unknown, world: World) {
  const first = objects(app, 'spec', 'sources')[0]
  const source = (field: string): string => words(app, 'spec', 'source', field) || words(first, field)
  const because = [...refusal(message, world), ...sourceFault(message, { repoURL: source('repoURL'), path: source('path') || '.', revision: source('targetRevision') || 'HEAD' })]
  return { says: `has a ${type}`, because: because.length > 0 ? because : [{ subject: 'Argo CD', says: oneLine(message), remedy: 'Correct what it names in the repository and push' }, loops.repo] }
}

function refused(app: unknown, world: World) {
  const phase = words(app, 'status', 'operationState', 'phase')
  const failed = objects(app, 'status', 'operationState', 'syncResult', 'resources').find((r) => words(r, 'status') === 'SyncFailed' || ['Failed', 'Error'].includes(words(r, 'hookPhase')))
  const message = words(failed, 'message') || (phase === 'Failed' || phase === 'Error' ? words(app, 'status', 'operationState', 'message') : '')
  if (message === '') return undefined
  const known = refusal(message, world)
  const what = failed === undefined ? 'its sync failed' : `its ${label(failed)} was not accepted`
  const hook = failed !== undefined && words(failed, 'hookType') !== '' ? [named(failed)] : []
  const leaf: Leaf = { subject: failed === undefined ? 'the sync' : label(failed), says: oneLine(message), remedy: 'Correct the object in Git and push; Argo CD tries again by itself' }
  return { says: `is ${words(app, 'status', 'sync', 'status') || 'Unknown'}: ${what}`, because: known.length > 0 ? known : [...hook, leaf] }
}

function unwell(app: unknown, sync: string, health: string) {
  const all = objects(app, 'status', 'resources').filter((r) => !['', 'Healthy', 'Suspended'].includes(words(r, 'health', 'status')))
  const missing = all.filter((r) => words(r, 'health', 'status') === 'Missing')
  const bad = all.filter((r) => words(r, 'health', 'status') !== 'Missing')
  if (all.length === 0) return undefined
  const [first] = bad.length > 0 ? bad : missing
  const state = words(first, 'health', 'status')
  const message = words(first, 'health', 'message')
  const leaf: Leaf = { subject: label(first ?? {}), says: `is ${state}${message === '' ? '' : `: ${oneLine(message)}`}`, remedy: state === 'Missing' ? `The object is in Git and not in the cluster: ${sync === 'OutOfSync' ? 'sync the Application' : 'wait for the sync'}, or see why the sync stopped` : `Look at it: kubectl describe ${words(first, 'kind').toLowerCase()} ${words(first, 'name')}${words(first, 'namespace') === '' ? '' : ` -n ${words(first, 'namespace')}`}` }
  return { says: `is ${health || 'Unknown'}`, because: [...bad.map(named), leaf] }
}

function different(app: unknown, sync: string, health: string) {
  const other = objects(app, 'status', 'resources').filter((r) => words(r, 'status') === 'OutOfSync')
  const running = words(app, 'status', 'operationState', 'phase') === 'Running'
  const automated = words(app, 'spec', 'syncPolicy', 'automated', 'enabled') !== 'false' && (app as { spec?: { syncPolicy?: { automated?: unknown } } }).spec?.syncPolicy?.automated !== undefined
  const says = `is ${sync || 'Unknown'}, ${health || 'Unknown'}${running ? ' and syncs' : ''}`
  const message = words(app, 'status', 'operationState', 'message')
  if (other.length === 0) return { says: `${says}${running && message !== '' ? `: ${oneLine(message)}` : ''}`, because: [loops.controller], remedy: running ? 'It is under way: wait for what it names' : 'Ask Argo CD to look again: kubectl annotate application -n argocd NAME argocd.argoproj.io/refresh=hard' }
  const more = other.length === 1 ? '' : ` and ${other.length - 1} more`
  return { says, because: [{ subject: `${label(other[0] ?? {})}${more}`, says: 'differs from Git', remedy: automated ? 'Something changes it after the sync (admission, another controller): take the field out of Git, or name it in ignoreDifferences' : 'Sync the Application, or set syncPolicy.automated' }] }
}

/** An ApplicationSet whose Applications cannot be made. */
export const applicationSet: Judge = (set) => {
  const error = condition(set, 'ErrorOccurred')
  if (error?.status !== 'True') return undefined
  const git = objects(set, 'spec', 'generators').map((g) => words(g, 'git', 'repoURL')).find((url) => url !== '') ?? ''
  const because = sourceFault(error.message, { repoURL: git, path: '.', revision: 'HEAD' })
  return { says: `cannot make its Applications: ${withoutCredentials(told(error))}`, because: [...because, loops.sets], remedy: 'Correct the generator or the template of the ApplicationSet in Git' }
}
