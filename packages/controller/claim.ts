import type { Kind } from '@idp/api'
import { matchesLabelSelector, matchesRequirements, selectorRequirements, type KubeObject, type LabelSelector } from '@idp/formats'
import type { Index, Scope } from './controller.ts'
import { controllerOf, controllerReference, isControlledBy } from './owner-reference.ts'

/** Objects nobody controls, by namespace: what a controller may adopt. */
const orphans: Index<KubeObject> = {
  name: 'orphans by namespace',
  of: (object) => (controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : []),
}

export interface ClaimOptions<T extends KubeObject> {
  readonly owner: KubeObject
  readonly ownerKind: Kind
  readonly childKind: Kind<T>
  readonly selector: LabelSelector | undefined
  /** Further conditions on orphans, e.g. a name that fits; every orphan that the selector matches by default. */
  readonly adopts?: (orphan: T) => boolean
}

/**
 * The children an owner works with: those it controls and that match, after releasing what no longer matches and adopting orphans that do.
 * An owner that is being deleted neither adopts nor releases.
 */
export async function claim<T extends KubeObject>({ owner, ownerKind, childKind, selector, adopts = () => true }: ClaimOptions<T>, scope: Scope): Promise<T[]> {
  const cache = scope.cache(childKind)
  const { namespace = '', uid = '' } = owner.metadata
  const mine: T[] = []
  const deleting = owner.metadata.deletionTimestamp !== undefined
  const requirements = selector === undefined ? undefined : selectorRequirements(selector)
  const matches = (child: T) => requirements !== undefined && matchesRequirements(requirements, child.metadata.labels ?? {})
  for (const child of cache.ownedBy(uid)) {
    if (matches(child)) mine.push(child)
    else if (!deleting && child.metadata.deletionTimestamp === undefined) await release(child, uid, childKind, scope)
  }
  if (deleting) return mine
  for (const orphan of cache.by(orphans as Index<T>, namespace)) {
    if (orphan.metadata.deletionTimestamp !== undefined || !matches(orphan) || !adopts(orphan)) continue
    mine.push(await adopt(orphan, { owner, ownerKind, childKind }, scope))
  }
  return mine
}

/** Keys of the owners whose selector matches an orphan: the `map` of a `watches` row beside `owns`. */
export function ownersOfOrphan<T extends KubeObject>(ownerKind: Kind<T>, selectorOf: (owner: T) => LabelSelector | undefined) {
  return (object: KubeObject, scope: Scope): { namespace: string | undefined; name: string }[] => {
    if (controllerOf(object) !== undefined || object.metadata.labels === undefined) return []
    const { namespace = '', labels } = object.metadata
    return scope.cache(ownerKind).list({ namespace })
      .filter((owner) => matchesLabelSelector(selectorOf(owner), labels))
      .map((owner) => ({ namespace, name: owner.metadata.name ?? '' }))
  }
}

async function release<T extends KubeObject>(child: T, ownerUid: string, kind: Kind<T>, { client }: Scope): Promise<void> {
  const { name = '', namespace, uid = '', ownerReferences = [] } = child.metadata
  const left = ownerReferences.filter((reference) => reference.uid !== ownerUid)
  await client.patch(kind, name, { metadata: { uid, ownerReferences: left.length === 0 ? null : (left as never[]) } }, { namespace, type: 'merge' })
}

async function adopt<T extends KubeObject>(orphan: T, { owner, ownerKind, childKind }: Pick<ClaimOptions<T>, 'owner' | 'ownerKind' | 'childKind'>, { client }: Scope): Promise<T> {
  if (isControlledBy(orphan, owner)) return orphan
  const { name = '', namespace, uid = '', ownerReferences = [] } = orphan.metadata
  const references = [...ownerReferences.filter((r) => r.uid !== owner.metadata.uid), controllerReference(ownerKind, owner)]
  return client.patch(childKind, name, { metadata: { uid, ownerReferences: references as never[] } }, { namespace, type: 'merge' })
}
