import { matchesLabelSelector, parseYaml, type Json, type JsonObject, type LabelSelector } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { ApplicationTemplate, Generator, GitGenerator } from '../../kinds/application-set.ts'
import { renderTexts, type TemplateRenderer } from '../app-template.ts'
import { globMatches } from '../project/glob.ts'
import { flattened, normalizedName, pathParams, type Params } from './params.ts'

/** A registered cluster (Secret with `argocd.argoproj.io/secret-type: cluster`). */
export interface ClusterFacts { readonly name: string; readonly server: string; readonly project: string; readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>> }

/** Where generators find things. */
export interface GeneratorWorld {
  readonly goTemplate: boolean
  readonly renderer: TemplateRenderer
  directories(repoURL: string, revision: string): Promise<readonly string[]>
  files(repoURL: string, revision: string, patterns: readonly string[]): Promise<readonly { readonly path: string; readonly content: string }[]>
  clusters(): Promise<readonly ClusterFacts[]>
}

/** Parameter sets, and the template that the generator puts over the set's own. */
export interface Generated { readonly params: readonly Params[]; readonly template: ApplicationTemplate | undefined }

const refused = ['scmProvider', 'pullRequest', 'plugin', 'clusterDecisionResource'] as const

/** Runs one generator. Throws CodedError `GeneratorUnsupported`, `GeneratorFailed`, and what Git says. */
export async function generate(generator: Generator, world: GeneratorWorld): Promise<Generated> {
  for (const name of refused) {
    if (generator[name] !== undefined) throw new CodedError({ code: 'GeneratorUnsupported', message: `the ${name} generator is not supported`, remedy: 'Use git, list, clusters, matrix or merge' })
  }
  const made = await one(generator, world)
  const selector = generator.selector as LabelSelector | undefined
  if (selector === undefined) return made
  return { ...made, params: made.params.filter((params) => matchesLabelSelector(selector, flattened(params))) }
}

async function one(generator: Generator, world: GeneratorWorld): Promise<Generated> {
  const { list, git, clusters, matrix, merge } = generator
  if (list !== undefined) return { params: listParams(list, world), template: list.template }
  if (git !== undefined) return { params: await gitParams(git, world), template: git.template }
  if (clusters !== undefined) return { params: await clusterParams(clusters, world), template: clusters.template }
  if (matrix !== undefined) return { params: await matrixParams(matrix.generators, world), template: matrix.template }
  if (merge !== undefined) return { params: await mergeParams(merge.generators, merge.mergeKeys, world), template: merge.template }
  throw failed('a generator names none of git, list, clusters, matrix, merge')
}

function listParams({ elements = [], elementsYaml }: NonNullable<Generator['list']>, { goTemplate }: GeneratorWorld): Params[] {
  const extra = elementsYaml === undefined || elementsYaml === '' ? [] : parseYaml(elementsYaml, { source: 'elementsYaml' })
  if (!Array.isArray(extra)) throw failed('elementsYaml of the list generator is not a list')
  return [...elements, ...extra as JsonObject[]].map((element) => {
    if (goTemplate) return element
    const out: Params = {}
    for (const [key, value] of Object.entries(element)) {
      if (key === 'values' && value !== null && typeof value === 'object' && !Array.isArray(value)) for (const [name, inner] of Object.entries(value)) out[`values.${name}`] = asText(inner, `values.${name}`)
      else out[key] = asText(value, key)
    }
    return out
  })
}

function asText(value: Json, key: string): string {
  if (typeof value === 'string') return value
  throw failed(`error parsing ${key} of a list element: ${JSON.stringify(value)} is not text`, 'Put it in quotes, or set goTemplate: true')
}

async function gitParams(git: GitGenerator, world: GeneratorWorld): Promise<Params[]> {
  const revision = git.revision ?? 'HEAD'
  const { directories = [], files = [] } = git
  if (directories.length === 0 && files.length === 0) throw failed('the git generator names neither directories nor files')
  const found = directories.length > 0
    ? selectDirectories(await world.directories(git.repoURL, revision), directories).map((path) => pathParams(path, { goTemplate: world.goTemplate, prefix: git.pathParamPrefix }))
    : await fileParams(git, revision, world)
  return found.map((params) => withValues(params, git.values, world))
}

/** Go's path.Match: `*` stays within one folder; an exclusion always wins. */
function selectDirectories(all: readonly string[], rules: NonNullable<GitGenerator['directories']>): string[] {
  const matches = (path: string, pattern: string): boolean => globMatches(pattern.replace(/\*+/g, '*'), path, '/')
  return all.filter((path) => rules.some((rule) => rule.exclude !== true && matches(path, rule.path)) && !rules.some((rule) => rule.exclude === true && matches(path, rule.path)))
}

async function fileParams(git: GitGenerator, revision: string, world: GeneratorWorld): Promise<Params[]> {
  const rules = git.files ?? []
  const excluded = rules.filter((rule) => rule.exclude === true).map((rule) => rule.path)
  const files = await world.files(git.repoURL, revision, rules.filter((rule) => rule.exclude !== true).map((rule) => rule.path))
  const kept = files.filter(({ path }) => !excluded.some((pattern) => globMatches(pattern, path, '/'))).sort((a, b) => (a.path < b.path ? -1 : 1))
  return kept.flatMap(({ path, content }) => readParameterFile(path, content).map((object) => {
    const slash = path.lastIndexOf('/')
    const place = pathParams(slash < 0 ? '.' : path.slice(0, slash), { goTemplate: world.goTemplate, prefix: git.pathParamPrefix, filename: path.slice(slash + 1) })
    return world.goTemplate ? { ...object, ...place } : { ...flattened(object), ...place }
  }))
}

