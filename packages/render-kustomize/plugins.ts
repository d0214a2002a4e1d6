import { parseYaml, type Json, type JsonObject } from '@idp/formats'
import { generateData } from './data-generators.ts'
import { failure } from './failure.ts'
import { addAffix, addMembers, setImage, setReplicas } from './field-transformers.ts'
import type { FieldSpec } from './field-spec.ts'
import { hashNames } from './hash-names.ts'
import { inflateChart, type HelmOptions } from './helm-chart.ts'
import type { GeneratorArgs, HelmChart, HelmGlobals, ImageEntry, PatchEntry, Replacement } from './kustomization.ts'
import { joinPath, loadText, type Loader } from './loader.ts'
import { loadReplacements } from './load-replacements.ts'
import { setNamespace } from './namespace-transformer.ts'
import type { Origin } from './origin.ts'
import { jsonTransform, parseOperations, patchTransform, strategicTransform } from './patch-transformer.ts'
import { parseResources } from './parse-resources.ts'
import { applyReplacements } from './replacement-transformer.ts'
import { isObject, makeResource, type Resource } from './resource.ts'
import { formatId, idOf } from './resource-id.ts'
import type { SchemaLookup } from './strategic-patch.ts'
import type { Transform } from './transform.ts'
import { specs } from './transformer-config.ts'
import { addValue } from './value-add.ts'

/** A generator, transformer or validator that an object with `apiVersion: builtin` configures. */
export interface Plugin {
  readonly name: string
  readonly origin: Origin | undefined
  readonly transform?: Transform
  readonly generate?: () => Promise<readonly Resource[]>
}

export interface PluginContext { readonly loader: Loader; readonly helm: HelmOptions; readonly lookup: SchemaLookup; readonly file: string }

/** Makes the plugin that a resource configures. Throws `PluginNotSupported` for external ones: they are programs. */
export async function makePlugin(resource: Resource, context: PluginContext): Promise<Plugin> {
  const id = idOf(resource.object)
  const name = formatId(id)
  if (id.group !== '' || id.version !== 'builtin') {
    throw failure('PluginNotSupported', `external plugins disabled; unable to load external plugin '${id.kind}'`, context.file)
  }
  const args = resource.object
  const base = { name, origin: pluginOrigin(resource) }
  const generator = GENERATORS[id.kind]
  if (generator !== undefined) return { ...base, generate: () => generator(args, context) }
  const make = TRANSFORMERS[id.kind]
  if (make === undefined) throw failure('PluginNotSupported', `unable to load builtin ${id.kind}.${id.version}.[noGrp]`, context.file)
  return { ...base, transform: await make(args, context) }
}

function pluginOrigin({ origin, object }: Resource): Origin | undefined {
  if (origin === undefined) return undefined
  const id = idOf(object)
  return {
    ...(origin.repo === undefined ? {} : { repo: origin.repo }), ...(origin.ref === undefined ? {} : { ref: origin.ref }), configuredIn: origin.path ?? '',
    configuredBy: { apiVersion: String(object['apiVersion']), kind: id.kind, name: id.name, namespace: id.namespace },
  }
}

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '')
const metadataOf = (args: JsonObject): JsonObject => (isObject(args['metadata']) ? args['metadata'] : {})
const fieldSpecs = (args: JsonObject, { file }: PluginContext): FieldSpec[] => specs(args['fieldSpecs'], file, false)
const texts = (value: Json | undefined): Record<string, string> => (isObject(value) ? (value as Record<string, string>) : {}) // checked where it is written

function generatorArgs(args: JsonObject): GeneratorArgs {
  const metadata = metadataOf(args)
  return { ...args, name: text(args['name']) || text(metadata['name']), namespace: text(args['namespace']) || text(metadata['namespace']) } as GeneratorArgs
}

const GENERATORS: Readonly<Record<string, (args: JsonObject, context: PluginContext) => Promise<readonly Resource[]>>> = {
  ConfigMapGenerator: async (args, { loader }) => [await generateData('ConfigMap', generatorArgs(args), undefined, loader)],
  SecretGenerator: async (args, { loader }) => [await generateData('Secret', generatorArgs(args), undefined, loader)],
  HelmChartInflationGenerator: (args, { loader, helm }) => inflateChart(args as HelmChart, args as HelmGlobals, loader, helm),
  IAMPolicyGenerator: async (args, { file }) => [makeResource(serviceAccountFor(args, file))],
}

