import { ApiError } from '@idp/api'
import { applyMergePatch, applyJsonPatch, type AnyObject, type Json, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import { cloneJson, fieldAt, isRecord, setFieldAt } from '../json-value.ts'
import { notFound } from '../object-storage.ts'
import type { ScalePaths } from '../resource.ts'
import type { ResourceRequest } from '../server-context.ts'
import { presenterOf } from './presenter-of.ts'
import { contentTypeOf, parseBody, readBody } from './request-body.ts'
import { respond } from './respond.ts'
import { updateObject } from './write-object.ts'
import { writeParameters } from './write-options.ts'

/** The `scale` subresource: `autoscaling/v1` Scale over any kind that says where its replicas are. */
export async function serveScale(request: ResourceRequest): Promise<Response> {
  const { resource, info, server } = request
  const { scale } = resource
  if (scale === undefined) throw notFound(resource, info.name)
  const entry = server.storage.entry(resource, info)
  if (entry === undefined) throw notFound(resource, info.name)
  if (info.verb === 'get') return respond(request, scaleOf(scale, await presenterOf(server).object(resource, entry)))
  const contentType = contentTypeOf(request.request)
  const body = parseBody(await readBody(request.request), info.verb === 'patch' ? 'application/json' : contentType)
  const updated = await updateObject(request, {
    next(shared) {
      const live = cloneJson(shared)
      const wanted = info.verb === 'patch' ? patchedScale(scaleOf(scale, live), contentType, body) : body
      const replicas = fieldAt(wanted, ['spec', 'replicas']) ?? 0
      if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
        throw new ApiError('Invalid', `Scale.autoscaling "${info.name}" is invalid: spec.replicas: Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`)
      }
      setFieldAt(live, scale.spec, replicas)
      const version = fieldAt(wanted, ['metadata', 'resourceVersion'])
      live.metadata.resourceVersion = typeof version === 'string' ? version : ''
      return live
    },
  }, writeParameters(request))
  return respond(request, scaleOf(scale, updated))
}

function patchedScale(scale: AnyObject, contentType: string, patch: unknown): Json {
  if (contentType === 'application/json-patch+json') return applyJsonPatch(scale as unknown as JsonObject, patch as JsonPatchOperation[])
  return applyMergePatch(scale as unknown as JsonObject, patch as Json)
}

function scaleOf(paths: ScalePaths, object: AnyObject): AnyObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = paths.selector === undefined ? undefined : selectorText(fieldAt(object, paths.selector))
  return {
    kind: 'Scale', apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as AnyObject['metadata'],
    spec: { replicas: fieldAt(object, paths.spec) ?? 0 },
    status: { replicas: fieldAt(object, paths.status) ?? 0, ...(selector === undefined || selector === '' ? {} : { selector }) },
  }
}

function selectorText(selector: unknown): string | undefined {
  if (typeof selector === 'string') return selector
  if (!isRecord(selector)) return undefined
  const labels = isRecord(selector['matchLabels']) ? selector['matchLabels'] : selector['matchExpressions'] === undefined ? selector : {}
  const expressions = Array.isArray(selector['matchExpressions']) ? selector['matchExpressions'] as { key: string; operator: string; values?: string[] }[] : []
  return [
    ...Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`),
    ...expressions.map(({ key, operator, values = [] }) => operator === 'Exists' ? key : operator === 'DoesNotExist' ? `!${key}` : `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`),
  ].join(',')
}

