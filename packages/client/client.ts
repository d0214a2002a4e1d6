import type { Kind } from '@idp/api'
import type { AnyObject, JsonObject, KubeObject } from '@idp/formats'

export interface At { readonly namespace?: string | undefined }

export interface ListQuery extends At {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  /** The caller promises to change nothing of what it gets: objects of a server in this process are then handed out without a copy. */
  readonly shared?: boolean
}

export interface ObjectList<T> {
  readonly items: T[]
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number }
}

/** The objects of a watch are always shared with others in this process: never change them. */
export interface WatchQuery extends Omit<ListQuery, 'limit' | 'continue' | 'shared'> {
  readonly signal: AbortSignal
  readonly allowBookmarks?: boolean
  readonly timeoutSeconds?: number
}

/** `BOOKMARK` carries only a resourceVersion. An `ERROR` event is thrown as ApiError (`Expired`: list again). */
export interface WatchEvent<T> { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }

export interface WriteOptions extends At {
  readonly fieldManager?: string
  readonly dryRun?: boolean
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  /** e.g. `status`, `scale`. */
  readonly subresource?: string
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string
  /** Takes over fields that other managers own; without it a conflict throws ApiError `Conflict` with causes. */
  readonly force?: boolean
}

export type PatchType = 'json' | 'merge' | 'strategic'

export interface DeleteOptions extends At {
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly gracePeriodSeconds?: number
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: boolean
}

/**
 * A client of the Kubernetes API, typed by the kind. Works in process over a Handler and over the network alike.
 * Every method throws ApiError with the server's Status when the answer is 400 or above, and CodedError `ApiUnreachable` when there is none.
 * The namespace of an object given to create, update and apply is taken from its metadata unless `namespace` is set.
 */
export interface Client {
  get<T extends KubeObject>(kind: Kind<T>, name: string, at?: At & { readonly subresource?: string }): Promise<T>
  list<T extends KubeObject>(kind: Kind<T>, query?: ListQuery): Promise<ObjectList<T>>
  watch<T extends KubeObject>(kind: Kind<T>, query: WatchQuery): AsyncIterable<WatchEvent<T>>
  create<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>
  /** PUT; with `metadata.resourceVersion` it is conditional. */
  update<T extends KubeObject>(kind: Kind<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(kind: Kind<T>, name: string, patch: JsonObject | JsonObject[], options: WriteOptions & { readonly type: PatchType }): Promise<T>
  /** Server-side apply. */
  apply<T extends KubeObject>(kind: Kind<T>, object: T, options: ApplyOptions): Promise<T>
  delete(kind: Kind, name: string, options?: DeleteOptions): Promise<void>
  deleteCollection(kind: Kind, query?: ListQuery & DeleteOptions): Promise<void>
  /** The kind served for `apiVersion` and `kind`, from discovery (cached; asked again when unknown). Throws ApiError `NotFound` with kubectl's words: `no matches for kind "X" in version "y/v1"`. */
  kindOf(apiVersion: string, kind: string): Promise<Kind<AnyObject>>
  /** All served kinds at their preferred versions. */
  kinds(): Promise<readonly Kind<AnyObject>[]>
  /** Anything else: `/healthz`, logs, proxy. `path` begins with `/`. Does not throw on 400 and above. */
  request(path: string, init?: RequestInit): Promise<Response>
}
