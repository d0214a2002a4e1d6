import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { uuid } from '@idp/kit'
import type { Entry } from '@idp/store'
import type { AdmissionRequest } from '../admission/admission.ts'
import { ownershipAfterUpdate } from '../apply/object-ownership.ts'
import { cloneJson, equalJson } from '../json-value.ts'
import { alreadyExists, conflict, notFound } from '../object-storage.ts'
import { convertTo } from '../presenter.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRequest } from '../server-context.ts'
import { timeText } from '../time-text.ts'
import { invalid } from './invalid.ts'
import { presenterOf } from './presenter-of.ts'
import { scopeToSubresource } from './subresource-scope.ts'
import type { WriteParameters } from './write-options.ts'

export interface Written { readonly object: AnyObject; readonly created: boolean }

/** Admission's view of a write. */
export function admissionOf(request: ResourceRequest, operation: AdmissionRequest['operation'], write: { object: AnyObject | undefined; old: AnyObject | undefined; dryRun: boolean; options?: Record<string, unknown> }): AdmissionRequest {
  const { resource, info, user, warnings, annotations } = request
  return {
    operation, resource, subresource: info.subresource, namespace: info.namespace, name: write.object?.metadata.name ?? info.name, user,
    dryRun: write.dryRun, object: write.object, old: write.old, options: write.options ?? {}, warnings, ...annotations && { annotations },
  }
}

/** Stores a new object: defaults, admission, ownership, validation, in upstream's order. */
export async function createObject(request: ResourceRequest, object: AnyObject, write: WriteParameters & { readonly applied?: boolean }): Promise<AnyObject> {
  const { server, resource, info } = request
  checkNamespace(request, object)
  giveIdentity(request, object)
  resource.normalize(object)
  const admission = admissionOf(request, 'CREATE', { object, old: undefined, dryRun: write.dryRun, options: writeOptionsObject('CreateOptions', write) })
  const before = await mutate(request, admission, object, write.applied === true)
  if (write.applied !== true) object.metadata.managedFields = ownershipAfterUpdate(undefined, object, writerOf(request, write)) ?? []
  else if (before !== undefined) object.metadata.managedFields = ownershipAfterUpdate(before, object, writerOf(request, write)) ?? []
  if (resource.hasStatus) resetStatus(resource, object)
  resource.strategy?.prepareCreate?.(object)
  const causes = resource.validate(object, undefined, '')
  if (causes.length > 0) throw invalid(resource, object, causes)
  await server.admission.validate(admission)
  if (write.dryRun) {
    if (server.storage.find(resource, { namespace: info.namespace, name: object.metadata.name ?? '' }) !== undefined) throw alreadyExists(resource, object.metadata.name ?? '')
    return object
  }
  const stored = await server.storage.create(resource, await convertTo(resource, object, resource.storageApiVersion))
  return presenterOf(server).convert(resource, stored)
}

/**
 * Lets admission change the object in place, and fills in defaults of what it added. Gives the object as it was before when that is
 * wanted and something changed.
 */
async function mutate({ server, resource }: ResourceRequest, admission: AdmissionRequest, object: AnyObject, wantsBefore: boolean): Promise<AnyObject | undefined> {
  if (!server.admission.mayChange(admission)) {
    await server.admission.mutate(admission)
    return undefined
  }
  const before = wantsBefore ? cloneJson(object) : undefined
  await server.admission.mutate(admission)
  resource.normalize(object)
  return before !== undefined && !equalJson(before, object) ? before : undefined
}

/** A new object comes without status, whatever was sent. */
function resetStatus(resource: Resource, object: AnyObject): void {
  if (resource.builtIn) object['status'] = resource.initialStatus?.(object) ?? {}
  else delete object['status']
}

