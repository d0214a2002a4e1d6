import { ApiError, mergeSchemaFor } from '@idp/api'
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, type AnyObject, type Json, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import { CodedError, isCoded } from '@idp/kit'
import { applyObject } from '../apply/object-ownership.ts'
import { cloneJson, isRecord } from '../json-value.ts'

import type { ResourceRequest } from '../server-context.ts'
import { asObjectOf, contentTypeOf, parseBody, readBody } from './request-body.ts'
import { respond } from './respond.ts'
import { admitFields, checkApplyConfig } from './field-validation.ts'
import { createObject, updateObject, writerOf } from './write-object.ts'
import { writeParameters, type WriteParameters } from './write-options.ts'

/** POST to a collection. */
export async function postObject(request: ResourceRequest): Promise<Response> {
  const write = writeParameters(request)
  const object = asObjectOf(request.resource, parseBody(await readBody(request.request), contentTypeOf(request.request)))
  admitFields(request, object, write)
  return respond(request, await createObject(request, object, write), { code: 201 })
}

/** PUT of one object, or of its status. */
export async function putObject(request: ResourceRequest): Promise<Response> {
  const write = writeParameters(request)
  const bytes = await readBody(request.request)
  const contentType = contentTypeOf(request.request)
  const parsed = asObjectOf(request.resource, parseBody(bytes, contentType))
  if (parsed.metadata.name === undefined) throw new ApiError('BadRequest', 'name must be provided')
  admitFields(request, parsed, write)
  // Parsed again for a second try: the first one may have changed the object in place.
  let first: AnyObject | undefined = parsed
  const next = () => {
    const object = first ?? asObjectOf(request.resource, parseBody(bytes, contentType))
    if (first === undefined) admitFields(request, object, { ...write, fieldValidation: 'Ignore' })
    first = undefined
    return object
  }
  return respond(request, await updateObject(request, { next }, write))
}

/** PATCH of one object: JSON patch, merge patch, strategic merge patch, or server-side apply. */
export async function patchObject(request: ResourceRequest): Promise<Response> {
  const write = writeParameters(request)
  const contentType = contentTypeOf(request.request)
  const bytes = await readBody(request.request)
  if (contentType === 'application/apply-patch+yaml' || contentType === 'application/apply-patch+json') {
    return applyPatch(request, parseBody(bytes, contentType), write)
  }
  const patch = parseBody(bytes, 'application/json')
  const change = patchFunction(request, contentType, patch)
  const object = await updateObject(request, {
    next(live) {
      const next = asObjectOf(request.resource, patched(change, live))
      admitFields(request, next, write, bytes.toString())
      return next
    },
  }, write)
  return respond(request, object)
}

type Change = (live: JsonObject) => Json

function patchFunction({ resource }: ResourceRequest, contentType: string, patch: unknown): Change {
  if (contentType === 'application/json-patch+json') {
    if (!Array.isArray(patch)) throw new ApiError('BadRequest', 'error decoding patch: a JSON patch is a list of operations')
    return (live) => applyJsonPatch(live, patch as JsonPatchOperation[])
  }
  if (!isRecord(patch)) throw new ApiError('BadRequest', 'error decoding patch: a patch is a JSON object')
  // A merge patch shares what it does not touch with the live object.
  if (contentType === 'application/merge-patch+json') return (live) => cloneJson(applyMergePatch(live, patch as JsonObject))
  if (contentType === 'application/strategic-merge-patch+json') {
    // Custom resources have no merge keys of this kind; upstream refuses as well.
    if (!resource.builtIn) throw new ApiError('UnsupportedMediaType', 'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml')
    return (live) => applyStrategicMergePatch(live, patch as JsonObject, mergeSchemaFor(resource.kind))
  }
  throw new ApiError('UnsupportedMediaType', 'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml')
}

function patched(change: Change, live: AnyObject): Json {
  try {
    return change(live as unknown as JsonObject)
  } catch (error) {
    if (isCoded(error, 'InvalidPatch')) throw new ApiError('BadRequest', error.message)
    if (error instanceof CodedError) throw new ApiError('Invalid', `the server rejected our request due to an error in our request: ${error.message}`)
    throw error
  }
}

async function applyPatch(request: ResourceRequest, document: unknown, write: WriteParameters): Promise<Response> {
  const { resource, info, server, search } = request
  if ((search.get('fieldManager') ?? '') === '') throw new ApiError('BadRequest', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch')
  const config = asObjectOf(resource, document)
  if (isRecord(document) && (document['apiVersion'] === undefined || document['kind'] === undefined)) throw new ApiError('BadRequest', 'error decoding YAML: Object \'Kind\' or \'apiVersion\' is missing')
  if (config.metadata.managedFields !== undefined) throw new ApiError('BadRequest', 'metadata.managedFields must be nil')
  if (config.metadata.name !== undefined && config.metadata.name !== info.name) throw new ApiError('BadRequest', `the name of the object (${config.metadata.name}) does not match the name on the URL (${info.name})`)
  config.metadata.name = info.name
  checkApplyConfig(request, config)
  const writer = { ...writerOf(request, write), force: write.force }
  const exists = server.storage.entry(resource, info) !== undefined
  if (!exists) {
    if (info.subresource !== '') return respond(request, await updateObject(request, { next: cloneJson }, write))
    if (config.metadata.uid !== undefined) throw new ApiError('Conflict', `Operation cannot be fulfilled on ${resource.kind.plural} "${info.name}": uid mismatch: the provided object specified uid ${config.metadata.uid}, and no existing object was found`)
    try {
      const created = applyObject(undefined, config, writer)
      resource.decode(created)
      return respond(request, await createObject(request, created, { ...write, applied: true }), { code: 201 })
    } catch (error) {
      // Somebody else created it meanwhile: apply onto theirs.
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error
    }
  }
  return respond(request, await updateObject(request, {
    applied: true,
    next(live) {
      const next = applyObject(live, config, writer)
      resource.decode(next)
      next.metadata.resourceVersion = config.metadata.resourceVersion ?? ''
      return next
    },
  }, write))
}

