import { parseYaml } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { absorb, appendResources, growing } from './absorb.ts'
import { buildTransforms, type Step } from './build-transforms.ts'
import { crdConfig } from './crd-config.ts'
import { generateData } from './data-generators.ts'
import { defaultConfig } from './default-config.ts'
import { failure, inContext } from './failure.ts'
import { inflateChart, type HelmOptions } from './helm-chart.ts'
import { KUSTOMIZATION_FILES, readKustomization, type Kustomization, type Variable } from './kustomization.ts'
import { childLoader, joinPath, loadFileIfAny, loadText, readLogged, type Loader } from './loader.ts'
import { schemaLookup, type OpenApi } from './openapi-schema.ts'
import { appendOrigin, type Origin } from './origin.ts'
import { parseResources } from './parse-resources.ts'
import { makePlugin, type Plugin } from './plugins.ts'
import type { RenderCache } from './render-cache.ts'
import { makeResource, type Resource } from './resource.ts'
import type { SchemaLookup } from './strategic-patch.ts'
import { emptyConfig, mergeConfig, parseConfig, type TransformerConfig } from './transformer-config.ts'
import { markVariableSources, mergeVariables } from './variables.ts'

/** What a kustomization amounts to before names are hashed and references fixed. */
export interface Accumulation {
  readonly resources: readonly Resource[]
  readonly config: TransformerConfig
  readonly variables: readonly Variable[]
}

export const nothing: Accumulation = { resources: [], config: emptyConfig, variables: [] }

/** What every kustomization of a build shares. */
export interface Build {
  readonly helm: HelmOptions
  readonly cache: RenderCache | undefined
  readonly openApi: OpenApi
  /** The options that results depend on, as a key. */
  readonly settings: string
  /** `buildMetadata` of the entry; bases follow it. */
  readonly metadata: readonly string[]
}

/** A kustomization with the place it was found at. */
export interface Target { readonly kustomization: Kustomization; readonly loader: Loader; readonly origin: Origin | undefined }

/** Finds and reads the kustomization file of a loader's root. Throws `KustomizationNotFound`, `InvalidKustomization`, `InvalidYaml`. */
export async function loadKustomization(loader: Loader, cache?: RenderCache): Promise<Kustomization> {
  const found: { name: string; content: Uint8Array }[] = []
  for (const name of KUSTOMIZATION_FILES) {
    const content = await readLogged(loader, joinPath(loader.root, name))
    if (content !== undefined) found.push({ name, content })
  }
  const [only, second] = found
  const where = loader.root === '' ? '.' : loader.root
  if (only === undefined) {
    if ((await loader.files.list(loader.root)) === undefined) throw failure('NotADirectory', `must build at directory: '${where}' is not a directory`, where)
    throw failure('KustomizationNotFound', `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${where}'`, where)
  }
  if (second !== undefined) throw failure('InvalidKustomization', `Found multiple kustomization files under: ${where}`, where)
  const file = joinPath(loader.root, only.name)
  const { content } = only
  const read = (): Kustomization => readKustomization(parseYaml(decoder.decode(content), { source: file, duplicateKeys: 'last' }), file, where)
  return cache === undefined ? read() : cache.parsed('kustomization', file, content, read)
}

const decoder = new TextDecoder()

/** Works a kustomization off on top of `start`: resources, configuration, generators, components, transformers, validators, variables. */
export async function accumulate(target: Target, start: Accumulation, build: Build): Promise<Accumulation> {
  const { kustomization, loader } = target
  let state = await accumulateResources(target, kustomization.resources, start, build)
  const lookup = schemaLookup(build.openApi)
  // Own rows come before the defaults: a default that one of them covers for some kinds then counts for those kinds only, as upstream has it.
  let own = emptyConfig
  for (const path of kustomization.configurations) own = mergeConfig(own, await readConfig(loader, path))
  let config = mergeConfig(state.config, mergeConfig(own, defaultConfig))
  for (const path of kustomization.crds) config = mergeConfig(config, await crdConfig(loader, path))
  state = { ...state, config }
  state = { ...state, resources: await generate(target, state.resources, build) }
  state = await accumulateComponents(target, state, build)
  let { resources } = state
  const transforms = (logging: Loader): Promise<Step[]> => buildTransforms({ ...target, loader: logging }, config, { lookup })
  const keep = build.cache !== undefined && target.origin === undefined && loader.repository === undefined && !build.openApi.custom
  const steps = keep && build.cache !== undefined ? await build.cache.made('transforms', loader, [kustomization, config], transforms) : await transforms(loader)
  for (const { transform, origin } of steps) resources = recorded(resources, transform(resources), origin, build)
  for (const plugin of await loadPlugins(target, kustomization.transformers, build, lookup)) resources = recorded(resources, runTransformer(plugin, resources), plugin.origin, build)
  for (const plugin of await loadPlugins(target, kustomization.validators, build, lookup)) validate(plugin, resources)
  resources = markVariableSources(kustomization.vars, kustomization.file)(resources)
  return { resources, config: state.config, variables: mergeVariables(state.variables, kustomization.vars, kustomization.file) }
}

