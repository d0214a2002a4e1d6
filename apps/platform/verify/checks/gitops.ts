import type { AnyObject } from '@idp/formats'
import type { Check, VerifyContext } from '../check.ts'
import { application, applyScratch, at, describe, eventually, get, list, patch, text, type Ref } from '../live.ts'

interface GitOpsRun { readonly first: string; readonly second: string; readonly detectedMs: number; readonly syncedMs: number; readonly changed: string; readonly diff: string }

const configMap = (name: string, value: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

/** Pushes a commit to a scratch branch that a scratch Application follows, then a second one; sees each reach the cluster. */
function gitOpsRun(context: VerifyContext): Promise<GitOpsRun> {
  return context.once('gitops', async () => {
    const name = context.scratch
    const branch = `idp-verify/${name}`
    const live: Ref = { apiVersion: 'v1', kind: 'ConfigMap', name, namespace: 'default' }
    context.cleanUp(() => context.removeScratch(branch))
    const first = await context.pushScratch(branch, { 'verify/config-map.yaml': configMap(name, 'one') })
    const repository = at(await get(context.client, application('platform')), 'spec', 'source', 'repoURL')
    await applyScratch(context, {
      apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name, namespace: 'argocd', finalizers: ['resources-finalizer.argocd.argoproj.io'] },
      spec: {
        project: 'platform', source: { repoURL: repository, targetRevision: branch, path: 'verify' }, destination: { server: 'https://kubernetes.default.svc', namespace: 'default' },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    } as unknown as AnyObject)
    await eventually(context, live, (object) => at(object, 'data', 'value') === 'one', 'to be applied from the first commit')
    await eventually(context, application(name), (app) => at(app, 'status', 'sync', 'revision') === first && at(app, 'status', 'sync', 'status') === 'Synced', 'to be Synced at the first commit')
    const started = context.clock.now()
    const second = await context.pushScratch(branch, { 'verify/config-map.yaml': configMap(name, 'two') })
    await eventually(context, application(name), (app) => at(app, 'status', 'sync', 'revision') === second, `to see commit ${second.slice(0, 7)}`)
    const detectedMs = context.clock.now() - started
    await eventually(context, live, (object) => at(object, 'data', 'value') === 'two', 'to be applied from the second commit')
    const syncedMs = context.clock.now() - started
    const synced = await eventually(context, application(name), (app) => at(app, 'status', 'operationState', 'syncResult', 'revision') === second && at(app, 'status', 'operationState', 'phase') === 'Succeeded', 'to finish the sync of the second commit')
    const resources = (at(synced, 'status', 'operationState', 'syncResult', 'resources') ?? []) as { kind: string; name: string; message?: string }[]
    const changed = resources.find((r) => r.kind === 'ConfigMap' && r.name === name)
    return { first, second, detectedMs, syncedMs, changed: changed?.message ?? 'applied', diff: resources.map((r) => `${r.kind} ${r.name}`).join(', ') }
  })
}

const commitDetected: Check = async (context) => {
  const run = await gitOpsRun(context)
  return `commit ${run.second.slice(0, 7)} was seen by Argo CD ${run.detectedMs} ms after the push`
}

const changeComputed: Check = async (context) => {
  const run = await gitOpsRun(context)
  return `between ${run.first.slice(0, 7)} and ${run.second.slice(0, 7)} Argo CD found ${run.diff} to differ`
}

const changeApplied: Check = async (context) => {
  const run = await gitOpsRun(context)
  return `the pushed value is live ${run.syncedMs} ms after the push (${run.changed})`
}

/** The Application that tracks an object, or the resource whose operator made it. */
async function trackingOf(context: VerifyContext, { metadata }: AnyObject): Promise<string> {
  const own = metadata.annotations?.['argocd.argoproj.io/tracking-id']
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true)
  if (own !== undefined || owner === undefined) return own ?? ''
  return trackingOf(context, await get(context.client, { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.name, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }) }))
}

