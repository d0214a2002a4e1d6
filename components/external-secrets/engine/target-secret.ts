import type { Secret } from '@idp/api'
import type { JsonObject } from '@idp/formats'
import { names, type ExternalSecret } from '../kinds/external-secrets.ts'
import { applyTemplates, type TemplateEngine, type TemplateText } from './apply-template.ts'
import { dataHash, fieldOwner, ownerHash } from './object-hash.ts'
import { encodeSecretMap, secretMapOf, type SecretMap } from './secret-map.ts'

/** Why a Secret cannot be taken; the message is the condition's, as upstream's. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  readonly condition: string
  constructor(condition: string, message: string) {
    super(message)
    this.condition = condition
  }
}

export interface TargetInput {
  readonly externalSecret: ExternalSecret
  /** The Secret that is there, with managed fields. */
  readonly existing: Secret | undefined
  readonly values: SecretMap
  readonly templates: readonly TemplateText[]
  readonly engine: TemplateEngine
}

/** The Secret as the ExternalSecret wants it, built on the one that is there. Throws TargetError, and Error for templates. */
export function targetSecret(input: TargetInput): Secret {
  const { externalSecret: { metadata, spec }, existing } = input
  const { creationPolicy = 'Owner', immutable = false, template } = spec.target ?? {}
  const namespace = metadata.namespace ?? ''
  const base: Secret = existing ?? { apiVersion: 'v1', kind: 'Secret', metadata: { name: targetName(input.externalSecret), namespace } }
  const ownerReferences = owners(input.externalSecret, base, creationPolicy)
  const labels = { ...base.metadata.labels }
  const annotations = { ...base.metadata.annotations }
  const finalizers = [...base.metadata.finalizers ?? []]
  let data = secretMapOf(base)
  let type = base.type
  if (existing === undefined || !immutable) {
    const mine = managedKeys(base, metadata.name ?? '')
    for (const key of mine.labels) delete labels[key]
    for (const key of mine.annotations) delete annotations[key]
    for (const key of mine.data) data.delete(key)
    if (creationPolicy !== 'Merge') data = new Map()
    Object.assign(labels, template === undefined ? metadata.labels : template.metadata?.labels)
    Object.assign(annotations, template === undefined ? withoutApplied(metadata.annotations) : template.metadata?.annotations)
    for (const each of template?.metadata?.finalizers ?? []) if (!finalizers.includes(each)) finalizers.push(each)
    fill(input, { data, labels, annotations })
    if (template?.type !== undefined && template.type !== '') type = template.type
  }
  if (creationPolicy === 'Owner') labels[names.createdBy] = ownerHash(namespace, metadata.name ?? '')
  else delete labels[names.createdBy]
  labels[names.managed] = 'true'
  annotations[names.dataHash] = dataHash(data)
  const { ownerReferences: _owners, finalizers: _finalizers, ...rest } = base.metadata
  return {
    ...base,
    metadata: { ...rest, labels, annotations, ...(ownerReferences.length === 0 ? {} : { ownerReferences }), ...(finalizers.length === 0 ? {} : { finalizers }) },
    data: encodeSecretMap(data), ...(type === undefined ? {} : { type }), ...(immutable ? { immutable: true } : {}),
  }
}

export function targetName({ metadata, spec }: ExternalSecret): string {
  const name = spec.target?.name
  return name === undefined || name === '' ? metadata.name ?? '' : name
}

function fill({ externalSecret: { spec }, values, templates, engine }: TargetInput, output: { data: SecretMap; labels: Record<string, string>; annotations: Record<string, string> }): void {
  const template = spec.target?.template
  const empty = Object.keys(template?.data ?? {}).length === 0 && (template?.templateFrom ?? []).length === 0
  if (template === undefined || template.mergePolicy === 'Merge' || empty) for (const [key, value] of values) output.data.set(key, value)
  if (template === undefined) return
  try {
    applyTemplates(engine, template, templates, values, output)
  } catch (error) {
    throw new Error(`could not apply template: could not execute template: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

function owners(externalSecret: ExternalSecret, secret: Secret, creationPolicy: string): NonNullable<Secret['metadata']['ownerReferences']> {
  const all = secret.metadata.ownerReferences ?? []
  const owner = all.find(({ controller }) => controller === true)
  const isOurKind = owner?.kind === 'ExternalSecret' && owner.apiVersion.split('/')[0] === 'external-secrets.io'
  const { name = '', uid = '' } = externalSecret.metadata
  if (isOurKind && owner.name !== name) throw new TargetError('target is owned by another ExternalSecret', `secret is owned by another ExternalSecret: ${owner.name}`)
  if (creationPolicy !== 'Owner') return isOurKind ? all.filter((each) => each !== owner) : all
  if (owner !== undefined && !isOurKind) {
    throw new TargetError('failed to take ownership of target secret', `could not set controller reference on secret: Object ${secret.metadata.namespace}/${secret.metadata.name} is already owned by another ${owner.kind} controller ${owner.name}`)
  }
  return [...all.filter((each) => each !== owner), { apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', name, uid, controller: true, blockOwnerDeletion: true }]
}

/** What kubectl and Argo CD write for themselves is the ExternalSecret's alone: on the Secret it would make it somebody else's. */
function withoutApplied(annotations: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => name !== 'kubectl.kubernetes.io/last-applied-configuration' && name !== 'argocd.argoproj.io/tracking-id'))
}

function managedKeys(secret: Secret, owner: string): { data: string[]; labels: string[]; annotations: string[] } {
  const found = { data: [] as string[], labels: [] as string[], annotations: [] as string[] }
  for (const { manager, fieldsV1 } of secret.metadata.managedFields ?? []) {
    if (manager !== fieldOwner(owner)) continue
    const keys = (fields: unknown): string[] => Object.keys((fields ?? {}) as JsonObject).filter((key) => key.startsWith('f:')).map((key) => key.slice(2))
    const metadata = fieldsV1?.['f:metadata'] as JsonObject | undefined
    found.data.push(...keys(fieldsV1?.['f:data']))
    found.labels.push(...keys(metadata?.['f:labels']))
    found.annotations.push(...keys(metadata?.['f:annotations']))
  }
  return found
}
