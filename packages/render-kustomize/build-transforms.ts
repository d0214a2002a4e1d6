import { builtinOrigin, type Target } from './accumulate.ts'
import { failure } from './failure.ts'
import { addAffix, addMembers, setImage, setReplicas } from './field-transformers.ts'
import type { LabelEntry, PatchEntry } from './kustomization.ts'
import { loadText } from './loader.ts'
import { setNamespace } from './namespace-transformer.ts'
import type { Origin } from './origin.ts'
import { jsonTransform, parseOperations, patchTransform, strategicTransform, type PatchText } from './patch-transformer.ts'
import { parseResources } from './parse-resources.ts'
import { loadReplacements } from './load-replacements.ts'
import { applyReplacements } from './replacement-transformer.ts'
import type { SchemaLookup } from './strategic-patch.ts'
import type { FieldSpec } from './field-spec.ts'
import type { Transform } from './transform.ts'
import { mergeSpecs, type TransformerConfig } from './transformer-config.ts'

export interface Step { readonly transform: Transform; readonly origin: Origin | undefined }

/** The transformations that the fields of a kustomization stand for, in kustomize's fixed order. */
export async function buildTransforms(target: Target, config: TransformerConfig, { lookup }: { lookup: SchemaLookup }): Promise<Step[]> {
  const { kustomization, loader } = target
  const steps: Step[] = []
  const add = (kind: string, ...transforms: Transform[]): void => {
    for (const transform of transforms) steps.push({ transform, origin: builtinOrigin(target, kind) })
  }
  if (kustomization.patchesStrategicMerge.length > 0) add('PatchStrategicMergeTransformer', await strategicMerges(target, lookup))
  for (const entry of kustomization.patches) add('PatchTransformer', patchTransform(entry, await patchText(target, entry), lookup))
  if (kustomization.namespace) add('NamespaceTransformer', setNamespace({ namespace: kustomization.namespace, specs: config.namespace }))
  if (kustomization.namePrefix) add('PrefixTransformer', addAffix('prefix', kustomization.namePrefix, config.namePrefix))
  if (kustomization.nameSuffix) add('SuffixTransformer', addAffix('suffix', kustomization.nameSuffix, config.nameSuffix))
  if (kustomization.labels.length > 0 || Object.keys(kustomization.commonLabels ?? {}).length > 0) {
    add('LabelTransformer', ...kustomization.labels.map((label) => addMembers(label.pairs, labelSpecs(label, config))), addMembers(kustomization.commonLabels, config.commonLabels))
  }
  if (Object.keys(kustomization.commonAnnotations ?? {}).length > 0) add('AnnotationsTransformer', addMembers(kustomization.commonAnnotations, config.commonAnnotations))
  for (const entry of kustomization.patchesJson6902) add('PatchJson6902Transformer', await jsonPatch(target, entry))
  for (const { name = '', count = 0 } of kustomization.replicas) add('ReplicaCountTransformer', setReplicas(name, count, config.replicas))
  for (const image of kustomization.images) add('ImageTagTransformer', setImage(image, config.images))
  if (kustomization.replacements.length > 0) {
    add('ReplacementTransformer', applyReplacements(await loadReplacements(kustomization.replacements, loader), kustomization.file))
  }
  return steps
}

function labelSpecs(label: LabelEntry, config: TransformerConfig): readonly FieldSpec[] {
  const own = (label.fields ?? []).map((spec): FieldSpec => ({ group: spec.group ?? '', version: spec.version ?? '', kind: spec.kind ?? '', path: spec.path ?? '', create: spec.create === true }))
  const specs = mergeSpecs(own, config.labels)
  if (label.includeSelectors === true) return mergeSpecs(specs, config.commonLabels)
  const withTemplates = label.includeTemplates === true ? mergeSpecs(specs, config.templateLabels) : specs
  return mergeSpecs(withTemplates, [{ group: '', version: '', kind: '', path: 'metadata/labels', create: true }])
}

async function patchText({ kustomization, loader }: Target, entry: PatchEntry): Promise<PatchText> {
  const inline = (entry.patch ?? '').trim()
  const path = entry.path ?? ''
  if (inline === '' && path === '') throw failure('InvalidPatch', 'must specify one of patch and path', kustomization.file)
  if (inline !== '' && path !== '') throw failure('InvalidPatch', "patch and path can't be set at the same time", kustomization.file)
  if (inline !== '') return { text: inline, source: kustomization.file }
  return { text: await loadText(loader, path), source: loader.root === '' ? path : `${loader.root}/${path}` }
}

/** Entries of `patchesStrategicMerge` are patches themselves, or files that hold them. */
async function strategicMerges({ kustomization, loader }: Target, lookup: SchemaLookup): Promise<Transform> {
  const transforms: Transform[] = []
  for (const entry of kustomization.patchesStrategicMerge) {
    const inline = /[\n{]/.test(entry)
    const source = inline ? kustomization.file : loader.root === '' ? entry : `${loader.root}/${entry}`
    const patches = parseResources(inline ? entry : await loadText(loader, entry), source)
    transforms.push(strategicTransform(patches, { target: undefined, options: { allowNameChange: false, allowKindChange: false }, lookup, rewriteMembers: true, source }))
  }
  return (resources) => transforms.reduce((list, transform) => transform(list), resources)
}

async function jsonPatch(target: Target, entry: PatchEntry): Promise<Transform> {
  const { file } = target.kustomization
  if ((entry.target?.name ?? '') === '') throw failure('InvalidPatch', 'must specify the target name', file)
  const { text, source } = await patchText(target, entry)
  const operations = parseOperations(text, source)
  if (operations.length === 0) throw failure('InvalidPatch', `patch appears to be empty; file=${entry.path ?? ''}`, source)
  return jsonTransform(operations, { target: entry.target, source, remember: false })
}
