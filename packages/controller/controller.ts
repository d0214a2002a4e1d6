import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import type { Informers } from './informers.ts'

/** Names one object in a work queue. */
export interface Key { readonly namespace?: string | undefined; readonly name: string }

/** What a pass came to. `requeueAfter` in milliseconds: look again then even if nothing changes. */
export interface Outcome<T extends KubeObject = KubeObject> {
  /** The status to write, if it differs from the live one. Written once, by the loop, through the status subresource. */
  readonly status?: unknown
  readonly requeueAfter?: number
  /** What went wrong although the pass has a status to write: it is written, and the pass repeated after its back-off. */
  readonly failed?: unknown
  /** For a finalizer: true when the object may go now. */
  readonly done?: boolean
  /** The object as the pass last wrote it, when it changed it: the status write builds on this one. */
  readonly object?: T
}

/** Thrown when something else must happen first; the pass is repeated after `ms` or when a watched object changes. Not an error. */
export class Waiting extends Error {
  override readonly name = 'Waiting'
  readonly ms: number
  constructor(reason: string, ms = 5_000) {
    super(reason)
    this.ms = ms
  }
}

/** Thrown when only a change of the object (or of what it refers to) can help; not repeated until then. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
}

/** A named way to find objects of a kind by a value, e.g. pods by node. Make it once, at module level: caches know it by identity. */
export interface Index<T extends KubeObject> { readonly name: string; of(object: T): Iterable<string> }

/** A read-only view of a kind, kept current by one list and watch; shared by all controllers of a manager. */
export interface Cache<T extends KubeObject> {
  get(name: string, namespace?: string): T | undefined
  list(filter?: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> }): readonly T[]
  /** Objects whose controller owner reference has this uid. */
  ownedBy(uid: string): readonly T[]
  /** Objects with `value` in an index. */
  by(index: Index<T>, value: string): readonly T[]
}

/** What a pass may use. */
export interface Scope {
  /** Its writes are in the caches when they return. */
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** The shared cache of a kind named in `for`, `owns`, `watches` or `reads`. Objects in it are frozen. */
  cache<T extends KubeObject>(kind: Kind<T>): Cache<T>
  /** Records a Kubernetes Event about `object`, aggregated as upstream's recorder does. */
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** Another kind whose changes concern objects of `for`. */
export interface Watch<S extends KubeObject = KubeObject> {
  readonly kind: Kind<S>
  /** Which objects to look at again. Called with the object before and with the object after a change; `change` has both. */
  map(object: S, scope: Scope, change: { readonly before: S | undefined; readonly after: S | undefined }): Iterable<Key>
}

/** Why a pass did not come to an end. */
export interface Problem {
  readonly kind: 'Waiting' | 'Stalled' | 'Failed'
  readonly message: string
  readonly error: unknown
}

/**
 * A control loop: looks at the world now, computes what is missing, does one step, is safe to run again.
 * `reconcile` throws Waiting, Stalled, or anything else (back-off); the loop alone turns that into conditions, events and retries.
 */
export interface Controller<T extends KubeObject = KubeObject> {
  readonly name: string
  readonly for: Kind<T>
  /** Kinds whose objects carry a controller owner reference to `for`. */
  readonly owns?: readonly Kind<KubeObject>[]
  readonly watches?: readonly Watch<never>[]
  /** Kinds that are read through the cache without waking the loop. */
  readonly reads?: readonly Kind<KubeObject>[]
  /** How many objects are worked on at once; 1 by default. */
  readonly concurrency?: number
  /** Changes of `for` that need no pass are left out; every change counts by default. */
  concerns?(before: T | undefined, after: T): boolean
  reconcile(object: T, scope: Scope): Promise<Outcome | void>
  /** With `finalizer`, runs when the object is being deleted; the finalizer is added before the first reconcile and removed when this returns `done: true`. */
  readonly finalizer?: string
  finalize?(object: T, scope: Scope): Promise<Outcome>
  /** The status that tells a reader of a problem; without it the status stays as it is. */
  explain?(object: T, problem: Problem, scope: Scope): unknown
  /** Runs after an object is gone (no finalizer needed), e.g. to forget it. */
  gone?(key: Key, scope: Scope): Promise<void>
}

/** A loop of another shape: sweeps, or follows kinds that are only known at run time. It ends with the signal. */
export interface Loop {
  readonly name: string
  readonly reads?: readonly Kind<KubeObject>[]
  run(scope: Scope & { readonly informers: Informers }): Promise<void>
  /** True when it has nothing to do right now; for tests that wait for quiet. */
  idle?(): boolean
}

/** Helper for a typed `watches` row. */
export function watch<S extends KubeObject>(kind: Kind<S>, map: Watch<S>['map']): Watch<never> {
  return { kind, map } as unknown as Watch<never>
}
