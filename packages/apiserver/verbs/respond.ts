import { formatYaml, type AnyObject, type JsonObject } from '@idp/formats'
import { answerJson } from '../answer.ts'
import type { ResourceRequest } from '../server-context.ts'
import { tableOf } from '../table.ts'
import { acceptedOf } from './representation.ts'

/** Answers with one object in the form that was asked for. */
export function respond(request: ResourceRequest, object: AnyObject, options: { readonly code?: number } = {}): Response {
  const accepted = acceptedOf(request.request)
  const headers = warningHeaders(request.warnings)
  if (accepted.as === 'table') return answerJson(tableOf(request, [object], object.metadata), options.code, headers)
  if (accepted.as === 'metadata') return answerJson(metadataOnly(object), options.code, headers)
  if (accepted.yaml) return new Response(formatYaml(object as unknown as JsonObject), { status: options.code ?? 200, headers: { ...headers, 'content-type': 'application/yaml' } })
  return answerJson(object, options.code, headers)
}

export function metadataOnly(object: AnyObject): AnyObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata }
}

/** `Warning: 299 - "text"`, which kubectl prints. */
export function warningHeaders(warnings: ReadonlySet<string>): Record<string, string> {
  if (warnings.size === 0) return {}
  return { warning: [...warnings].map((text) => `299 - ${JSON.stringify(text.replace(/[\r\n]+/g, ' '))}`).join(', ') }
}
