import { parseYaml, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import { mergeMaps, setValues, type Chart, type HelmRenderer } from '@idp/render-helm'
import { noteOrigin } from './origin.ts'
import type { ManifestRequest } from './repo-service.ts'

export interface HelmJob {
  readonly renderer: HelmRenderer
  readonly chart: Chart
  readonly request: ManifestRequest
  /** The repository and the folder that value files are relative to. */
  readonly files: FileTree
  readonly path: string
  readonly refs: Readonly<Record<string, FileTree>>
}

const decoder = new TextDecoder()

/** Renders a chart with what `source.helm` says, as `helm template` does. */
export async function renderHelmSource({ renderer, chart, request, files, path, refs }: HelmJob): Promise<AnyObject[]> {
  const { source, application, namespace, kubeVersion, apiVersions } = request
  const helm = source.helm ?? {}
  const values: JsonObject[] = []
  for (const name of helm.valueFiles ?? []) {
    const found = await valueFile(name, { files, path, refs })
    if (found !== undefined) values.push(found)
    else if (helm.ignoreMissingValueFiles !== true) throw new CodedError({ code: 'ValueFileNotFound', message: `open ${name}: no such file or directory`, where: name, remedy: 'Correct helm.valueFiles, or set ignoreMissingValueFiles' })
  }
  if (helm.valuesObject !== undefined) values.push(helm.valuesObject)
  else if (helm.values !== undefined && helm.values !== '') values.push(asMapping(parseYaml(helm.values, { source: 'helm.values' }), 'helm.values'))
  const parameters = await parameterValues(request, { files, path, refs })
  if (parameters !== undefined) values.push(parameters)
  const rendering = await renderer.render(chart, {
    limits: { source: chart.metadata.name }, releaseName: helm.releaseName ?? application, namespace: helm.namespace ?? (namespace === '' ? 'default' : namespace), values,
    kubeVersion: helm.kubeVersion ?? kubeVersion, apiVersions: helm.apiVersions ?? apiVersions, includeCrds: helm.skipCrds !== true, skipTests: helm.skipTests === true,
    skipSchemaValidation: helm.skipSchemaValidation === true,
  })
  return rendering.documents.map((document) => noteOrigin(document.object as AnyObject, document.path))
}

type Place = Pick<HelmJob, 'files' | 'path' | 'refs'>

async function valueFile(name: string, place: Place): Promise<JsonObject | undefined> {
  const content = await readPlace(name, place)
  return content === undefined ? undefined : asMapping(parseYaml(decoder.decode(content), { source: name }), name)
}

/** `$ref/path` is in another source, `/path` at the top of the repository, anything else beside the chart. */
async function readPlace(name: string, { files, path, refs }: Place): Promise<Uint8Array | undefined> {
  if (/^https?:\/\//.test(name)) throw new CodedError({ code: 'RemoteValueFile', message: `value file ${name} is a URL, which is not supported`, where: name, remedy: 'Commit the file, or name it in a source with ref' })
  if (!name.startsWith('$')) return files.read(joined(name.startsWith('/') ? '' : path, name))
  const slash = name.indexOf('/')
  const ref = slash < 0 ? name : name.slice(0, slash)
  const tree = refs[ref]
  if (tree === undefined) throw new CodedError({ code: 'UnknownRef', message: `source referenced "${ref}", but no source has a 'ref' field defined with that name`, where: name, remedy: `Give one of the sources ref: ${ref.slice(1)}` })
  return tree.read(joined('', name.slice(slash)))
}

function joined(base: string, name: string): string {
  const parts = base === '' ? [] : base.split('/')
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw new CodedError({ code: 'PathOutsideTree', message: `value file '${name}' leads out of the repository`, where: name })
  }
  return parts.join('/')
}

async function parameterValues({ source, application, namespace, revision }: ManifestRequest, place: Place): Promise<JsonObject | undefined> {
  const { parameters = [], fileParameters = [] } = source.helm ?? {}
  if (parameters.length === 0 && fileParameters.length === 0) return undefined
  const environment: Readonly<Record<string, string>> = {
    ARGOCD_APP_NAME: application, ARGOCD_APP_NAMESPACE: namespace, ARGOCD_APP_REVISION: revision ?? source.targetRevision ?? '',
    ARGOCD_APP_SOURCE_REPO_URL: source.repoURL, ARGOCD_APP_SOURCE_PATH: source.path ?? '', ARGOCD_APP_SOURCE_TARGET_REVISION: source.targetRevision ?? '',
  }
  const values: JsonObject = {}
  for (const { name, value = '', forceString } of parameters) setValues(values, `${name}=${escaped(value.replace(/\$\{?(ARGOCD_[A-Z_]+)\}?/g, (whole, key: string) => environment[key] ?? whole))}`, forceString === true ? 'string' : 'typed')
  for (const { name, path } of fileParameters) {
    const content = await readPlace(path, place)
    if (content === undefined) throw new CodedError({ code: 'ValueFileNotFound', message: `open ${path}: no such file or directory`, where: path, remedy: 'Correct helm.fileParameters' })
    setValues(values, `${name}=${decoder.decode(content).replace(/[\\,{}]/g, '\\$&')}`, 'string')
  }
  return values
}

/** A comma would begin the next assignment; in a list it separates. */
function escaped(value: string): string {
  return value.startsWith('{') && value.endsWith('}') ? value : value.replace(/(?<!\\),/g, '\\,')
}

function asMapping(value: Json, source: string): JsonObject {
  if (value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value
  throw new CodedError({ code: 'InvalidValues', message: 'values are not a mapping', where: source })
}

/** Values that lie below the chart's own (kustomize's valuesMerge: merge). */
export function valuesBelow(chart: Chart, below: JsonObject): JsonObject {
  return mergeMaps(below, chart.values)
}
