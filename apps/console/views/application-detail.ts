import type { AnyObject } from '@idp/formats'
import { healthOf, isSimulated, objects, oneLine, withoutCredentials, words, type Health, type Ref, type World } from '@idp/platform'

/** One row of the tree: an object, how deep it stands, what is known of it. */
export interface TreeRow { readonly ref: Ref; readonly depth: number; readonly sync: string; readonly health: Health; readonly says: string; readonly simulated: boolean }

export interface ApplicationDetail {
  readonly name: string
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly conditions: readonly { readonly type: string; readonly message: string; readonly at: string }[]
  readonly operation: { readonly phase: string; readonly message: string; readonly started: string; readonly finished: string; readonly revision: string; readonly by: string; readonly results: readonly { readonly what: string; readonly status: string; readonly message: string }[] } | undefined
  readonly history: readonly { readonly id: string; readonly revision: string; readonly at: string; readonly by: string }[]
  /** Resources that Git defines differently from what is live. */
  readonly differ: readonly { readonly what: string; readonly status: string; readonly message: string }[]
  readonly tree: readonly TreeRow[]
}

/** Everything about one Application; undefined when there is none of that name. */
export function applicationDetail(world: World, namespace: string, name: string): ApplicationDetail | undefined {
  const app = world.find({ kind: 'Application', namespace, name })
  if (app === undefined) return undefined
  const state = (app['status'] as { operationState?: AnyObject } | undefined)?.operationState
  const source = (...path: string[]): string => words(app, 'spec', 'source', ...path)
  return {
    name,
    facts: ([
      ['repository', withoutCredentials(source('repoURL'))], ['path', source('path')], ['chart', source('chart')], ['follows', source('targetRevision') || 'HEAD'], ['at commit', words(app, 'status', 'sync', 'revision')],
      ['project', words(app, 'spec', 'project')], ['into namespace', words(app, 'spec', 'destination', 'namespace')], ['made by', app.metadata.ownerReferences?.map((owner) => `${owner.kind} ${owner.name}`).join(', ') ?? ''],
      ['compared', words(app, 'status', 'reconciledAt')], ['sync', policyOf(app)],
    ] as const).filter(([, value]) => value !== ''),
    conditions: objects(app, 'status', 'conditions').map((one) => ({ type: words(one, 'type'), message: oneLine(words(one, 'message'), 600), at: words(one, 'lastTransitionTime') })),
    operation: state === undefined ? undefined : {
      phase: words(state, 'phase'), message: oneLine(words(state, 'message'), 800), started: words(state, 'startedAt'), finished: words(state, 'finishedAt'), revision: words(state, 'syncResult', 'revision'),
      by: words(state, 'operation', 'initiatedBy', 'username') || (words(state, 'operation', 'initiatedBy', 'automated') === 'true' ? 'automated' : ''),
      results: objects(state, 'syncResult', 'resources').map((one) => ({ what: whatOf(one), status: words(one, 'hookPhase') === 'Running' ? words(one, 'status') : words(one, 'hookPhase') || words(one, 'status'), message: oneLine(words(one, 'message'), 400) })),
    },
    history: objects(app, 'status', 'history').map((one) => ({ id: words(one, 'id'), revision: words(one, 'revision'), at: words(one, 'deployedAt'), by: words(one, 'initiatedBy', 'username') || (words(one, 'initiatedBy', 'automated') === 'true' ? 'automated' : '') })).toReversed(),
    differ: objects(app, 'status', 'resources').filter((one) => words(one, 'status') !== 'Synced' && words(one, 'status') !== '').map((one) => ({ what: whatOf(one), status: words(one, 'requiresPruning') === 'true' ? 'not in Git: would be pruned' : words(one, 'status'), message: words(one, 'health', 'message') })),
    tree: treeOf(app, world),
  }
}

const whatOf = (resource: unknown): string => `${words(resource, 'kind')} ${words(resource, 'namespace') === '' ? '' : `${words(resource, 'namespace')}/`}${words(resource, 'name')}`

function policyOf(app: AnyObject): string {
  const automated = (app as { spec?: { syncPolicy?: { automated?: { prune?: boolean; selfHeal?: boolean } } } }).spec?.syncPolicy?.automated
  return automated === undefined ? 'by hand' : ['automated', ...(automated.prune === true ? ['prunes'] : []), ...(automated.selfHeal === true ? ['heals'] : [])].join(', ')
}

/** Resources, and below each what controllers made of it. */
function treeOf(app: AnyObject, world: World): readonly TreeRow[] {
  const children = Map.groupBy(['ReplicaSet', 'Pod', 'Job', 'StatefulSet', 'Deployment', 'Secret', 'CertificateRequest', 'EndpointSlice', 'Certificate'].flatMap((kind) => world.list(kind)).filter((one) => one.metadata.ownerReferences?.some((owner) => owner.controller === true)),
    (one) => one.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid ?? '')
  const below = (object: AnyObject, depth: number): TreeRow[] => (children.get(object.metadata.uid ?? '') ?? []).filter((one) => !(one.kind === 'ReplicaSet' && words(one, 'spec', 'replicas') === '0')).flatMap((one) => [rowOf(one, depth, world), ...below(one, depth + 1)])
  return objects(app, 'status', 'resources').flatMap((resource) => {
    const ref = { kind: words(resource, 'kind'), name: words(resource, 'name'), ...(words(resource, 'namespace') === '' ? {} : { namespace: words(resource, 'namespace') }) }
    const live = world.find(ref)
    const health = words(resource, 'health', 'status')
    const row: TreeRow = {
      ref, depth: 0, sync: words(resource, 'status'), simulated: false, says: words(resource, 'health', 'message'),
      health: health === '' ? (live === undefined ? 'neutral' : healthOf(live, world)) : health === 'Healthy' ? 'healthy' : health === 'Progressing' || health === 'Suspended' ? 'progressing' : 'unhealthy',
    }
    return [row, ...(live === undefined ? [] : below(live, 1))]
  })
}

function rowOf(object: AnyObject, depth: number, world: World): TreeRow {
  const { kind, metadata: { name = '', namespace } } = object
  const says = kind === 'Pod' ? `${words(object, 'status', 'phase')} on ${words(object, 'spec', 'nodeName')}` : ''
  return { ref: { kind, name, ...(namespace === undefined ? {} : { namespace }) }, depth, sync: '', health: healthOf(object, world), says, simulated: isSimulated(object) }
}