async function readConfig(loader: Loader, path: string): Promise<TransformerConfig> {
  const source = joinPath(loader.root, path)
  return parseConfig(parseYaml(await loadText(loader, path), { source }), source)
}

/** With `transformerAnnotations`, notes on every resource which transformer passed over it. */
function recorded(before: readonly Resource[], after: readonly Resource[], origin: Origin | undefined, build: Build): readonly Resource[] {
  if (origin === undefined || build.metadata.length === 0) return after
  return after.map((resource) => (resource.origin === undefined ? { ...resource, origin } : { ...resource, transformations: [...(resource.transformations ?? []), origin] }))
}

export async function accumulateResources(target: Target, paths: readonly string[], start: Accumulation, build: Build): Promise<Accumulation> {
  let { config, variables } = start
  const resources = growing(start.resources)
  for (const path of paths) {
    try {
      const made = await accumulateOne(target, path, build)
      resources.add(made.resources, path)
      config = mergeConfig(config, made.config)
      variables = mergeVariables(variables, made.variables, path)
    } catch (error) {
      throw inContext(error, 'accumulating resources', target.kustomization.file)
    }
  }
  return { resources: resources.list, config, variables }
}

async function accumulateOne(target: Target, path: string, build: Build): Promise<Accumulation> {
  let fileError: CodedError | undefined
  const known = build.cache?.hasBase(joinOrSelf(target.loader.root, path)) ?? false
  try {
    const made = known ? undefined : await readResourceFile(target, path, build)
    if (made !== undefined) return { ...nothing, resources: made }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    if (!FALL_BACK.has(error.code)) throw inContext(error, `accumulating resources from '${path}'`)
    fileError = error
  }
  try {
    const child = await childLoader(target.loader, path)
    return await accumulateDirectory(target, { path, child, component: false }, nothing, build)
  } catch (error) {
    if (error instanceof CodedError && error.code === 'NotADirectory') {
      const missing = fileError ?? failure('FileNotFound', `open ${path}: no such file or directory`, path)
      throw inContext(missing, `accumulating resources from '${path}'`)
    }
    throw fileError === undefined ? error : inContext(error, `accumulation err='accumulating resources from '${path}': ${fileError.message}'`)
  }
}

function joinOrSelf(root: string, path: string): string {
  return path.includes(':') ? path : joinPath(root, path)
}

/** Failures to read a path as a file that leave it to be a directory or repository. */
const FALL_BACK = new Set(['FileNotFound', 'PathOutsideRoot', 'RemoteNotAllowed'])

/** The resources of a file; undefined when there is no such file. */
async function readResourceFile({ loader, origin }: Target, path: string, build: Build): Promise<readonly Resource[] | undefined> {
  const content = await loadFileIfAny(loader, path)
  if (content === undefined) return undefined
  const source = /^https?:/i.test(path) ? path : joinPath(loader.root, path)
  const read = (): Resource[] => parseResources(decoder.decode(content), source).map(makeResource)
  const resources = build.cache === undefined || loader.repository !== undefined ? read() : build.cache.parsed('resources', source, content, read)
  return origin === undefined ? resources : resources.map((resource) => ({ ...resource, origin: appendOrigin(origin, path) }))
}

interface Child { readonly path: string; readonly child: Loader; readonly component: boolean }

async function accumulateDirectory(target: Target, { path, child, component }: Child, start: Accumulation, build: Build): Promise<Accumulation> {
  const origin = target.origin === undefined ? undefined : appendOrigin(target.origin, path)
  const work = async (base: Loader): Promise<Accumulation> => {
    const kustomization = await loadKustomization(base, base.repository === undefined ? build.cache : undefined)
    // That this is no file is part of what the result depends on.
    base.reads.set(base.root, { path: base.root, content: undefined })
    if (component !== (kustomization.kind === 'Component')) {
      const message = component ? `expected kind 'Component' for path '${child.root}' but got '${kustomization.kind}'` : `expected kind != 'Component' for path '${child.root}'`
      throw failure('InvalidKustomization', message, kustomization.file)
    }
    await build.openApi.use(kustomization, base)
    return accumulate({ kustomization, loader: base, origin }, start, build)
  }
  // A base does not depend on where it is used; a component does, on all that was accumulated before.
  const keep = !component && build.cache !== undefined && origin === undefined && child.repository === undefined && !build.openApi.custom
  const result = keep && build.cache !== undefined ? await build.cache.base(child, build.settings, work) : await work(child)
  if (child.files === target.loader.files) for (const [key, read] of child.reads) target.loader.reads.set(key, read)
  return result
}

