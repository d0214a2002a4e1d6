import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Check, VerifyContext } from '../check.ts'
import { application, applyScratch, at, eventually, get, list, realPods, remove, text } from '../live.ts'

/** Asks for a Namespace that breaks a rule (as a dry run, so that nothing is left if it is let in) and sees it refused by the policy's name. */
function refusal(context: VerifyContext): Promise<string> {
  return context.once('policy refusal', async () => {
    await realPods(context, 'kyverno-system', 'kyverno-admission-controller')
    const kind = await context.client.kindOf('v1', 'Namespace')
    try {
      await context.client.create(kind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: context.scratch } }, { dryRun: true })
    } catch (error) {
      if (error instanceof ApiError && error.message.includes('enforce-namespace-labels')) return error.message.replaceAll(/\s+/g, ' ').trim()
      throw error
    }
    throw new Error('a Namespace without owner was let in')
  })
}

/** Creates a workload without labels (no replicas) and sees what is stored: the labels that the mutate policy adds. */
function mutation(context: VerifyContext): Promise<AnyObject> {
  return context.once('policy mutation', async () => {
    await realPods(context, 'kyverno-system', 'kyverno-admission-controller')
    const labels = { app: context.scratch }
    const object = {
      apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: context.scratch, namespace: 'default' },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.org/none:1' }] } } },
    } as unknown as AnyObject
    await applyScratch(context, object)
    return get(context.client, { apiVersion: 'apps/v1', kind: 'Deployment', name: context.scratch, namespace: 'default' })
  })
}

const requestValidated: Check = async (context) => `a Namespace without owner was refused: ${await refusal(context)}`

const requestMutated: Check = async (context) => {
  const { metadata } = await mutation(context)
  const added = ['owner', 'business-unit', 'environment'].filter((label) => metadata.labels?.[label] !== undefined)
  if (added.length === 0) throw new Error(`Deployment default/${metadata.name} was stored without the labels that policy add-default-labels adds`)
  return `Deployment default/${metadata.name}, applied without labels, is stored with ${added.map((label) => `${label}=${metadata.labels?.[label]}`).join(', ')}`
}

const validatedAndMutated: Check = async (context, args) => `${await requestValidated(context, args)}; ${await requestMutated(context, args)}`

/** A commit that breaks a rule: the sync that applies it meets the policy, and says so. */
const syncMeetsPolicy: Check = async (context) => {
  await realPods(context, 'kyverno-system', 'kyverno-admission-controller')
  const name = `${context.scratch}-refused`
  const branch = `idp-verify/${name}`
  context.cleanUp(() => context.removeScratch(branch))
  await context.pushScratch(branch, { 'verify/namespace.yaml': `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n` })
  const repoURL = at(await get(context.client, application('platform')), 'spec', 'source', 'repoURL')
  await applyScratch(context, {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name, namespace: 'argocd' },
    spec: { project: 'platform', source: { repoURL, targetRevision: branch, path: 'verify' }, destination: { server: 'https://kubernetes.default.svc', namespace: 'default' }, syncPolicy: { automated: {} } },
  } as unknown as AnyObject)
  const app = await eventually(context, application(name), (object) => JSON.stringify(at(object, 'status', 'operationState') ?? '').includes('enforce-namespace-labels'), 'to be refused by policy')
  const resources = (at(app, 'status', 'operationState', 'syncResult', 'resources') ?? []) as { message?: string }[]
  await remove(context, application(name))
  return `Application ${name} tells of the refusal: ${text(resources[0]?.message).replaceAll(/\s+/g, ' ').trim()}`
}

/** The policies' verdicts on what runs are reports, and Policy Reporter serves them. */
const reportsServed: Check = async (context) => {
  await realPods(context, 'kyverno-system', 'policy-reporter')
  const count = await servedResults(context)
  const reports = await list(context.client, 'wgpolicyk8s.io/v1alpha2', 'PolicyReport')
  const wanted = reports.flatMap((report) => (at(report, 'results') as { policy: string }[] | undefined) ?? []).length
  return `${reports.length} PolicyReports with ${wanted} results; Policy Reporter serves ${count}`
}

/** How many results Policy Reporter serves; a scan follows a start by some seconds. */
async function servedResults(context: VerifyContext): Promise<number> {
  const deadline = context.clock.now() + 15_000
  for (;;) {
    const response = await context.client.request('/api/v1/namespaces/kyverno-system/services/policy-reporter:http/proxy/v1/namespaced-resources/results')
    if (!response.ok) throw new Error(`Policy Reporter answers ${response.status}`)
    const { count = 0 } = (await response.json()) as { count?: number }
    if (count > 0) return count
    if (context.clock.now() > deadline) throw new Error('Policy Reporter serves no result')
    await new Promise<void>((resolve) => context.clock.timer(200, resolve))
  }
}

export const policyChecks = {
  'request-validated': requestValidated, 'request-mutated': requestMutated, 'validated-and-mutated': validatedAndMutated, 'sync-meets-policy': syncMeetsPolicy, 'reports-served': reportsServed,
} satisfies Record<string, Check>