function checkNamespace({ resource, info }: ResourceRequest, object: AnyObject): void {
  if (resource.kind.scope === 'Cluster') {
    if (object.metadata.namespace !== undefined && object.metadata.namespace !== '' && object.metadata.namespace !== object.metadata.name) throw new ApiError('BadRequest', 'namespace not allowed on this kind of object')
    delete object.metadata.namespace
    return
  }
  if (info.namespace === '') throw new ApiError('BadRequest', 'an empty namespace may not be set during creation')
  if (object.metadata.namespace !== undefined && object.metadata.namespace !== '' && object.metadata.namespace !== info.namespace) {
    throw new ApiError('BadRequest', `the namespace of the provided object does not match the namespace sent on the request`)
  }
  object.metadata.namespace = info.namespace
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

function giveIdentity({ server, resource }: ResourceRequest, object: AnyObject): void {
  const { metadata } = object
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '' && metadata.resourceVersion !== '0') throw new ApiError('BadRequest', 'resourceVersion should not be set on objects to be created')
  if ((metadata.name ?? '') === '' && (metadata.generateName ?? '') !== '') {
    metadata.name = metadata.generateName?.slice(0, 58) + Array.from(server.random(5), (byte) => suffixAlphabet[byte % suffixAlphabet.length]).join('')
  }
  if ((metadata.name ?? '') === '') throw invalid(resource, object, [{ reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' }])
  metadata.uid = uuid(server.random)
  metadata.creationTimestamp = timeText(server.clock)
  delete metadata.resourceVersion
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete (metadata as Record<string, unknown>)['selfLink']
  if (resource.strategy?.generation === false) delete metadata.generation
  else metadata.generation = 1
}

export interface UpdatePlan {
  /** Makes the new object from the live one, in the served version. That one is shared: copy what is to change. Runs again when somebody else was faster. */
  next(live: AnyObject): AnyObject | Promise<AnyObject>
  /** The ownership is already in the object (server-side apply). */
  readonly applied?: boolean
}

const tries = 32

/** Changes the object that is there; answers the live object when nothing changes. */
export async function updateObject(request: ResourceRequest, plan: UpdatePlan, write: WriteParameters): Promise<AnyObject> {
  const { server, resource, info } = request
  for (let attempt = 0; attempt < tries; attempt++) {
    const entry = server.storage.entry(resource, info)
    if (entry === undefined) throw notFound(resource, info.name)
    const written = await updateOnce(request, entry, plan, write)
    if (written !== 'raced') return written
  }
  throw conflict(resource, info.name)
}

async function updateOnce(request: ResourceRequest, entry: Entry, plan: UpdatePlan, write: WriteParameters): Promise<AnyObject | 'raced'> {
  const { server, resource, info } = request
  const live = await presenterOf(server).object(resource, entry)
  const next = await plan.next(live)
  checkPreconditions(resource, live, next)
  keepIdentity(live, next)
  scopeToSubresource(resource, info.subresource, live, next)
  resource.normalize(next)
  const admission = admissionOf(request, 'UPDATE', { object: next, old: live, dryRun: write.dryRun, options: writeOptionsObject(plan.applied === true ? 'PatchOptions' : 'UpdateOptions', write) })
  const before = await mutate(request, admission, next, plan.applied === true)
  if (plan.applied !== true) next.metadata.managedFields = ownershipAfterUpdate(live, next, writerOf(request, write)) ?? []
  else if (before !== undefined) next.metadata.managedFields = ownershipAfterUpdate(before, next, writerOf(request, write)) ?? []
  resource.strategy?.prepareUpdate?.(next, live)
  const changed = changedFields(live, next)
  bumpGeneration(resource, info.subresource, changed, live, next)
  // What is as it was stored has been found valid. A binding sets what an update may not; bindPod has checked it.
  const causes = changed.size === 0 || info.subresource === 'binding' ? [] : resource.validate(next, live, info.subresource)
  if (causes.length > 0) throw invalid(resource, next, causes)
  await server.admission.validate(admission)
  if (changed.size === 0) return live
  if (write.dryRun) return next
  if (isReadyToGo(resource, next)) {
    if (await server.storage.remove(resource, entry)) return next
  } else {
    const stored = await server.storage.replace(resource, entry, await convertTo(resource, next, resource.storageApiVersion))
    if (stored !== undefined) return presenterOf(server).convert(resource, stored)
  }
  // Tried again on what is there then: a caller that insists on one resourceVersion is refused by that.
  return 'raced'
}

function checkPreconditions(resource: Resource, live: AnyObject, next: AnyObject): void {
  const { uid, resourceVersion } = next.metadata
  const name = live.metadata.name ?? ''
  if (next.metadata.name !== undefined && next.metadata.name !== name) throw new ApiError('BadRequest', `the name of the object (${next.metadata.name}) does not match the name on the URL (${name})`)
  if (next.metadata.namespace !== undefined && next.metadata.namespace !== live.metadata.namespace) throw new ApiError('BadRequest', `the namespace of the object (${next.metadata.namespace}) does not match the namespace on the URL (${live.metadata.namespace ?? ''})`)
  if (uid !== undefined && uid !== '' && uid !== live.metadata.uid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid ?? ''}`)
  }
  const pinned = resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0'
  if (pinned && resourceVersion !== live.metadata.resourceVersion) throw conflict(resource, name)
}

/** What no writer may change. */
function keepIdentity(live: AnyObject, next: AnyObject): void {
  const { metadata } = next
  const kept = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'resourceVersion', 'generateName'] as const
  for (const field of kept) {
    if (live.metadata[field] === undefined) delete metadata[field]
    else Object.assign(metadata, { [field]: live.metadata[field] })
  }
}

/** Generation counts changes of what is asked for: everything but metadata and status. */
function bumpGeneration(resource: Resource, subresource: string, changed: ReadonlySet<string>, live: AnyObject, next: AnyObject): void {
  if (resource.strategy?.generation === false || subresource === 'status' || live.metadata.generation === undefined) return
  // A custom resource without status subresource has no field of that meaning.
  const counts = (field: string) => field !== 'metadata' && (field !== 'status' || !(resource.hasStatus || resource.builtIn))
  if ([...changed].some(counts)) next.metadata.generation = live.metadata.generation + 1
}

function isReadyToGo(resource: Resource, object: AnyObject): boolean {
  if (object.metadata.deletionTimestamp === undefined || (object.metadata.finalizers?.length ?? 0) > 0) return false
  return (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 && (resource.strategy?.mayGo?.(object) ?? true)
}

/** The fields of an object that an update changes. Ownership that only got a new time did not change, nor is a new revision a change. */
function changedFields(live: AnyObject, next: AnyObject): Set<string> {
  const changed = new Set<string>()
  for (const field in next) if (field !== 'metadata' && !equalJson(live[field], next[field])) changed.add(field)
  for (const field in live) if (live[field] !== undefined && next[field] === undefined) changed.add(field)
  const { managedFields: liveOwners = [], resourceVersion: _liveVersion, ...liveIdentity } = live.metadata
  const { managedFields: nextOwners = [], resourceVersion: _nextVersion, ...nextIdentity } = next.metadata
  const sameOwners = liveOwners.length === nextOwners.length && liveOwners.every((owner, i) => equalJson({ ...owner, time: undefined }, { ...nextOwners[i], time: undefined }))
  if (!sameOwners || !equalJson(liveIdentity, nextIdentity)) changed.add('metadata')
  return changed
}

export function writerOf({ resource, info, server }: ResourceRequest, write: WriteParameters) {
  return { manager: write.fieldManager, subresource: info.subresource, schema: resource.schema, time: timeText(server.clock), hasStatus: resource.hasStatus }
}

function writeOptionsObject(kind: string, write: WriteParameters): Record<string, unknown> {
  return { kind, apiVersion: 'meta.k8s.io/v1', ...(write.dryRun ? { dryRun: ['All'] } : {}), fieldManager: write.fieldManager, fieldValidation: write.fieldValidation }
}

