import { failure } from './failure.ts'
import type { SortOptions } from './kustomization.ts'
import type { Resource } from './resource.ts'
import { formatGvk, idOf, type ResourceId } from './resource-id.ts'
import type { Transform } from './transform.ts'

const FIRST = [
  'Namespace', 'ResourceQuota', 'StorageClass', 'CustomResourceDefinition', 'ServiceAccount', 'PodSecurityPolicy', 'Role', 'ClusterRole', 'RoleBinding',
  'ClusterRoleBinding', 'ConfigMap', 'Secret', 'Endpoints', 'Service', 'LimitRange', 'PriorityClass', 'PersistentVolume', 'PersistentVolumeClaim',
  'Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget',
]
const LAST = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']

/** The order of the output: `fifo` as loaded, or `legacy` by kind (the default), then group, version, namespace and name. */
export function sortResources(options: SortOptions | undefined, where: string): Transform {
  const order = options === undefined ? 'legacy' : options.order
  if (order !== 'legacy' && order !== 'fifo') throw failure('InvalidKustomization', "the field 'sortOptions.order' must be one of [fifo, legacy]", where)
  if (order === 'fifo') {
    if (options?.legacySortOptions !== undefined) {
      throw failure('InvalidKustomization', "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'", where)
    }
    return (resources) => resources
  }
  const ranks = new Map<string, number>()
  const first = options?.legacySortOptions?.orderFirst ?? (options?.legacySortOptions === undefined ? FIRST : [])
  const last = options?.legacySortOptions?.orderLast ?? (options?.legacySortOptions === undefined ? LAST : [])
  first.forEach((kind, i) => ranks.set(kind, i - first.length))
  last.forEach((kind, i) => ranks.set(kind, i + 1))
  const known = new WeakMap<Resource, SortKey>()
  const keyOf = (resource: Resource): SortKey => {
    let key = known.get(resource)
    if (key === undefined) known.set(resource, key = sortKey(resource, ranks))
    return key
  }
  let before: readonly SortKey[] = []
  return (resources) => {
    before = sorted(resources.map(keyOf), before)
    return before.map(({ resource }) => resource)
  }
}

/** Sorts; what was sorted before keeps its order, and only the rest is put in its place. */
function sorted(keys: SortKey[], last: readonly SortKey[]): SortKey[] {
  const now = new Set(keys)
  const kept = last.filter((key) => now.has(key))
  if (kept.length * 2 < keys.length) return keys.sort(compareKeys)
  for (const key of kept) now.delete(key)
  const added = [...now].sort(compareKeys)
  const all: SortKey[] = []
  let next = 0
  for (const key of kept) {
    for (let other = added[next]; other !== undefined && compareKeys(other, key) < 0; other = added[++next]) all.push(other)
    all.push(key)
  }
  const whole = [...all, ...added.slice(next)]
  // Equal keys stand in the order they came in, which only sorting anew can tell.
  return whole.length === keys.length && whole.every((key, i) => i === 0 || compareKeys(whole[i - 1] ?? key, key) < 0) ? whole : keys.sort(compareKeys)
}

interface SortKey { readonly resource: Resource; readonly rank: number; readonly gvk: string; readonly id: string; readonly coreNamespace: boolean }

function sortKey(resource: Resource, ranks: ReadonlyMap<string, number>): SortKey {
  const id = idOf(resource.object)
  const gvk = `${id.group === '' ? '~G' : id.group}_${id.version === '' ? '~V' : id.version}_${id.kind === '' ? '~K' : id.kind}`
  return { resource, rank: ranks.get(id.kind) ?? 0, gvk, id: idText(id), coreNamespace: id.kind === 'Namespace' && id.group === '' }
}

function idText(id: ResourceId): string {
  return `${formatGvk(id)}|${id.namespace === '' ? '~X' : id.namespace}|${id.name === '' ? '~N' : id.name}`
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a.gvk === b.gvk) return compareText(a.id, b.id)
  if (a.rank !== b.rank) return a.rank - b.rank
  // A core Namespace comes before those of other groups.
  const bothNamespaces = (a.coreNamespace || b.coreNamespace) && a.gvk.endsWith('_Namespace') && b.gvk.endsWith('_Namespace')
  return bothNamespaces ? compareText(b.gvk, a.gvk) : compareText(a.gvk, b.gvk)
}

/** By code unit, which is Go's order for all that may stand in names. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
