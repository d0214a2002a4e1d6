import { apiVersionOf, type Status } from '@idp/api'
import type { AnyObject } from '@idp/formats'
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

/** GET with `watch=true`: a stream of events from a revision on. */
export function watchObjects(request: ResourceRequest): Response {
  const stop = new AbortController()
  const abort = () => stop.abort()
  const { server } = request
  request.request.signal.addEventListener('abort', abort, { once: true })
  server.signal.addEventListener('abort', abort, { once: true })
  const timeout = server.clock.timer(timeoutOf(request), abort)
  let drained = () => {}
  const cleanUp = () => {
    timeout[Symbol.dispose]()
    request.request.signal.removeEventListener('abort', abort)
    server.signal.removeEventListener('abort', abort)
    stop.abort()
    drained()
  }
  // Selectors and versions are read before the answer begins, so that a bad one is a 400 and not a broken stream.
  const events = eventsOf(request, filterOf(request.resource, request.search), startOf(request), stop.signal)
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      // Not awaited: the stream is open at once, before the first event.
      void pump(controller)
    },
    pull() { drained() },
    cancel: cleanUp,
  }, { highWaterMark: highWater })
  async function pump(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of events) {
        if (stop.signal.aborted) break
        controller.enqueue(chunk)
        if ((controller.desiredSize ?? 1) <= 0) await new Promise<void>((resolve) => (drained = resolve))
      }
    } catch (error) {
      if (!stop.signal.aborted) controller.enqueue(errorEvent(request, error))
    }
    cleanUp()
    try {
      controller.close()
    } catch {
      // Cancelled by the reader in the meantime.
    }
  }
  return new Response(body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' } })
}

function errorEvent({ server }: ResourceRequest, error: unknown): Uint8Array {
  const status: Status = isCoded(error, 'Compacted', 'SlowWatcher')
    ? { ...expired(false).toStatus(), message: `too old resource version: ${messageOf(error)}` }
    : apiErrorOf(error, server.log).toStatus()
  return encoder.encode(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
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

async function* eventsOf(request: ResourceRequest, filter: ObjectFilter | undefined, start: Start, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const { server, resource, info } = request
  const { store } = server.storage
  const range = rangeOf(resource, info.namespace)
  const write = eventWriter(request)
  let at = start.after
  if (at === undefined) {
    const { entries, revision } = store.list(range)
    const present = presenterOf(server)
    const lines: Uint8Array[] = []
    for (const entry of entries) {
      const object = await present.object(resource, entry)
      if (filter === undefined || filter(object)) lines.push(write('ADDED', object, await present.bytes(resource, entry)))
    }
    if (start.endOfInitial) lines.push(write('BOOKMARK', bookmark(request, revision, true)))
    if (lines.length > 0) yield Buffer.concat(lines)
    at = revision
  }
  const wantsBookmarks = isTrue(request.search.get('allowWatchBookmarks'))
  for await (const batch of withBookmarks(request, store.watch(range, at, signal), wantsBookmarks, signal)) {
    if (batch === 'bookmark') {
      yield write('BOOKMARK', bookmark(request, store.revision, false))
      continue
    }
    const lines: Uint8Array[] = []
    for (const change of batch) {
      const event = await eventOf(request, change, filter)
      if (event !== undefined) lines.push(write(event.type, event.object, event.bytes))
    }
    if (lines.length > 0) yield lines.length === 1 && lines[0] !== undefined ? lines[0] : Buffer.concat(lines)
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

async function eventOf(request: ResourceRequest, change: Change, filter: ObjectFilter | undefined): Promise<{ type: EventType; object: AnyObject; bytes?: Uint8Array } | undefined> {
  const { server: { storage }, resource } = request
  const present = presenterOf(request.server)
  const { entry, previous } = change
  if (entry === undefined) {
    if (previous === undefined) return undefined
    const last = storage.codec.deleted(previous, change.revision)
    if (filter !== undefined && !filter(await present.convert(resource, last.object))) return undefined
    if (last.object.apiVersion === apiVersionOf(resource.kind)) return { type: 'DELETED', object: last.object, bytes: last.bytes }
    return { type: 'DELETED', object: await convertObject(resource, last.object) }
  }
  const whole = async (type: EventType) => ({ type, object: await present.object(resource, entry), bytes: await present.bytes(resource, entry) })
  if (filter === undefined) return whole(previous === undefined ? 'ADDED' : 'MODIFIED')
  const is = filter(await present.object(resource, entry))
  const was = previous !== undefined && filter(await present.object(resource, previous))
  if (!is && !was) return undefined
  return whole(is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED')
}

const frames: Readonly<Record<EventType, Uint8Array>> = {
  ADDED: encoder.encode('{"type":"ADDED","object":'), MODIFIED: encoder.encode('{"type":"MODIFIED","object":'),
  DELETED: encoder.encode('{"type":"DELETED","object":'), BOOKMARK: encoder.encode('{"type":"BOOKMARK","object":'),
}
const frameEnd = encoder.encode('}\n')

/** One line per event, in the representation the caller accepts. */
function eventWriter(request: ResourceRequest): (type: EventType, object: AnyObject, bytes?: Uint8Array) => Uint8Array {
  const { as } = acceptedOf(request.request)
  let first = true
  return (type, object, bytes) => {
    const body = as === 'object' ? bytes ?? encoder.encode(JSON.stringify(object)) : encoder.encode(JSON.stringify(as === 'metadata' ? metadataOnly(object) : eventTable(request, type, object, first)))
    if (type !== 'BOOKMARK') first = false
    return Buffer.concat([frames[type], body, frameEnd])
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
