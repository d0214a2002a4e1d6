import { apiVersionOf, type Status } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { respondBatches } from '@idp/http'
import { isCoded, messageOf } from '@idp/kit'
import type { Change } from '@idp/store'
import { apiErrorOf } from '../answer.ts'
import { convertObject } from '../presenter.ts'
import { rangeOf } from '../object-storage.ts'
import { isTrue } from '../request-info.ts'
import { filterOf, type ObjectFilter } from '../selectors.ts'
import type { ResourceRequest } from '../server-context.ts'
import { tableOf } from '../table.ts'
import { presenterOf } from './presenter-of.ts'
import { expired, parseRevision } from './read.ts'
import { acceptedOf } from './representation.ts'
import { metadataOnly } from './respond.ts'

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'

const encoder = new TextEncoder()
const bookmarkEvery = 60_000
/** How many batches may wait for a slow reader before the store is no longer read for it. */
const highWater = 16

/** One event, as a caller in this process takes it; `encode` when a line is wanted. */
interface Event { readonly type: EventType | 'ERROR'; readonly object: object; readonly bytes?: () => Uint8Array }

/** GET with `watch=true`: a stream of events from a revision on. */
export function watchObjects(request: ResourceRequest): Response {
  const stop = new AbortController()
  const abort = () => stop.abort()
  const { server } = request
  request.request.signal.addEventListener('abort', abort, { once: true })
  server.signal.addEventListener('abort', abort, { once: true })
  const timeout = server.clock.timer(timeoutOf(request), abort)
  const cleanUp = () => {
    timeout[Symbol.dispose]()
    request.request.signal.removeEventListener('abort', abort)
    server.signal.removeEventListener('abort', abort)
    stop.abort()
  }
  // Selectors and versions are read before the answer begins, so that a bad one is a 400 and not a broken stream.
  const events = eventsOf(request, filterOf(request.resource, request.search), startOf(request), stop.signal)
  const batches = untilEnd(request, events, stop.signal, cleanUp)
  return respondBatches(batches, linesOf, { headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' } }, highWater)
}

/** The events as an iterator that ends at once when its reader returns it, even while it waits for the store. */
function untilEnd(request: ResourceRequest, events: AsyncGenerator<readonly Event[]>, signal: AbortSignal, cleanUp: () => void): AsyncIterableIterator<readonly Event[]> {
  let failed = false
  const iterator: AsyncIterableIterator<readonly Event[]> = {
    async next() {
      if (failed) return { done: true, value: undefined }
      try {
        const result = await events.next()
        if (result.done !== true && !signal.aborted) return result
      } catch (error) {
        failed = true
        if (!signal.aborted) {
          cleanUp()
          return { done: false, value: [errorEvent(request, error)] }
        }
      }
      cleanUp()
      return { done: true, value: undefined }
    },
    async return() {
      cleanUp()
      void events.return(undefined)
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}

function errorEvent({ server }: ResourceRequest, error: unknown): Event {
  const status: Status = isCoded(error, 'Compacted', 'SlowWatcher')
    ? { ...expired(false).toStatus(), message: `too old resource version: ${messageOf(error)}` }
    : apiErrorOf(error, server.log).toStatus()
  return { type: 'ERROR', object: status }
}

function timeoutOf({ search, server }: ResourceRequest): number {
  const asked = Number(search.get('timeoutSeconds') ?? 0)
  if (asked > 0) return asked * 1000
  // Between 30 and 60 minutes, so that watches do not all come back at once.
  return (1800 + ((server.random(2)[0] ?? 0) / 255) * 1800) * 1000
}

interface Start { readonly after: number | undefined; readonly endOfInitial: boolean }

/** `after` undefined: begin with what is there now. */
function startOf({ search, server }: ResourceRequest): Start {
  const version = search.get('resourceVersion') ?? ''
  const initial = isTrue(search.get('sendInitialEvents'))
  if (initial || version === '' || version === '0') return { after: undefined, endOfInitial: initial && isTrue(search.get('allowWatchBookmarks')) }
  const after = parseRevision(version)
  if (after < server.storage.store.compacted) throw expired(false)
  return { after, endOfInitial: false }
}

async function* eventsOf(request: ResourceRequest, filter: ObjectFilter | undefined, start: Start, signal: AbortSignal): AsyncGenerator<readonly Event[]> {
  const { server, resource, info } = request
  const { store } = server.storage
  const range = rangeOf(resource, info.namespace)
  const event = eventMaker(request)
  let at = start.after
  if (at === undefined) {
    const { entries, revision } = store.list(range)
    const present = presenterOf(server)
    const batch: Event[] = []
    for (const entry of entries) {
      const object = await present.object(resource, entry)
      if (filter === undefined || filter(object)) batch.push(event('ADDED', object, () => present.bytes(entry, object)))
    }
    if (start.endOfInitial) batch.push(event('BOOKMARK', bookmark(request, revision, true)))
    if (batch.length > 0) yield batch
    at = revision
  }
  const wantsBookmarks = isTrue(request.search.get('allowWatchBookmarks'))
  for await (const changes of withBookmarks(request, store.watch(range, at, signal), wantsBookmarks, signal)) {
    if (changes === 'bookmark') {
      yield [event('BOOKMARK', bookmark(request, store.revision, false))]
      continue
    }
    const batch: Event[] = []
    for (const change of changes) {
      const seen = await seenOf(request, change, filter)
      if (seen !== undefined) batch.push(event(seen.type, seen.object, seen.bytes))
    }
    if (batch.length > 0) yield batch
  }
}

/** The batches of a watch, with `'bookmark'` in between when a minute passed. */
async function* withBookmarks(request: ResourceRequest, changes: AsyncIterable<readonly Change[]>, wanted: boolean, signal: AbortSignal): AsyncGenerator<readonly Change[] | 'bookmark'> {
  if (!wanted) {
    yield* changes
    return
  }
  const iterator = changes[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    while (!signal.aborted) {
      let due = () => {}
      const bookmarkDue = new Promise<'bookmark'>((resolve) => (due = () => resolve('bookmark')))
      const timer = request.server.clock.timer(bookmarkEvery, due)
      const result = await Promise.race([next, bookmarkDue])
      timer[Symbol.dispose]()
      if (result === 'bookmark') yield result
      else if (result.done === true) return
      else {
        next = iterator.next()
        yield result.value
      }
    }
  } finally {
    next.catch(() => undefined)
    void iterator.return?.(undefined)
  }
}

interface Seen { readonly type: EventType; readonly object: AnyObject; readonly bytes?: () => Uint8Array }

/** What a change is to a watcher who sees only what passes its filter. */
async function seenOf(request: ResourceRequest, change: Change, filter: ObjectFilter | undefined): Promise<Seen | undefined> {
  const { server: { storage }, resource } = request
  const present = presenterOf(request.server)
  const { entry, previous } = change
  if (entry === undefined) {
    if (previous === undefined) return undefined
    const last = storage.codec.deleted(previous, change.revision)
    if (filter !== undefined && !filter(await present.convert(resource, last.object))) return undefined
    if (last.object.apiVersion === apiVersionOf(resource.kind)) return { type: 'DELETED', object: last.object, bytes: () => last.bytes }
    return { type: 'DELETED', object: await convertObject(resource, last.object) }
  }
  const object = await present.object(resource, entry)
  const seen = (type: EventType): Seen => ({ type, object, bytes: () => present.bytes(entry, object) })
  if (filter === undefined) return seen(previous === undefined ? 'ADDED' : 'MODIFIED')
  const is = filter(object)
  const was = previous !== undefined && filter(await present.object(resource, previous))
  if (!is && !was) return undefined
  return seen(is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED')
}

const frameEnd = encoder.encode('}\n')
const frames = new Map<Event['type'], Uint8Array>()

/** One line per event. */
function linesOf(batch: readonly Event[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { type, object, bytes } of batch) {
    let frame = frames.get(type)
    if (frame === undefined) frames.set(type, (frame = encoder.encode(`{"type":"${type}","object":`)))
    parts.push(frame, bytes?.() ?? encoder.encode(JSON.stringify(object)), frameEnd)
  }
  return Buffer.concat(parts)
}

/** Events in the representation the caller accepts. */
function eventMaker(request: ResourceRequest): (type: EventType, object: AnyObject, bytes?: () => Uint8Array) => Event {
  const { as } = acceptedOf(request.request)
  if (as === 'object') return (type, object, bytes) => ({ type, object, ...(bytes === undefined ? {} : { bytes }) })
  if (as === 'metadata') return (type, object) => ({ type, object: metadataOnly(object) })
  let first = true
  return (type, object) => {
    const table = eventTable(request, type, object, first)
    if (type !== 'BOOKMARK') first = false
    return { type, object: table }
  }
}

/** Only the first table of a watch carries the columns. */
function eventTable(request: ResourceRequest, type: EventType, object: AnyObject, first: boolean): object {
  const table = tableOf(request, type === 'BOOKMARK' ? [] : [object], object.metadata)
  return first ? table : { ...table, columnDefinitions: null }
}

function bookmark({ resource }: ResourceRequest, revision: number, endOfInitial: boolean): AnyObject {
  return {
    kind: resource.kind.kind, apiVersion: apiVersionOf(resource.kind),
    metadata: { resourceVersion: String(revision), creationTimestamp: null, ...(endOfInitial ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) },
  }
}