/** A service account bound to a Google one, which is all that this generator makes. */
function serviceAccountFor(args: JsonObject, file: string): JsonObject {
  if (args['cloud'] !== 'gke') throw failure('InvalidPlugin', `cloud provider ${text(args['cloud'])} not supported yet`, file)
  const service = isObject(args['kubernetesService']) ? args['kubernetesService'] : {}
  const account = isObject(args['serviceAccount']) ? args['serviceAccount'] : {}
  const annotations = { 'iam.gke.io/gcp-service-account': `${text(account['name'])}@${text(account['projectId'])}.iam.gserviceaccount.com` }
  const namespace = text(service['namespace'])
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { annotations, name: text(service['name']), ...(namespace === '' ? {} : { namespace }) } }
}

type Make = (args: JsonObject, context: PluginContext) => Transform | Promise<Transform>

const TRANSFORMERS: Readonly<Record<string, Make>> = {
  AnnotationsTransformer: (args, context) => addMembers(texts(args['annotations']), fieldSpecs(args, context)),
  LabelTransformer: (args, context) => addMembers(texts(args['labels']), fieldSpecs(args, context)),
  PrefixTransformer: (args, context) => addAffix('prefix', text(args['prefix']), demandSpecs(args, context)),
  SuffixTransformer: (args, context) => addAffix('suffix', text(args['suffix']), demandSpecs(args, context)),
  PrefixSuffixTransformer: (args, context) => {
    const steps = (['prefix', 'suffix'] as const).map((side) => addAffix(side, text(args[side]), demandSpecs(args, context)))
    return (resources) => steps.reduce<readonly Resource[]>((list, step) => step(list), resources)
  },
  HashTransformer: () => hashNames,
  ImageTagTransformer: (args, context) => setImage((isObject(args['imageTag']) ? args['imageTag'] : {}) as ImageEntry, fieldSpecs(args, context)),
  ReplicaCountTransformer: (args, context) => {
    const replica = isObject(args['replica']) ? args['replica'] : {}
    return setReplicas(text(replica['name']), Number(replica['count'] ?? 0), fieldSpecs(args, context))
  },
  NamespaceTransformer: (args, context) => setNamespace({
    namespace: text(metadataOf(args)['namespace']), specs: fieldSpecs(args, context), unsetOnly: args['unsetOnly'] === true, subjects: text(args['setRoleBindingSubjects']),
  }),
  PatchTransformer: async (args, context) => patchTransform(args as PatchEntry, await patchSource(args, context, 'patch'), context.lookup),
  PatchJson6902Transformer: async (args, context) => {
    const { text: operations, source } = await patchSource(args, context, 'jsonOp')
    return jsonTransform(parseOperations(operations, source), { target: (args as PatchEntry).target, source, remember: false })
  },
  PatchStrategicMergeTransformer: strategicMerge,
  ReplacementTransformer: async (args, { loader, file }) => {
    const entries = Array.isArray(args['replacements']) ? (args['replacements'] as unknown as Replacement[]) : []
    return applyReplacements(await loadReplacements(entries, loader), file)
  },
  ValueAddTransformer: async (args, { loader, file }) => {
    const path = text(args['targetFilePath'])
    const more = path === '' ? [] : parseYaml(await loadText(loader, path), { source: joinPath(loader.root, path) })
    const value = text(args['value']).trim() || loader.root.slice(loader.root.lastIndexOf('/') + 1)
    return addValue(value, [...(Array.isArray(args['targets']) ? args['targets'] : []), ...(Array.isArray(more) ? more : [])], file)
  },
}

function demandSpecs(args: JsonObject, context: PluginContext): FieldSpec[] {
  if (args['fieldSpecs'] === undefined || args['fieldSpecs'] === null) throw failure('InvalidPlugin', 'fieldSpecs is not expected to be nil', context.file)
  return fieldSpecs(args, context)
}

async function patchSource(args: JsonObject, { loader, file }: PluginContext, member: 'patch' | 'jsonOp'): Promise<{ text: string; source: string }> {
  const inline = text(args[member]).trim()
  const path = text(args['path'])
  if (inline === '' && path === '') throw failure('InvalidPatch', 'must specify one of patch and path', file)
  if (inline !== '' && path !== '') throw failure('InvalidPatch', "patch and path can't be set at the same time", file)
  return inline !== '' ? { text: inline, source: file } : { text: await loadText(loader, path), source: joinPath(loader.root, path) }
}

async function strategicMerge(args: JsonObject, { loader, lookup, file }: PluginContext): Promise<Transform> {
  const patches: JsonObject[] = []
  for (const entry of Array.isArray(args['paths']) ? args['paths'] : []) {
    const path = text(entry)
    patches.push(...(/[\n{]/.test(path) ? parseResources(path, file) : parseResources(await loadText(loader, path), joinPath(loader.root, path))))
  }
  patches.push(...parseResources(text(args['patches']), file))
  if (patches.length === 0) throw failure('InvalidPatch', 'empty file path and empty patch content', file)
  return strategicTransform(patches, { target: undefined, options: { allowNameChange: false, allowKindChange: false }, lookup, rewriteMembers: true, source: file })
}

