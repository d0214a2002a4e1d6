import type { ObjectMeta } from '@idp/formats'

type Marks = Pick<ObjectMeta, 'labels' | 'annotations'>
interface MetadataSpec { readonly targetMergePolicy?: string; readonly sourceMergePolicy?: string; readonly labels?: Record<string, string>; readonly annotations?: Record<string, string>; readonly remoteNamespace?: string }

const apiVersion = 'kubernetes.external-secrets.io/v1alpha1'
const known: ReadonlySet<string> = new Set(['targetMergePolicy', 'sourceMergePolicy', 'labels', 'annotations', 'remoteNamespace'])

/**
 * Labels and annotations of a pushed Secret: those of the source and of the entry's `metadata` (a PushSecretMetadata), laid over those that stand there.
 * @throws Error for what is no PushSecretMetadata, names an unknown policy, or asks for another namespace
 */
export function pushedMarks(metadata: unknown, source: Marks, target: Marks): Marks {
  const spec = specOf(metadata)
  const { sourceMergePolicy = 'Merge', targetMergePolicy = 'Merge' } = spec
  if (sourceMergePolicy !== 'Merge' && sourceMergePolicy !== 'Replace') throw new Error(`failed to merge source metadata: unexpected source merge policy ${JSON.stringify(sourceMergePolicy)}`)
  if (!['Merge', 'Replace', 'Ignore'].includes(targetMergePolicy)) throw new Error(`failed to merge target metadata: unexpected target merge policy ${JSON.stringify(targetMergePolicy)}`)
  const merged = (field: 'labels' | 'annotations'): Record<string, string> => {
    const own = sourceMergePolicy === 'Replace' ? { ...spec[field] } : { ...withoutApplied(source[field]), ...spec[field] }
    return targetMergePolicy === 'Ignore' ? { ...target[field] } : targetMergePolicy === 'Replace' ? own : { ...target[field], ...own }
  }
  return { labels: merged('labels'), annotations: merged('annotations') }
}

function specOf(metadata: unknown): MetadataSpec {
  if (metadata === undefined || metadata === null) return {}
  const given = metadata as { apiVersion?: unknown; kind?: unknown; spec?: MetadataSpec }
  if (given.apiVersion !== apiVersion) throw new Error(`unable to parse metadata parameters: unexpected apiVersion ${JSON.stringify(given.apiVersion)}, expected ${JSON.stringify(apiVersion)}`)
  if (given.kind !== 'PushSecretMetadata') throw new Error(`unable to parse metadata parameters: unexpected kind ${JSON.stringify(given.kind)}, expected "PushSecretMetadata"`)
  const spec = given.spec ?? {}
  const strange = Object.keys(spec).find((name) => !known.has(name))
  if (strange !== undefined) throw new Error(`unable to parse metadata parameters: unknown field "spec.${strange}"`)
  if (spec.remoteNamespace !== undefined && spec.remoteNamespace !== '') throw new Error('spec.remoteNamespace of PushSecretMetadata is not supported by this stand-in')
  return spec
}

/** kubectl's own annotation repeats the values of the Secret. */
function withoutApplied(marks: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(marks ?? {}).filter(([name]) => name !== 'kubectl.kubernetes.io/last-applied-configuration'))
}
