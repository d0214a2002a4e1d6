import { ApiError, apiVersionOf } from '@idp/api'
import { isCoded } from '@idp/kit'
import type { AnyObject } from '@idp/formats'
import type { Entry } from '@idp/store'
import { answerJson } from '../answer.ts'
import { notFound, rangeOf } from '../object-storage.ts'
import { filterOf } from '../selectors.ts'
import type { ResourceRequest } from '../server-context.ts'
import { tableOf } from '../table.ts'
import { presenterOf } from './presenter-of.ts'
import { acceptedOf } from './representation.ts'
import { metadataOnly, respond } from './respond.ts'

/** GET of one object. */
export async function getObject(request: ResourceRequest): Promise<Response> {
  const { server, resource, info } = request
  const entry = server.storage.entry(resource, info)
  if (entry === undefined) throw notFound(resource, info.name)
  const present = presenterOf(server)
  const object = await present.object(resource, entry)
  return isPlain(request) ? answerJson(object, 200, {}, () => present.bytes(entry, object)) : respond(request, object)
}

interface Page {
  readonly entries: readonly Entry[]
  readonly revision: number
  /** Where the next page begins. */
  readonly next: string | undefined
  readonly remaining: number | undefined
}

/** GET of a collection: selectors, limit and continue at one revision, tables and metadata. */
export async function listObjects(request: ResourceRequest): Promise<Response> {
  const { server, resource } = request
  const page = await readPage(request)
  const present = presenterOf(server)
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.next === undefined ? {} : { continue: page.next, ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }) }),
  }
  const kind = { kind: `${resource.kind.kind}List`, apiVersion: apiVersionOf(resource.kind) }
  const objects = await present.objects(resource, page.entries)
  if (isPlain(request)) {
    return answerJson({ ...kind, metadata, items: objects }, 200, {}, () => joinList(
      `{"kind":"${kind.kind}","apiVersion":"${kind.apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
      page.entries.map((entry, i) => present.bytes(entry, objects[i] as AnyObject)), // as many objects as entries
    ))
  }
  if (acceptedOf(request.request).as === 'table') return answerJson(tableOf(request, objects, metadata))
  if (acceptedOf(request.request).as === 'metadata') return answerJson({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: objects.map(metadataOnly) })
  return respond(request, { ...kind, metadata, items: objects })
}

/** The whole object as JSON: no decoding needed. */
function isPlain(request: ResourceRequest): boolean {
  const accepted = acceptedOf(request.request)
  return accepted.as === 'object' && !accepted.yaml
}

async function readPage(request: ResourceRequest): Promise<Page> {
  const { server, resource, search, info } = request
  const { store } = server.storage
  const limit = Number(search.get('limit') ?? 0) || undefined
  const token = readContinue(search.get('continue'))
  const whole = rangeOf(resource, info.namespace)
  // A token must not lead out of the collection that the caller was authorized for.
  if (token !== undefined && (token.from < whole.from || token.from >= whole.to)) throw new ApiError('BadRequest', 'continue key is not valid: not a token of this list')
  const range = token === undefined ? whole : { from: token.from, to: whole.to }
  const at = token?.revision ?? exactRevision(search, store.revision)
  const filter = filterOf(resource, search)
  try {
    const { entries, revision, more } = store.list(range, { ...(at === undefined ? {} : { at }), ...(limit === undefined || filter !== undefined ? {} : { limit }) })
    if (filter === undefined) return pageOf(entries, revision, more, limit === undefined ? undefined : store.count({ from: entries.at(-1)?.key ?? range.from, to: range.to }) - 1)
    const present = presenterOf(server)
    const kept: Entry[] = []
    for (const entry of entries) {
      if (!filter(await present.object(resource, entry))) continue
      if (limit !== undefined && kept.length === limit) return pageOf(kept, revision, true, undefined)
      kept.push(entry)
    }
    return pageOf(kept, revision, false, undefined)
  } catch (error) {
    if (isCoded(error, 'Compacted')) throw expired(token !== undefined)
    throw error
  }
}

function pageOf(entries: readonly Entry[], revision: number, more: boolean, remaining: number | undefined): Page {
  const last = entries.at(-1)
  const next = more && last !== undefined ? writeContinue({ revision, from: `${last.key}\0` }) : undefined
  return { entries, revision, next, remaining: remaining !== undefined && remaining > 0 ? remaining : undefined }
}

/** The revision a list must be read at, by resourceVersion and resourceVersionMatch; undefined: now. */
function exactRevision(search: URLSearchParams, now: number): number | undefined {
  const version = search.get('resourceVersion') ?? ''
  const match = search.get('resourceVersionMatch') ?? ''
  if (match !== '' && version === '') throw new ApiError('Invalid', 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')
  if (version === '' || version === '0') return undefined
  const revision = parseRevision(version)
  if (revision > now) throw new ApiError('Timeout', `Too large resource version: ${revision}, current: ${now}`, { details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 } })
  return match === 'Exact' ? revision : undefined
}

export function parseRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new ApiError('BadRequest', `invalid resource version ${JSON.stringify(text)}: must be a number`)
  return Number(text)
}

export function expired(paging: boolean): ApiError {
  return new ApiError('Expired', paging
    ? 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'
    : 'The resourceVersion for the provided list is too old.')
}

function writeContinue(token: { revision: number; from: string }): string {
  return Buffer.from(JSON.stringify({ v: 'idp/v1', rv: token.revision, from: token.from })).toString('base64url')
}

function readContinue(text: string | null): { revision: number; from: string } | undefined {
  if (text === null || text === '') return undefined
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as { v?: unknown; rv?: unknown; from?: unknown }
    if (token.v === 'idp/v1' && typeof token.rv === 'number' && typeof token.from === 'string') return { revision: token.rv, from: token.from }
  } catch {
    // Falls through to the refusal below: whatever is wrong with it, it is not one of ours.
  }
  throw new ApiError('BadRequest', 'continue key is not valid: not a token of this server')
}

const comma = Uint8Array.of(0x2c)
const end = new TextEncoder().encode(']}')

function joinList(head: string, items: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(head)]
  items.forEach((item, i) => {
    if (i > 0) parts.push(comma)
    parts.push(item)
  })
  parts.push(end)
  return Buffer.concat(parts)
}

