import { ApiError, apiVersionOf, decodeProtobuf } from '@idp/api'
import { parseYaml, type AnyObject, type JsonObject } from '@idp/formats'
import { wholeBody } from '@idp/http'
import { messageOf } from '@idp/kit'
import { isRecord } from '../json-value.ts'
import type { Resource } from '../resource.ts'

/** etcd's limit upstream; larger objects are refused before they are parsed. */
export const maxBodyBytes = 3 * 1024 * 1024

/** A body as it came: text from a caller in this process, bytes from a wire. */
export type Body = string | Buffer

/** Reads a request's body, refusing one that is too large as soon as it is. */
export async function readBody(request: Request): Promise<Body> {
  const tooLarge = () => new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`)
  const whole = wholeBody(request)
  if (whole !== undefined) {
    // A character is three bytes at most.
    const size = typeof whole === 'string' && whole.length > maxBodyBytes / 3 ? Buffer.byteLength(whole) : whole.length
    if (size > maxBodyBytes) throw tooLarge()
    return typeof whole === 'string' ? whole : Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength)
  }
  if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes) throw tooLarge()
  if (request.body === null) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body) {
    size += chunk.byteLength
    if (size > maxBodyBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return chunks.length === 1 ? Buffer.from(chunks[0] as Uint8Array) : Buffer.concat(chunks)
}

export function contentTypeOf(request: Request): string {
  const type = request.headers.get('content-type') ?? 'application/json'
  return type.includes(';') || type !== type.toLowerCase() ? type.split(';')[0]?.trim().toLowerCase() ?? '' : type.trim()
}

/** A JSON, YAML or protobuf document. Throws ApiError `BadRequest` or `UnsupportedMediaType`. */
export function parseBody(body: Body, contentType: string): unknown {
  if (contentType === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(typeof body === 'string' ? Buffer.from(body) : body)
  const text = body.toString()
  try {
    if (contentType === 'application/json' || contentType.endsWith('+json') || contentType === '') return JSON.parse(text)
    if (contentType === 'application/yaml' || contentType.endsWith('+yaml')) return mayBeJson.test(text) ? parseJsonOrYaml(text) : parseYaml(text)
  } catch (error) {
    throw new ApiError('BadRequest', `the object provided is unrecognized (must be of type JSON or YAML): ${messageOf(error)}`)
  }
  throw new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`)
}

const mayBeJson = /^\s*[{[]/

function parseJsonOrYaml(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return parseYaml(text)
  }
}

/** Checks that a document is an object of the kind the endpoint serves, and fills in apiVersion and kind where they are missing. */
export function asObjectOf(resource: Pick<Resource, 'kind'>, document: unknown): AnyObject {
  if (!isRecord(document)) throw new ApiError('BadRequest', 'the object provided is unrecognized (must be a JSON or YAML object)')
  const apiVersion = apiVersionOf(resource.kind)
  const object = document as unknown as AnyObject
  const given = { apiVersion: object.apiVersion ?? apiVersion, kind: object.kind ?? resource.kind.kind }
  if (given.apiVersion !== apiVersion || given.kind !== resource.kind.kind) {
    throw new ApiError('BadRequest', `the API version in the data (${given.apiVersion}) does not match the expected API version (${apiVersion}), or kind ${given.kind} is not ${resource.kind.kind}`)
  }
  if (object.metadata !== undefined && object.metadata !== null && !isRecord(object.metadata)) throw new ApiError('BadRequest', 'metadata must be an object')
  if (object.apiVersion === apiVersion && object.kind === resource.kind.kind && isRecord(object.metadata)) return object
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object
  return { apiVersion, kind: resource.kind.kind, metadata: (metadata ?? {}) as JsonObject, ...rest } as AnyObject
}
