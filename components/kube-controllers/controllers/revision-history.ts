import { ControllerRevision, isApiError, type Kind } from '@idp/api'
import { claim, controllerReference, type Scope } from '@idp/controller'
import { deepEqual, type KubeObject, type LabelSelector } from '@idp/formats'
import { revisionHashLabel } from '../engine/pod-from-template.ts'
import { safeHash } from '../engine/safe-hash.ts'

export interface HistoryOptions {
  readonly owner: KubeObject
  readonly ownerKind: Kind
  readonly selector: LabelSelector | undefined
  /** What a revision remembers: the owner as a patch. */
  readonly data: unknown
  readonly labels: Readonly<Record<string, string>>
  readonly collisions: number
}

/** All revisions of an owner, oldest first, and the one that equals its present data; it is made, or becomes the newest again, when it is not. */
export async function revisionHistory(options: HistoryOptions, scope: Scope): Promise<{ readonly all: readonly ControllerRevision[]; readonly update: ControllerRevision; readonly collisions: number }> {
  const { owner, ownerKind, selector, data } = options
  const found = await claim({ owner, ownerKind, childKind: ControllerRevision, selector }, scope)
  const all = [...found].sort(byRevision)
  const last = all.at(-1)
  const equal = all.findLast((revision) => deepEqual(revision.data, data))
  const next = (last?.revision ?? 0) + 1
  if (equal !== undefined && equal.metadata.uid === last?.metadata.uid) return { all, update: equal, collisions: options.collisions }
  if (equal !== undefined) {
    const update = await scope.client.update(ControllerRevision, { ...equal, revision: next })
    return { all: [...all.filter((r) => r.metadata.uid !== equal.metadata.uid), update], update, collisions: options.collisions }
  }
  const { update, collisions } = await createRevision(options, next, scope)
  return { all: [...all, update], update, collisions }
}

async function createRevision({ owner, ownerKind, data, labels, collisions: first }: HistoryOptions, revision: number, { client }: Scope): Promise<{ update: ControllerRevision; collisions: number }> {
  const { name = '', namespace } = owner.metadata
  for (let collisions = first; ; collisions++) {
    const hash = safeHash(data, collisions)
    const draft: ControllerRevision = {
      apiVersion: 'apps/v1', kind: 'ControllerRevision', revision, data: data as NonNullable<ControllerRevision['data']>,
      metadata: {
        name: `${name}-${hash}`, ...(namespace === undefined ? {} : { namespace }), labels: { ...labels, [revisionHashLabel]: hash },
        ownerReferences: [controllerReference(ownerKind, owner)],
      },
    }
    try {
      return { update: await client.create(ControllerRevision, draft), collisions }
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
      const taken = await client.get(ControllerRevision, draft.metadata.name ?? '', { namespace })
      if (deepEqual(taken.data, data)) return { update: taken, collisions }
    }
  }
}

/** Deletes the oldest revisions beyond `limit` that are not in use. */
export async function trimHistory(all: readonly ControllerRevision[], inUse: ReadonlySet<string>, limit: number, { client }: Scope): Promise<void> {
  const idle = all.filter((revision) => !inUse.has(revision.metadata.name ?? '') && !inUse.has(revision.metadata.labels?.[revisionHashLabel] ?? ''))
  for (const revision of idle.slice(0, Math.max(0, idle.length - limit))) {
    await client.delete(ControllerRevision, revision.metadata.name ?? '', { namespace: revision.metadata.namespace })
  }
}

function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1)
}
