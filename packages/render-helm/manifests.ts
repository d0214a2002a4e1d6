import { CodedError } from '@idp/kit'
import type { JsonObject, KubeObject } from '@idp/formats'
import { compareStrings } from '@idp/lang-gotemplate'
import { readYaml } from './go-yaml.ts'
import { yamlFault } from './yaml-functions.ts'

/** One object of a rendering. `path` is its template below the chart's name; `object` is undefined for a text that holds only comments. */
export interface Manifest {
  readonly path: string
  readonly text: string
  readonly kind: string
  readonly object: KubeObject | undefined
}

export interface Hook extends Manifest {
  readonly name: string
  readonly events: readonly string[]
  readonly weight: number
  readonly deletePolicies: readonly string[]
  readonly outputLogPolicies: readonly string[]
}

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
  return trim(text).split(/(?:^|\s*\n)---\s*/).map(trim).filter((part) => part !== '')
}

function trim(text: string): string {
  return text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, '')
}

/** Outputs by template path become manifests and hooks, each in the order `helm template` prints them. Throws CodedError `InvalidYaml`. */
export function sortManifests(outputs: ReadonlyMap<string, string>): { manifests: Manifest[]; hooks: Hook[] } {
  const manifests: Manifest[] = []
  const hooks: Hook[] = []
  for (const path of [...outputs.keys()].sort(compareStrings)) {
    for (const text of splitDocuments(outputs.get(path) ?? '')) sortOne(path, text, manifests, hooks)
  }
  return { manifests: manifests.sort(byKind), hooks: hooks.sort(byKind) }
}

function sortOne(path: string, text: string, manifests: Manifest[], hooks: Hook[]): void {
  const object = readObject(path, text)
  const kind = typeof object?.kind === 'string' ? object.kind : ''
  const manifest: Manifest = { path, text, kind, object }
  const annotations = object?.metadata?.annotations
  const hook = annotations?.['helm.sh/hook']
  if (hook === undefined || annotations === undefined) {
    manifests.push(manifest)
    return
  }
  const events = hook.split(',').map((event) => event.trim().toLowerCase())
  if (!events.every((event) => hookEvents.has(event))) return
  const weight = annotations['helm.sh/hook-weight'] ?? ''
  hooks.push({
    ...manifest, name: object?.metadata.name ?? '', events: events.map((event) => (event === 'test-success' ? 'test' : event)),
    weight: /^[+-]?\d+$/.test(weight) ? Number(weight) : 0,
    deletePolicies: words(annotations['helm.sh/hook-delete-policy']), outputLogPolicies: words(annotations['helm.sh/hook-output-log-policy']),
  })
}

function words(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((word) => word.trim().toLowerCase())
}

function byKind(a: Manifest, b: Manifest): number {
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
  const wrong = (part: unknown, field: string) => (part === undefined || part === null || typeof part === 'string' ? undefined : `${kindOf(part)} into Go struct field ${field} of type string`)
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
