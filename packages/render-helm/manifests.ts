import { CodedError } from '@idp/kit'
import type { JsonObject, KubeObject } from '@idp/formats'
import { compareStrings } from '@idp/lang-gotemplate/core'
import { documentOf, ownDocument } from './document-cache.ts'
import { readYaml } from './go-yaml.ts'
import { yamlFault } from './yaml-functions.ts'

/** One object of a rendering. `path` is its template below the chart's name; `object` is undefined for a text that holds only comments. */
export interface Manifest {
  readonly path: string
  readonly text: string
  readonly kind: string
  /** One's own. */
  readonly object: KubeObject | undefined
}

export interface Hook extends Manifest {
  readonly name: string
  readonly events: readonly string[]
  readonly weight: number
  readonly deletePolicies: readonly string[]
  readonly outputLogPolicies: readonly string[]
}

/** A document as it is kept between renderings; `source` is handed out once, if at all; the head of a hook is read before. */
export interface Stored { readonly path: string; readonly text: string; readonly kind: string; readonly source: KubeObject | undefined }
export type HookHead = Omit<Hook, keyof Manifest>
export type StoredHook = Stored & { readonly head: HookHead }

/** What one template gave, split and checked. */
export interface Part { readonly manifests: readonly Stored[]; readonly hooks: readonly StoredHook[] }

const installOrder = [
  'PriorityClass', 'Namespace', 'NetworkPolicy', 'ResourceQuota', 'LimitRange', 'PodSecurityPolicy', 'PodDisruptionBudget', 'ServiceAccount', 'Secret',
  'SecretList', 'ConfigMap', 'StorageClass', 'PersistentVolume', 'PersistentVolumeClaim', 'CustomResourceDefinition', 'ClusterRole', 'ClusterRoleList',
  'ClusterRoleBinding', 'ClusterRoleBindingList', 'Role', 'RoleList', 'RoleBinding', 'RoleBindingList', 'Service', 'DaemonSet', 'Pod',
  'ReplicationController', 'ReplicaSet', 'Deployment', 'HorizontalPodAutoscaler', 'StatefulSet', 'Job', 'CronJob', 'IngressClass', 'Ingress',
  'APIService', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration',
]
const rank = new Map(installOrder.map((kind, i) => [kind, i]))

const hookEvents = new Set([
  'pre-install', 'post-install', 'pre-delete', 'post-delete', 'pre-upgrade', 'post-upgrade', 'pre-rollback', 'post-rollback', 'test', 'test-success',
])

/** Splits the text of a template's output into documents without the lines that separate them. */
export function splitDocuments(text: string): string[] {
  const documents: string[] = []
  const all = trimSpace(text)
  let from = all.startsWith('---') ? 3 : 0
  for (;;) {
    const next = all.indexOf('\n---', from)
    const part = trimSpace(next < 0 ? all.slice(from) : all.slice(from, next))
    if (part !== '') documents.push(part)
    if (next < 0) return documents
    from = next + 4
  }
}

/** strings.TrimSpace. */
export function trimSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return from === 0 && to === text.length ? text : text.slice(from, to)
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0x85 || (code >= 0xa0 && code !== 0xfeff && /\s/.test(String.fromCharCode(code)))
}

/** Splits and checks the output of one template; documents that are among those of `earlier` are the same. Throws CodedError `InvalidYaml`. */
export function readPart(path: string, output: string, earlier?: Part): Part {
  const manifests: Stored[] = []
  const hooks: StoredHook[] = []
  const known = new Map<string, Stored | StoredHook>()
  for (const stored of [...earlier?.manifests ?? [], ...earlier?.hooks ?? []]) known.set(stored.text, stored)
  for (const text of splitDocuments(output)) {
    const same = known.get(text)
    // One document stands for one: its like gets its own.
    known.delete(text)
    if (same === undefined) sortOne(path, text, manifests, hooks)
    else if ('head' in same) hooks.push(same)
    else manifests.push(same)
  }
  return { manifests, hooks }
}

/** Parts by template path become one list of manifests and one of hooks, each in the order `helm template` prints them. */
export function sortParts(parts: ReadonlyMap<string, Part>): { manifests: Stored[]; hooks: StoredHook[] } {
  const paths = [...parts.keys()].sort(compareStrings)
  return {
    manifests: paths.flatMap((path) => parts.get(path)?.manifests ?? []).sort(byKind),
    hooks: paths.flatMap((path) => parts.get(path)?.hooks ?? []).sort(byKind),
  }
}