function readParameterFile(path: string, content: string): JsonObject[] {
  let value: Json
  try {
    value = parseYaml(content, { source: path })
  } catch (error) {
    throw failed(`unable to process file '${path}': ${messageOf(error)}`, 'Correct the file, or leave it out with exclude: true')
  }
  const rows: Json[] = value === null ? [{}] : Array.isArray(value) ? value : [value]
  if (rows.every((row): row is JsonObject => row !== null && typeof row === 'object' && !Array.isArray(row))) return rows
  throw failed(`unable to process file '${path}': it holds neither a mapping nor a list of mappings`)
}

/** `values:` of a generator, filled in with what it found. */
function withValues(params: Params, values: Readonly<Record<string, string>> | undefined, { goTemplate, renderer }: GeneratorWorld): Params {
  if (values === undefined || Object.keys(values).length === 0) return params
  const rendered = Object.entries(values).map(([key, text]) => [key, renderer.text(text, params)] as const)
  if (goTemplate) return { ...params, values: Object.fromEntries(rendered) }
  return { ...params, ...Object.fromEntries(rendered.map(([key, text]) => [`values.${key}`, text])) }
}

async function clusterParams({ selector, values, flatList }: NonNullable<Generator['clusters']>, world: GeneratorWorld): Promise<Params[]> {
  const known = await world.clusters()
  const isSelecting = selector !== undefined && (Object.keys((selector['matchLabels'] ?? {}) as object).length > 0 || ((selector['matchExpressions'] ?? []) as unknown[]).length > 0)
  const chosen = known.filter((cluster) => !isSelecting || matchesLabelSelector(selector as LabelSelector, cluster.labels))
  const here: ClusterFacts = { name: 'in-cluster', server: 'https://kubernetes.default.svc', project: '', labels: {}, annotations: {} }
  const all = isSelecting || known.some((cluster) => cluster.server === here.server) ? chosen : [...chosen, here]
  const rows = all.map(({ name, server, project, labels, annotations }) => {
    const params: Params = { name, nameNormalized: normalizedName(name), server, project }
    if (world.goTemplate) params['metadata'] = { labels: { ...labels }, annotations: { ...annotations } }
    else {
      for (const [key, value] of Object.entries(labels)) params[`metadata.labels.${key}`] = value
      for (const [key, value] of Object.entries(annotations)) params[`metadata.annotations.${key}`] = value
    }
    return withValues(params, values, world)
  })
  return flatList === true ? [{ clusters: rows }] : rows
}

/** Every combination of two generators; the second sees the parameters of the first. */
async function matrixParams(generators: readonly Generator[], world: GeneratorWorld): Promise<Params[]> {
  const [first, second] = generators
  if (first === undefined || second === undefined || generators.length > 2) throw failed(`the matrix generator takes two generators, not ${generators.length}`)
  const out: Params[] = []
  for (const outer of (await generate(first, world)).params) {
    for (const inner of (await generate(renderTexts(second as JsonObject, outer, world.renderer) as Generator, world)).params) {
      out.push(world.goTemplate ? deepMerge(outer, inner) : joined(outer, inner))
    }
  }
  return out
}

function joined(outer: Params, inner: Params): Params {
  for (const [key, value] of Object.entries(inner)) {
    if (Object.hasOwn(outer, key) && outer[key] !== value) throw failed(`found duplicate key ${key} with different value, a: ${String(outer[key])}, b: ${String(value)}`)
  }
  return { ...outer, ...inner }
}

/** The first generator's sets, with what later ones say about the same keys. */
async function mergeParams(generators: readonly Generator[], keys: readonly string[], world: GeneratorWorld): Promise<Params[]> {
  if (generators.length < 2) throw failed('found less than two generators, Merge requires two or more')
  if (keys.length === 0) throw failed('no merge keys were specified, Merge requires at least one')
  const sets = await Promise.all(generators.map(async (generator) => byKeys((await generate(generator, world)).params, keys)))
  const [base = new Map<string, Params>(), ...over] = sets
  return [...base].map(([key, params]) => over.reduce((merged, other) => {
    const more = other.get(key)
    return more === undefined ? merged : world.goTemplate ? deepMerge(merged, more) : { ...merged, ...more }
  }, params))
}

function byKeys(sets: readonly Params[], keys: readonly string[]): Map<string, Params> {
  const out = new Map<string, Params>()
  for (const params of sets) {
    const key = JSON.stringify(Object.fromEntries([...new Set(keys)].sort().map((name) => [name, params[name] ?? null])))
    if (out.has(key)) throw failed(`the parameters from a generator were not unique by the given mergeKeys, Merge requires all param sets to be unique. Duplicate key was ${key}`)
    out.set(key, params)
  }
  return out
}

/** Mappings are merged, everything else of `over` wins unless it is empty. */
export function deepMerge<T extends JsonObject>(base: T, over: JsonObject): T {
  const out: JsonObject = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const old = out[key]
    const both = isMapping(old) && isMapping(value)
    if (both) out[key] = deepMerge(old, value)
    else if (!isEmpty(value) || old === undefined) out[key] = value
  }
  return out as T
}

function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function isEmpty(value: Json): boolean {
  return value === null || value === '' || value === false || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0)
}

function failed(message: string, remedy?: string): CodedError {
  return new CodedError({ code: 'GeneratorFailed', message, remedy })
}
