import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import type { Entry } from '@idp/store'
import { answerJson } from '../answer.ts'
import { cloneJson, isRecord } from '../json-value.ts'
import { conflict, detailsOf, notFound, rangeOf } from '../object-storage.ts'
import { convertTo } from '../presenter.ts'
import { filterOf } from '../selectors.ts'
import type { ResourceRequest } from '../server-context.ts'
import { presenterOf } from './presenter-of.ts'
import { contentTypeOf, parseBody, readBody } from './request-body.ts'
import { respond, warningHeaders } from './respond.ts'
import { admissionOf } from './write-object.ts'

type Propagation = 'Orphan' | 'Background' | 'Foreground'

interface DeleteRequest {
  readonly grace: number | undefined
  readonly propagation: Propagation | undefined
  readonly uid: string | undefined
  readonly resourceVersion: string | undefined
  readonly dryRun: boolean
  readonly options: Record<string, unknown>
}

/** DELETE of one object: at once, or marked for deletion while finalizers or a grace period hold it. */
export async function deleteObject(request: ResourceRequest): Promise<Response> {
  const wanted = await readDelete(request)
  const { object, gone } = await deleteOne(request, request.info, wanted)
  if (!gone) return respond(request, object)
  if (request.resource.strategy?.answersDeleted === true) return respond(request, object)
  const { name = '', uid } = object.metadata
  return answerJson({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { ...detailsOf(request.resource, name), uid } }, 200, warningHeaders(request.warnings))
}

/** DELETE of a collection: each object that the selectors match. Answers the list as it was. */
export async function deleteCollection(request: ResourceRequest): Promise<Response> {
  const { server, resource, info, search } = request
  const wanted = await readDelete(request)
  const filter = filterOf(resource, search)
  const present = presenterOf(server)
  const { entries, revision } = server.storage.store.list(rangeOf(resource, info.namespace))
  const items: AnyObject[] = []
  for (const entry of entries) {
    const object = await present.object(resource, entry)
    if (filter !== undefined && !filter(object)) continue
    try {
      items.push((await deleteOne(request, { namespace: object.metadata.namespace, name: object.metadata.name ?? '' }, wanted)).object)
    } catch (error) {
      // Gone meanwhile is as good as deleted.
      if (!(error instanceof ApiError && error.reason === 'NotFound')) throw error
    }
  }
  return respond(request, { kind: `${resource.kind.kind}List`, apiVersion: resource.kind.group === '' ? resource.kind.version : `${resource.kind.group}/${resource.kind.version}`, metadata: { resourceVersion: String(revision) }, items })
}

async function readDelete({ request, search }: ResourceRequest): Promise<DeleteRequest> {
  const bytes = await readBody(request)
  const parsed = bytes.length === 0 ? {} : parseBody(bytes, contentTypeOf(request))
  const body = isRecord(parsed) && (parsed['kind'] === undefined || parsed['kind'] === 'DeleteOptions') ? parsed : {}
  const preconditions = isRecord(body['preconditions']) ? body['preconditions'] : {}
  const grace = body['gracePeriodSeconds'] ?? search.get('gracePeriodSeconds') ?? undefined
  const propagation = body['propagationPolicy'] ?? search.get('propagationPolicy') ?? (body['orphanDependents'] === true ? 'Orphan' : undefined)
  if (propagation !== undefined && propagation !== null && propagation !== 'Orphan' && propagation !== 'Background' && propagation !== 'Foreground') {
    throw new ApiError('Invalid', `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(propagation)}: supported values: "Foreground", "Background", "Orphan", "nil"`)
  }
  if (grace !== undefined && grace !== null && !(Number(grace) >= 0)) throw new ApiError('BadRequest', `gracePeriodSeconds: Invalid value: ${JSON.stringify(grace)}: must be a number of seconds, 0 or more`)
  const dryRun = Array.isArray(body['dryRun']) ? body['dryRun'].includes('All') : search.get('dryRun') === 'All'
  return {
    grace: grace === undefined || grace === null ? undefined : Number(grace), propagation: propagation ?? undefined, dryRun,
    uid: typeof preconditions['uid'] === 'string' ? preconditions['uid'] : undefined,
    resourceVersion: typeof preconditions['resourceVersion'] === 'string' ? preconditions['resourceVersion'] : undefined,
    options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', ...body },
  }
}

/** A deletion without preconditions wins in the end, however many write to the object meanwhile; the bound is for what never ends. */
const tries = 100