/** A document for one reader: its object is a copy, made when it is asked for. */
export function manifestOf(stored: Stored): Manifest {
  let own: KubeObject | undefined
  const { path, text, kind, source } = stored
  return { path, text, kind, get object() { return source === undefined ? undefined : own ??= ownDocument(text, source, () => readObject(path, text)) } }
}

const handedOut = new WeakMap<Stored, Manifest>()

/** A document for all readers of a renderer's renderings: the same object for as long as its template writes the same. */
export function sharedManifestOf(stored: Stored): Manifest {
  let made = handedOut.get(stored)
  if (made === undefined) handedOut.set(stored, made = manifestOf(stored))
  return made
}

export function hookOf(stored: StoredHook): Hook {
  return Object.defineProperties({ ...stored.head }, Object.getOwnPropertyDescriptors(manifestOf(stored))) as Hook
}

function sortOne(path: string, text: string, manifests: Stored[], hooks: StoredHook[]): void {
  const source = documentOf(text, () => readObject(path, text))
  const stored: Stored = { path, text, kind: headText(source?.kind), source }
  const annotations = source?.metadata?.annotations
  const hook = annotations?.['helm.sh/hook'] === undefined ? undefined : headText(annotations['helm.sh/hook'])
  if (hook === undefined || annotations === undefined) {
    manifests.push(stored)
    return
  }
  const events = hook.split(',').map((event) => event.trim().toLowerCase())
  if (!events.every((event) => hookEvents.has(event))) return
  const weight = headText(annotations['helm.sh/hook-weight'])
  const head: HookHead = {
    name: headText(source?.metadata.name), events: events.map((event) => (event === 'test-success' ? 'test' : event)),
    weight: /^[+-]?\d+$/.test(weight) ? Number(weight) : 0,
    deletePolicies: words(annotations['helm.sh/hook-delete-policy']), outputLogPolicies: words(annotations['helm.sh/hook-output-log-policy']),
  }
  hooks.push({ ...stored, head })
}

/** A field of type text as Go's decoder reads it. */
function headText(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

function words(given: unknown): string[] {
  const text = headText(given)
  return text === '' ? [] : text.split(',').map((word) => word.trim().toLowerCase())
}

function byKind(a: Stored, b: Stored): number {
  const x = rank.get(a.kind)
  const y = rank.get(b.kind)
  if (x === undefined && y === undefined) return a.kind === b.kind ? 0 : compareStrings(a.kind, b.kind)
  if (x === undefined || y === undefined) return x === undefined ? 1 : -1
  return x - y
}

/** The object of one document, checked as far as Helm checks it. */
export function readObject(path: string, text: string): KubeObject | undefined {
  let value
  try {
    value = readYaml(text, path)
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new CodedError({ code: 'InvalidYaml', message: `YAML parse error on ${path}: ${yamlFault(error)}`, where: error.where, cause: error })
  }
  if (value === null) return undefined
  const problem = headProblem(value)
  if (problem !== undefined) {
    throw new CodedError({ code: 'InvalidManifest', message: `YAML parse error on ${path}: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${problem}`, where: path })
  }
  return value as unknown as KubeObject
}

/** What Go's decoder of apiVersion, kind, metadata.name and annotations would refuse. */
function headProblem(value: unknown): string | undefined {
  if (!isMap(value)) return `${kindOf(value)} into Go value of type util.SimpleHead`
  // Numbers and booleans become text.
  const wrong = (part: unknown, field: string) => (part === undefined || part === null || typeof part !== 'object' ? undefined : `${kindOf(part)} into Go struct field ${field} of type string`)
  const { metadata } = value
  if (metadata !== undefined && metadata !== null && !isMap(metadata)) return `${kindOf(metadata)} into Go struct field SimpleHead.metadata of type struct { Name string "json:\\"name\\""; Annotations map[string]string "json:\\"annotations\\"" }`
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined
  if (annotations !== undefined && annotations !== null && !isMap(annotations)) return `${kindOf(annotations)} into Go struct field .metadata.annotations of type map[string]string`
  for (const item of isMap(annotations) ? Object.values(annotations) : []) {
    const problem = wrong(item, '.metadata.annotations')
    if (problem !== undefined) return problem
  }
  return wrong(value['apiVersion'], 'SimpleHead.apiVersion') ?? wrong(value['kind'], 'SimpleHead.kind') ?? wrong(isMap(metadata) ? metadata['name'] : undefined, '.metadata.name')
}

function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
}