async function accumulateComponents(target: Target, start: Accumulation, build: Build): Promise<Accumulation> {
  let state = start
  for (const path of target.kustomization.components) {
    try {
      const child = await childLoader(target.loader, path)
      state = await accumulateDirectory(target, { path, child, component: true }, state, build)
    } catch (error) {
      throw inContext(error, 'accumulating components', target.kustomization.file)
    }
  }
  return state
}

async function generate(target: Target, start: readonly Resource[], build: Build): Promise<readonly Resource[]> {
  const { kustomization, loader } = target
  const where = kustomization.file
  let resources = start
  const add = (made: readonly Resource[], origin: Origin | undefined): void => {
    for (const resource of made) resources = absorb(resources, resource.origin === undefined && origin !== undefined ? { ...resource, origin } : resource, where)
  }
  // Everything is generated before anything is added, so that a failure comes from the first generator that fails.
  for (const entry of kustomization.configMapGenerator) add([await generateData('ConfigMap', entry, kustomization.generatorOptions, loader)], builtinOrigin(target, 'ConfigMapGenerator'))
  for (const entry of kustomization.secretGenerator) add([await generateData('Secret', entry, kustomization.generatorOptions, loader)], builtinOrigin(target, 'SecretGenerator'))
  for (const chart of kustomization.helmCharts) add(await inflateChart(chart, kustomization.helmGlobals, loader, build.helm), builtinOrigin(target, 'HelmChartInflationGenerator'))
  for (const plugin of await loadPlugins(target, kustomization.generators, build, schemaLookup(build.openApi))) {
    if (plugin.generate === undefined) throw failure('InvalidPlugin', `plugin ${plugin.name} not a generator`, where)
    add(await plugin.generate(), plugin.origin)
  }
  return resources
}

/** What `buildMetadata` says of something the kustomization file itself configures. */
export function builtinOrigin({ origin, kustomization, loader }: Target, kind: string): Origin | undefined {
  if (origin === undefined) return undefined
  const name = kustomization.file.slice(loader.root === '' ? 0 : loader.root.length + 1)
  const configuredIn = origin.path === undefined || origin.path === '' ? name : `${origin.path}/${name}`
  return { ...(origin.repo === undefined ? {} : { repo: origin.repo }), ...(origin.ref === undefined ? {} : { ref: origin.ref }), configuredIn, configuredBy: { apiVersion: 'builtin', kind } }
}

/** Reads plugin configurations: inline ones first, then files and directories, which are built like resources. */
async function loadPlugins(target: Target, entries: readonly string[], build: Build, lookup: SchemaLookup): Promise<Plugin[]> {
  if (entries.length === 0) return []
  const { kustomization, loader } = target
  let state: Accumulation = nothing
  const paths: string[] = []
  for (const entry of entries) {
    const inline = entry.includes('\n') || entry.includes(':') ? tryParse(entry, kustomization.file) : undefined
    if (inline === undefined) { paths.push(entry); continue }
    const origin = target.origin === undefined ? undefined : appendOrigin(target.origin, kustomization.file.slice(kustomization.file.lastIndexOf('/') + 1))
    state = { ...state, resources: appendResources(state.resources, inline.map((object) => (origin === undefined ? makeResource(object) : { ...makeResource(object), origin })), kustomization.file) }
  }
  state = await accumulateResources(target, paths, state, build)
  const plugins: Plugin[] = []
  for (const resource of state.resources) plugins.push(await makePlugin(resource, { loader, helm: build.helm, lookup, file: kustomization.file }))
  return plugins
}

function tryParse(entry: string, source: string): ReturnType<typeof parseResources> | undefined {
  try {
    return parseResources(entry, source)
  } catch (error) {
    if (error instanceof CodedError) return undefined // then it is a path
    throw error
  }
}

function runTransformer(plugin: Plugin, resources: readonly Resource[]): readonly Resource[] {
  if (plugin.transform === undefined) throw failure('InvalidPlugin', `plugin ${plugin.name} not a transformer`)
  return plugin.transform(resources)
}

function validate(plugin: Plugin, resources: readonly Resource[]): void {
  const after = runTransformer(plugin, resources)
  const changed = after.length !== resources.length || after.some((resource, i) => resource.object !== resources[i]?.object)
  if (changed) throw failure('ValidatorChangedResources', `validator shouldn't modify the resource map: ${plugin.name}`)
}
