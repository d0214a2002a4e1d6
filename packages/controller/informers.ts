import { apiVersionOf, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import { informer, withoutManagedFields, type Informer } from './informer.ts'

/** One informer per kind, shared by everything in a manager. */
export interface Informers {
  /** The informer of a kind; starts it when nobody has asked before. */
  of<T extends KubeObject>(kind: Kind<T>): Informer<T>
  /** As `of`, but content with metadata alone: reuses a full informer when there is one. Do not ask `of` for the kind later. */
  metadataOf(kind: Kind): Informer<KubeObject>
  /** The informer of a kind if it runs. */
  known<T extends KubeObject>(kind: Kind<T>): Informer<T> | undefined
  /** Ends and forgets the informer of a kind that is no longer served. */
  drop(kind: Kind): void
  readonly synced: boolean
}

export interface InformersOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Keeps managedFields in the caches. */
  readonly keepManagedFields?: boolean
  /** Leaves out of an object what nobody here reads, to save memory. Gives a new object and leaves the one it is given as it is. */
  readonly trim?: (kind: Kind, object: KubeObject) => KubeObject
}

export function createInformers({ client, clock, log, signal, keepManagedFields = false, trim }: InformersOptions): Informers {
  const running = new Map<string, { informer: Informer<KubeObject>; stop: AbortController }>()
  const keyOf = (kind: Kind) => `${apiVersionOf(kind)}/${kind.plural}`
  const start = (kind: Kind, transform: (object: KubeObject) => KubeObject) => {
    const stop = new AbortController()
    const started = informer(client, kind, { clock, log, transform, signal: AbortSignal.any([signal, stop.signal]) })
    running.set(keyOf(kind), { informer: started, stop })
    return started
  }
  const kept = keepManagedFields ? (object: KubeObject) => object : withoutManagedFields
  const transformOf = (kind: Kind) => (trim === undefined ? kept : (object: KubeObject) => trim(kind, kept(object)))
  return {
    // The key names the kind, so the informer found under it is one of that kind.
    of: <T extends KubeObject>(kind: Kind<T>) => (running.get(keyOf(kind))?.informer ?? start(kind, transformOf(kind))) as unknown as Informer<T>,
    metadataOf: (kind) => running.get(keyOf(kind))?.informer ?? start(kind, metadataOnly),
    known: <T extends KubeObject>(kind: Kind<T>) => running.get(keyOf(kind))?.informer as Informer<T> | undefined,
    drop(kind) {
      running.get(keyOf(kind))?.stop.abort(new Error(`${kind.kind} is no longer served`))
      running.delete(keyOf(kind))
    },
    get synced() { return running.values().every((entry) => entry.informer.hasSynced) },
  }
}

/** An object without its content, and without annotations. */
export function metadataOnly({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { managedFields: _dropped, annotations: _unread, ...kept } = metadata
  return { apiVersion, kind, metadata: kept }
}