async function deleteOne(request: ResourceRequest, place: { namespace?: string | undefined; name: string }, wanted: DeleteRequest): Promise<{ object: AnyObject; gone: boolean }> {
  const { server, resource } = request
  for (let attempt = 0; attempt < tries; attempt++) {
    const entry = server.storage.entry(resource, place)
    if (entry === undefined) throw notFound(resource, place.name)
    const live = await presenterOf(server).object(resource, entry)
    checkPreconditions(request, live, wanted)
    await admitDelete(request, live, wanted)
    const marked = markDeleted(request, live, wanted)
    if (wanted.dryRun) return { object: marked, gone: isFree(request, marked) }
    if (isFree(request, marked)) {
      if (await server.storage.remove(resource, entry)) return { object: live, gone: true }
    } else {
      const stored = await store(request, entry, live, marked)
      if (stored !== undefined) return { object: stored, gone: false }
    }
  }
  throw conflict(resource, place.name)
}

function checkPreconditions({ resource }: ResourceRequest, live: AnyObject, wanted: DeleteRequest): void {
  const name = live.metadata.name ?? ''
  if (wanted.uid !== undefined && wanted.uid !== live.metadata.uid) throw conflict(resource, name, `Precondition failed: UID in precondition: ${wanted.uid}, UID in object meta: ${live.metadata.uid ?? ''}`)
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== live.metadata.resourceVersion) {
    throw conflict(resource, name, `Precondition failed: ResourceVersion in precondition: ${wanted.resourceVersion}, ResourceVersion in object meta: ${live.metadata.resourceVersion ?? ''}`)
  }
}

async function admitDelete(request: ResourceRequest, live: AnyObject, wanted: DeleteRequest): Promise<void> {
  const admission = { ...admissionOf(request, 'DELETE', { object: undefined, old: live, dryRun: wanted.dryRun, options: wanted.options }), name: live.metadata.name ?? '' }
  await request.server.admission.mutate(admission)
  await request.server.admission.validate(admission)
}

/** The object with its deletion time and the finalizers that the propagation policy asks for. A second deletion can only shorten the grace period. */
function markDeleted({ server, resource }: ResourceRequest, live: AnyObject, wanted: DeleteRequest): AnyObject {
  const object = cloneJson(live)
  const { metadata } = object
  const now = server.clock.now()
  const finalizers = new Set(metadata.finalizers ?? [])
  if (wanted.propagation !== undefined) {
    finalizers.delete('orphan')
    finalizers.delete('foregroundDeletion')
    if (wanted.propagation === 'Orphan') finalizers.add('orphan')
    if (wanted.propagation === 'Foreground') finalizers.add('foregroundDeletion')
  }
  if (finalizers.size > 0) metadata.finalizers = [...finalizers]
  else delete metadata.finalizers
  const grace = resource.strategy?.gracePeriod?.(live, wanted.grace) ?? 0
  const already = metadata.deletionTimestamp !== undefined
  if (already && grace >= (metadata.deletionGracePeriodSeconds ?? 0)) return object
  const base = already ? Date.parse(metadata.deletionTimestamp ?? '') - (metadata.deletionGracePeriodSeconds ?? 0) * 1000 : now
  metadata.deletionTimestamp = rfc3339(base + grace * 1000)
  metadata.deletionGracePeriodSeconds = grace
  if (metadata.generation !== undefined && !already) metadata.generation++
  resource.strategy?.markDeleted?.(object)
  return object
}

function isFree({ resource }: ResourceRequest, object: AnyObject): boolean {
  return (object.metadata.finalizers?.length ?? 0) === 0 && (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 && (resource.strategy?.mayGo?.(object) ?? true)
}

async function store({ server, resource }: ResourceRequest, entry: Entry, live: AnyObject, marked: AnyObject): Promise<AnyObject | undefined> {
  const { metadata } = marked
  const same = metadata.deletionTimestamp === live.metadata.deletionTimestamp && metadata.deletionGracePeriodSeconds === live.metadata.deletionGracePeriodSeconds
    && JSON.stringify(metadata.finalizers) === JSON.stringify(live.metadata.finalizers)
  if (same) return live
  const stored = await server.storage.replace(resource, entry, await convertTo(resource, marked, resource.storageApiVersion))
  return stored === undefined ? undefined : presenterOf(server).convert(resource, stored)
}
