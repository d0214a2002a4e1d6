import { builtInResources, parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { CodedError, isCoded, messageOf, type Clock, type FileTree, type Random } from '@idp/kit'
import { loadTargets, TargetError } from '../../../components/argocd/controllers/load-targets.ts'
import { goRenderer, plainRenderer } from '../../../components/argocd/engine/app-template.ts'
import { applicationsOf, GenerationError } from '../../../components/argocd/engine/generators/applications.ts'
import { readSettings } from '../../../components/argocd/engine/settings.ts'
import type { ApplicationSet } from '../../../components/argocd/kinds/application-set.ts'
import { sourcesOf, type Application } from '../../../components/argocd/kinds/application.ts'
import { noteOrigin, originOf } from '../../../components/argocd/repo/origin.ts'
import { readManifests } from '../../../components/argocd/repo/render-directory.ts'
import type { RepoService } from '../../../components/argocd/repo/repo-service.ts'
import type { CommitFiles } from './commit-repository.ts'
import { objectsOf, type Problem, type Side, type SideApplication } from './side.ts'

export interface ExpandOptions {
  readonly repo: RepoService
  readonly clock: Clock
  readonly random: Random
  isOwn(url: string): boolean
  onProgress?(message: string): void
}

const maxApplications = 5_000
const isArgo = ({ apiVersion }: AnyObject): boolean => apiVersion.startsWith('argoproj.io/')

interface Work { readonly object: AnyObject; readonly madeBy: string; readonly preserved: boolean }

/**
 * All Applications of a commit with their objects, as Argo CD makes them: Applications and ApplicationSets that the repository holds as files,
 * what ApplicationSets generate, and what Applications themselves bring. One that cannot be rendered says why and harms no other.
 */
export async function expandSide({ commit, tree }: CommitFiles, options: ExpandOptions): Promise<Side> {
  const applications = new Map<string, SideApplication>()
  const problems: (Problem & { name: string })[] = []
  const seen = new Set<string>()
  const settings = { ...readSettings({ 'kustomize.buildOptions': '--enable-helm' }) }
  const roots = await declaredRoots(tree)
  const queue: Work[] = roots.map((object) => ({ object, madeBy: originOf(object)?.replace(/:\d+$/, '') ?? 'the repository', preserved: false }))
  // Sets before Applications: what a set makes is told to be the set's.
  const take = (): Work | undefined => queue.splice(Math.max(0, queue.findIndex(({ object }) => object.kind === 'ApplicationSet')), 1)[0]
  for (let work = take(); work !== undefined; work = take()) {
    const { object, madeBy, preserved } = work
    const key = `${object.kind}/${object.metadata.name ?? ''}`
    if (seen.has(key) || seen.size > maxApplications) continue
    seen.add(key)
    if (object.kind === 'ApplicationSet') {
      const set = object as unknown as ApplicationSet
      try {
        const made = await applicationsOf(withNamespace(set), generatorWorld(set, options))
        const kept = set.spec.syncPolicy?.preserveResourcesOnDeletion === true
        queue.push(...made.map((one) => ({ object: one as unknown as AnyObject, madeBy: `ApplicationSet ${set.metadata.name ?? ''}`, preserved: kept })))
      } catch (error) {
        if (!(error instanceof GenerationError)) throw error
        problems.push({ name: `ApplicationSet ${set.metadata.name ?? ''}`, code: error.reason, message: error.message, ...where(originOf(object)) })
      }
      continue
    }
    options.onProgress?.(object.metadata.name ?? '')
    const made = await renderApplication(object as unknown as Application, { madeBy, preserved }, settings, options)
    applications.set(made.name, made)
    queue.push(...made.objects.filter((one) => isArgo(one) && (one.kind === 'Application' || one.kind === 'ApplicationSet')).map((one) => ({ object: one, madeBy: `Application ${made.name}`, preserved: false })))
  }
  return placed({ commit, applications: new Map([...applications].sort(([a], [b]) => (a < b ? -1 : 1))), problems })
}

/** Objects of kinds that another Application defines as the cluster's own lose the namespace of their Application, as they do where the kind is served. */
function placed(side: Side): Side {
  const clusterKinds = new Set(objectsOf(side).flatMap(({ object }) => {
    const spec = object.kind === 'CustomResourceDefinition' ? object['spec'] as { group: string; scope: string; names: { kind: string } } : undefined
    return spec?.scope === 'Cluster' ? [`${spec.group}/${spec.names.kind}`] : []
  }))
  const place = (object: AnyObject): AnyObject => {
    if (object.metadata.namespace === undefined || !clusterKinds.has(`${parseApiVersion(object.apiVersion).group}/${object.kind}`)) return object
    const { namespace: _own, ...metadata } = object.metadata
    const moved = { ...object, metadata }
    const origin = originOf(object)
    return origin === undefined ? moved : noteOrigin(moved, origin)
  }
  return { ...side, applications: new Map([...side.applications].map(([name, one]) => [name, { ...one, objects: one.objects.map(place) }])) }
}

const where = (place: string | undefined) => (place === undefined ? {} : { where: place })
const withNamespace = (set: ApplicationSet): ApplicationSet => (set.metadata.namespace === undefined ? { ...set, metadata: { ...set.metadata, namespace: 'argocd' } } : set)

function generatorWorld(set: ApplicationSet, { repo, clock, random }: ExpandOptions): Parameters<typeof applicationsOf>[1] {
  const goTemplate = set.spec.goTemplate === true
  return {
    goTemplate, renderer: goTemplate ? goRenderer({ clock, random, options: set.spec.goTemplateOptions ?? [] }) : plainRenderer,
    directories: (url, revision) => repo.directories({ repository: { url }, revision }),
    files: (url, revision, patterns) => repo.files({ repository: { url }, revision, patterns }),
    // Registered clusters are live Secrets, which a repository should not hold: the cluster itself is the only one.
    clusters: async () => [],
  }
}

async function renderApplication(application: Application, made: { readonly madeBy: string; readonly preserved: boolean }, settings: ReturnType<typeof readSettings>, { repo, isOwn }: ExpandOptions): Promise<SideApplication> {
  const name = application.metadata.name ?? ''
  const base = { name, application, ...made }
  if (application.spec?.destination === undefined) return { ...base, objects: [], elsewhere: [], problem: { code: 'InvalidSpecError', message: 'the Application has no destination', ...where(originOf(application)) } }
  const sources = sourcesOf(application.spec)
  const elsewhere = sources.filter(({ repoURL, chart }) => (chart ?? '') === '' && !isOwn(repoURL)).map(({ repoURL }) => repoURL)
  if (elsewhere.length > 0) return { ...base, objects: [], elsewhere }
  try {
    const { targets } = await loadTargets({ application }, {
      repo, settings, accessOf: (url) => ({ url }), chartRepositories: [], kubeVersion: '1.33.0', apiVersions: [],
      scopeOf: async (apiVersion, kind) => {
        const found = builtInResources(apiVersion).find((one) => one.kind === kind)?.namespaced
        return found === undefined ? undefined : found ? 'Namespaced' : 'Cluster'
      },
    })
    return { ...base, objects: [...targets.objects, ...targets.hooks], elsewhere: [] }
  } catch (error) {
    return { ...base, objects: [], elsewhere: [], problem: problemOf(error) }
  }
}

/** What a person needs of an error, without Argo CD's words around it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof CodedError) return { code: error.code, message: error.message, ...where(error.where), ...(error.remedy === undefined ? {} : { remedy: error.remedy }) }
  if (error instanceof TargetError) return { code: 'RenderingFailed', message: error.message.replace(/^.*?rpc error: code = Unknown desc = /, '') }
  return { code: 'Unexpected', message: messageOf(error) }
}

const decoder = new TextDecoder()

/** The Applications and ApplicationSets that stand as files in the repository. A file that cannot be read is its Application's problem, not ours. */
async function declaredRoots(tree: FileTree): Promise<AnyObject[]> {
  const found: AnyObject[] = []
  for await (const path of yamlFiles(tree, '')) {
    const text = decoder.decode(await tree.read(path))
    if (!/^\s*apiVersion:\s*["']?argoproj\.io\//m.test(text) || !/^\s*kind:\s*["']?Application(Set)?["']?\s*$/m.test(text)) continue
    try {
      found.push(...readManifests(text, path).filter((one) => isArgo(one) && (one.kind === 'Application' || one.kind === 'ApplicationSet')))
    } catch (error) {
      if (!isCoded(error)) throw error
    }
  }
  return found
}

/** The YAML files of a tree where Applications may stand: not those of charts, templates and tests. */
export async function* yamlFiles(tree: FileTree, folder: string): AsyncGenerator<string> {
  for (const entry of (await tree.list(folder)) ?? []) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.directory && !entry.name.startsWith('.') && !['node_modules', 'templates', 'Catalog', 'tests'].includes(entry.name)) yield* yamlFiles(tree, path)
    else if (!entry.directory && /\.ya?ml$/.test(entry.name)) yield path
  }
}
