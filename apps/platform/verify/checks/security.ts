import type { AnyObject } from '@idp/formats'
import { CodedError, sleep } from '@idp/kit'
import type { Check, VerifyContext } from '../check.ts'
import { applyScratch, at, list, patch, realPods, text } from '../live.ts'

/** Long enough for the operator to begin, when the platform has only just come up. */
const patience = 30_000
const reports = 'aquasecurity.github.io/v1alpha1'
const old = { image: 'docker.io/library/nginx:1.20.0', vulnerability: 'CVE-2021-23017' }
const renewed = { image: 'docker.io/library/nginx:1.29.4' }

interface Seen { readonly report: AnyObject; readonly ms: number }
interface Scan { readonly name: string; readonly before: Seen; readonly unknown: AnyObject }

const tagOf = (report: AnyObject): string => text(at(report, 'report', 'artifact', 'tag'))
const idsOf = (report: AnyObject): string[] => ((at(report, 'report', 'vulnerabilities') ?? []) as { vulnerabilityID: string }[]).map(({ vulnerabilityID }) => vulnerabilityID)
const ownerOf = (report: AnyObject): string => `${report.metadata.labels?.['trivy-operator.resource.kind']}/${report.metadata.labels?.['trivy-operator.resource.name']}`

/** Waits for a report about a scratch workload; `wanted` tells which. */
async function reportOf(context: VerifyContext, name: string, container: string, wanted: (report: AnyObject) => boolean): Promise<Seen> {
  const started = context.clock.now()
  const find = async (): Promise<AnyObject | undefined> => (await list(context.client, reports, 'VulnerabilityReport', { namespace: 'default', labelSelector: `trivy-operator.container.name=${container}` })).find((report) => ownerOf(report).includes(name) && wanted(report))
  for (;;) {
    const report = await find()
    if (report !== undefined) return { report, ms: context.clock.now() - started }
    const left = started + patience - context.clock.now()
    if (left <= 0) throw new CodedError({ code: 'TimedOut', message: `no VulnerabilityReport about container ${container} of ${name} came within ${patience / 1000} s`, where: 'namespace default' })
    await sleep(context.clock, 200, context.signal)
  }
}

const deployment = (name: string, image: string): AnyObject => {
  const labels = { app: name, 'app.kubernetes.io/component': 'verify' }
  const securityContext = { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } }
  const resources = { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '10m', memory: '8Mi' } }
  return {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default' },
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: { metadata: { labels }, spec: { containers: [{ name: 'main', image, resources, securityContext }, { name: 'other', image: 'docker.io/library/hello-world:linux', resources, securityContext }] } } },
  } as unknown as AnyObject
}

/** The experiment of the diagram: a workload with an image that is known to be vulnerable, and one that nobody knows. */
function scan(context: VerifyContext): Promise<Scan> {
  return context.once('trivy scan', async () => {
    await realPods(context, 'security', 'trivy-operator-')
    const name = `${context.scratch}-scan`
    await applyScratch(context, deployment(name, old.image))
    const before = await reportOf(context, name, 'main', () => true)
    return { name, before, unknown: (await reportOf(context, name, 'other', () => true)).report }
  })
}

/** `API server -> operator`: the operator saw the workload come. */
const workloadWatched: Check = async (context) => {
  const { name, before: { report, ms } } = await scan(context)
  return `${ms} ms after Deployment default/${name} was applied the operator had reported on its ${ownerOf(report)}`
}

/** `operator -> workload`: every container's image is named in a report of its own. */
const imagesDiscovered: Check = async (context) => {
  const { before: { report }, unknown } = await scan(context)
  const owners = new Set([ownerOf(report), ownerOf(unknown)])
  const found = [report, unknown].map((one) => `${one.metadata.labels?.['trivy-operator.container.name']}: ${text(at(one, 'report', 'artifact', 'repository'))}:${tagOf(one)}`)
  if (owners.size !== 1 || found.join() !== 'main: library/nginx:1.20.0,other: library/hello-world:linux') throw new Error(`the reports are about ${[...owners].join(', ')}: ${found.join(', ')}`)
  return `of ${[...owners].join()} the images of both containers were found: ${found.join(', ')}`
}