/** Changes a label of a live object that Git defines and sees Argo CD put it back: the application manages the object. */
const driftHealed: Check = async (context, { application: app, apiVersion, kind, name, namespace }) => {
  const ref: Ref = { apiVersion: text(apiVersion), kind: text(kind), name: text(name), namespace: text(namespace) }
  return context.once(`drift ${describe(ref)}`, async () => {
    const tracking = await trackingOf(context, await get(context.client, ref))
    if (!tracking.startsWith(`${text(app)}:`)) throw new Error(`${describe(ref)} is tracked by '${tracking}', not by Application ${text(app)}`)
    const label = 'app.kubernetes.io/managed-by'
    const before = (await get(context.client, ref)).metadata.labels?.[label]
    const started = context.clock.now()
    await patch(context.client, ref, { metadata: { labels: { [label]: context.scratch } } })
    await eventually(context, ref, (object) => object?.metadata.labels?.[label] === before, `to be put back by Application ${text(app)}`)
    return `label ${label} of ${describe(ref)}, changed by hand, was put back by Application ${text(app)} after ${context.clock.now() - started} ms`
  })
}

/** Asks for a refresh and sees the application controller do it. */
const applicationManaged: Check = async (context, { application: name }) => {
  const before = text(at(await get(context.client, application(text(name))), 'status', 'reconciledAt'))
  await patch(context.client, application(text(name)), { metadata: { annotations: { 'argocd.argoproj.io/refresh': 'normal' } } })
  const after = await eventually(context, application(text(name)), (app) => app?.metadata.annotations?.['argocd.argoproj.io/refresh'] === undefined && at(app, 'status', 'health', 'status') === 'Healthy', 'to be refreshed and Healthy')
  return `Application ${text(name)} was refreshed by its controller (before ${before}, now ${text(at(after, 'status', 'reconciledAt'))}): ${text(at(after, 'status', 'sync', 'status'))}, ${text(at(after, 'status', 'health', 'status'))}`
}

/** `directory -> ApplicationSet`: exactly the directories of Git have Applications. */
const directoriesMonitored: Check = async (context, { applicationSet }) => {
  const stack = text(applicationSet)
  const directories = await context.repositoryDirectories(`K8s/${stack}`)
  const generated = (await list(context.client, 'argoproj.io/v1alpha1', 'Application', { namespace: 'argocd' })).filter((app) => app.metadata.ownerReferences?.some((o) => o.kind === 'ApplicationSet' && o.name === stack))
  const wanted = directories.map((directory) => `${stack}-${directory}`).sort()
  const have = generated.map((app) => app.metadata.name ?? '').sort()
  if (wanted.join() !== have.join()) throw new Error(`Git has ${wanted.join(', ')}; ApplicationSet ${stack} has made ${have.join(', ')}`)
  await generatorAlive(context, stack, have[0] ?? '')
  return `K8s/${stack}/ has ${directories.join(', ')}; ApplicationSet ${stack} keeps exactly ${have.join(', ')}`
}

/** `ApplicationSet -> Application`: what the set generates it also keeps: a change by hand is put back. */
const applicationGenerated: Check = async (context, { applicationSet, application: name }) => {
  const app = await get(context.client, application(text(name)))
  const owner = app.metadata.ownerReferences?.find((o) => o.kind === 'ApplicationSet')
  if (owner?.name !== applicationSet) throw new Error(`Application ${text(name)} belongs to ${owner?.name ?? 'nobody'}, not to ApplicationSet ${text(applicationSet)}`)
  return generatorAlive(context, text(applicationSet), text(name))
}

function generatorAlive(context: VerifyContext, applicationSet: string, name: string): Promise<string> {
  return context.once(`generated ${name}`, async () => {
    const wanted = at(await get(context.client, application(name)), 'spec', 'syncPolicy', 'retry', 'limit')
    const started = context.clock.now()
    await patch(context.client, application(name), { spec: { syncPolicy: { retry: { limit: Number(wanted) + 1 } } } })
    await eventually(context, application(name), (app) => at(app, 'spec', 'syncPolicy', 'retry', 'limit') === wanted, `to be put back by ApplicationSet ${applicationSet}`)
    return `the retry limit of Application ${name}, changed by hand, was put back by ApplicationSet ${applicationSet} after ${context.clock.now() - started} ms`
  })
}

export const gitopsChecks = {
  'commit-detected': commitDetected, 'change-computed': changeComputed, 'change-applied': changeApplied, 'drift-healed': driftHealed,
  'application-managed': applicationManaged, 'directories-monitored': directoriesMonitored, 'application-generated': applicationGenerated,
} satisfies Record<string, Check>
