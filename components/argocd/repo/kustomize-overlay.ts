import { formatYaml, parseYaml, type Json, type JsonObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import type { KustomizeOptions } from '../kinds/application.ts'
import { kustomizationNames } from './source-type.ts'

/** The tree with what `source.kustomize` says written into the kustomization of `path`, as `kustomize edit` would. */
export async function withKustomizeOptions(files: FileTree, path: string, options: KustomizeOptions | undefined): Promise<FileTree> {
  const { version: _version, kubeVersion: _kubeVersion, apiVersions: _apiVersions, ignoreMissingComponents, commonAnnotationsEnvsubst: _envsubst, ...rest } = options ?? {}
  if (Object.keys(rest).length === 0) return files
  const file = await kustomizationFile(files, path)
  const text = new TextDecoder().decode(await files.read(file))
  const kustomization = parseYaml(text, { source: file, dialect: 'kustomize' })
  if (kustomization === null || typeof kustomization !== 'object' || Array.isArray(kustomization)) throw new CodedError({ code: 'InvalidKustomization', message: 'the kustomization is not a mapping', where: file })
  const components = ignoreMissingComponents === true ? await presentComponents(files, path, rest.components ?? []) : rest.components
  const edited = new TextEncoder().encode(formatYaml(edit(kustomization, { ...rest, ...(components === undefined ? {} : { components }) })))
  return { read: async (name) => (name === file ? edited : files.read(name)), list: (name) => files.list(name) }
}

async function kustomizationFile(files: FileTree, path: string): Promise<string> {
  const entries = (await files.list(path)) ?? []
  const found = entries.find((entry) => kustomizationNames.includes(entry.name))
  if (found === undefined) throw new CodedError({ code: 'KustomizationNotFound', message: `no kustomization.yaml in ${path === '' ? 'the root of the repository' : path}`, where: path, remedy: 'Commit a kustomization.yaml, or leave source.kustomize away' })
  return path === '' ? found.name : `${path}/${found.name}`
}

async function presentComponents(files: FileTree, path: string, components: readonly string[]): Promise<string[]> {
  const present: string[] = []
  for (const one of components) {
    const parts = `${path}/${one}`.split('/').reduce<string[]>((all, part) => (part === '..' ? all.slice(0, -1) : part === '' || part === '.' ? all : [...all, part]), [])
    if ((await files.list(parts.join('/'))) !== undefined) present.push(one)
  }
  return present
}

function edit(kustomization: JsonObject, options: KustomizeOptions): JsonObject {
  const out: JsonObject = { ...kustomization }
  for (const field of ['namePrefix', 'nameSuffix', 'namespace'] as const) if (options[field] !== undefined && options[field] !== '') out[field] = options[field]
  if (options.images !== undefined) out['images'] = options.images.reduce((images, one) => withImage(images, one), list(out['images']))
  if (options.replicas !== undefined) {
    const names = new Set(options.replicas.map((one) => one.name))
    out['replicas'] = [...list(out['replicas']).filter((one) => !names.has(String((one as JsonObject)['name']))), ...options.replicas.map(({ name, count }) => ({ name, count: Number(count) }))]
  }
  if (options.commonLabels !== undefined) addLabels(out, options)
  if (options.commonAnnotations !== undefined) out['commonAnnotations'] = joined(out, 'commonAnnotations', options.commonAnnotations, options.forceCommonAnnotations === true)
  if (options.components !== undefined) out['components'] = [...list(out['components']), ...options.components]
  if (options.patches !== undefined) out['patches'] = [...list(out['patches']), ...options.patches]
  return out
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}

function addLabels(out: JsonObject, { commonLabels = {}, labelWithoutSelector, labelIncludeTemplates, forceCommonLabels }: KustomizeOptions): void {
  if (labelWithoutSelector === true) out['labels'] = [...list(out['labels']), { pairs: { ...commonLabels }, includeSelectors: false, includeTemplates: labelIncludeTemplates === true }]
  else out['commonLabels'] = joined(out, 'commonLabels', commonLabels, forceCommonLabels === true)
}

function joined(out: JsonObject, field: string, more: Readonly<Record<string, string>>, force: boolean): JsonObject {
  const old = (out[field] ?? {}) as JsonObject
  const taken = Object.keys(more).find((key) => Object.hasOwn(old, key))
  if (taken !== undefined && !force) throw new CodedError({ code: 'InvalidKustomization', message: `${field === 'commonLabels' ? 'label' : 'annotation'} ${taken} already in kustomization file`, remedy: `Set force${field.charAt(0).toUpperCase()}${field.slice(1)}: true` })
  return { ...old, ...more }
}

/** `name=new:tag`, `name:tag`, `name@sha256:…`: an entry of `images` replaced or added. */
function withImage(images: readonly Json[], text: string): Json[] {
  const equals = text.indexOf('=')
  const target = equals < 0 ? text : text.slice(equals + 1)
  const at = target.indexOf('@')
  const colon = target.lastIndexOf(':')
  const hasTag = at < 0 && colon > target.lastIndexOf('/')
  const newName = at >= 0 ? target.slice(0, at) : hasTag ? target.slice(0, colon) : target
  const name = equals < 0 ? newName : text.slice(0, equals)
  const entry: JsonObject = {
    name, ...(newName === name || newName === '*' ? {} : { newName }), ...(at >= 0 ? { digest: target.slice(at + 1) } : {}), ...(hasTag && target.slice(colon + 1) !== '*' ? { newTag: target.slice(colon + 1) } : {}),
  }
  return [...images.filter((one) => (one as JsonObject)['name'] !== name), entry]
}