/** `operator -> itself`: the known vulnerability is found with its fix; an unknown image is called unknown, not clean. */
const imagesScanned: Check = async (context) => {
  const { before: { report }, unknown } = await scan(context)
  const found = ((at(report, 'report', 'vulnerabilities') ?? []) as { vulnerabilityID: string; fixedVersion: string; severity: string }[]).find(({ vulnerabilityID }) => vulnerabilityID === old.vulnerability)
  if (found === undefined) throw new Error(`${old.vulnerability} was not found in ${old.image}; found: ${idsOf(report).join(', ')}`)
  const coverage = unknown.metadata.annotations?.['idp.dev/scan-coverage']
  if (coverage !== undefined && coverage !== 'unknown-image') throw new Error(`an image that nobody knows is reported as ${coverage}`)
  const how = report.metadata.annotations?.['idp.dev/scan-note']
  return `${text(at(report, 'report', 'scanner', 'name'))} found ${idsOf(report).length} vulnerabilities in ${old.image}, ${found.vulnerabilityID} (${found.severity}, fixed in ${found.fixedVersion}) among them${how === undefined ? '' : `; ${how}`}${coverage === undefined ? '' : '; the unknown image is called unknown'}`
}

/** `operator -> API server`: a changed image is reported on anew. */
const reportRenewed: Check = async (context) => {
  const { name, before: { report: first } } = await scan(context)
  const containers = (at(deployment(name, renewed.image), 'spec', 'template', 'spec', 'containers') ?? []) as never
  await patch(context.client, { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: 'default' }, { spec: { template: { spec: { containers } } } })
  const { report, ms } = await reportOf(context, name, 'main', (one) => tagOf(one) === '1.29.4')
  if (idsOf(report).includes(old.vulnerability)) throw new Error(`${old.vulnerability} is still reported for ${renewed.image}`)
  return `report ${first.metadata.name} was written with ${idsOf(first).length} findings; ${ms} ms after the image became ${renewed.image} report ${report.metadata.name} says ${idsOf(report).length}`
}

/** `API server -> report`: what the operator wrote is an object of the API like any other, owned by the workload. */
const reportStored: Check = async (context) => {
  const { before: { report } } = await scan(context)
  const [owner] = report.metadata.ownerReferences ?? []
  const sets = await list(context.client, 'apps/v1', 'ReplicaSet', { namespace: 'default' })
  if (owner === undefined || !sets.some(({ metadata }) => metadata.uid === owner.uid)) throw new Error(`report ${report.metadata.name} is not owned by a ReplicaSet that exists`)
  return `VulnerabilityReport default/${report.metadata.name} is stored with uid ${report.metadata.uid}, owned by ${owner.kind} ${owner.name}, so that it goes with it`
}

/** `operator -> API server` of the architecture: what runs on the platform has reports. */
const platformScanned: Check = async (context) => {
  await scan(context)
  const all = (await list(context.client, reports, 'VulnerabilityReport')).filter((report) => !ownerOf(report).includes('idp-verify'))
  const unknown = all.filter((report) => report.metadata.annotations?.['idp.dev/scan-coverage']?.startsWith('unknown') === true)
  if (all.length === 0) throw new Error('nothing of the platform has a VulnerabilityReport')
  const findings = all.reduce((sum, report) => sum + idsOf(report).length, 0)
  return `${all.length} containers in ${new Set(all.map(({ metadata }) => metadata.namespace)).size} namespaces have a VulnerabilityReport, with ${findings} findings${unknown.length === 0 ? '' : `; ${unknown.length} images or their versions are not known to the database`}`
}

export const securityChecks = {
  'workload-watched': workloadWatched, 'images-discovered': imagesDiscovered, 'images-scanned': imagesScanned, 'report-renewed': reportRenewed, 'report-stored': reportStored, 'platform-scanned': platformScanned,
} satisfies Record<string, Check>
