import type { Json, JsonObject } from '@idp/formats'
import { isObject } from '../schema/value-type.ts'

const v3Prefix = '#/components/schemas/'

/** A v3 schema as v2 writes it: `allOf` with one reference becomes that reference, and what v2 does not know is left out. */
function schemaToV2(value: Json): Json {
  if (Array.isArray(value)) return value.map(schemaToV2)
  if (!isObject(value)) return value
  const only = Array.isArray(value.allOf) && value.allOf.length === 1 ? value.allOf[0] : undefined
  if (isObject(only) && typeof only.$ref === 'string') {
    const { allOf: _, default: __, ...rest } = value
    return schemaToV2({ ...rest, $ref: only.$ref })
  }
  const out: JsonObject = {}
  for (const key in value) {
    const child = value[key] ?? null
    if (key === '$ref' && typeof child === 'string') out.$ref = child.replace(v3Prefix, '#/definitions/')
    else if (key === 'default' && isZero(child)) continue
    else if (key === 'oneOf' && Array.isArray(child)) out.type = 'string'
    else if (key === 'anyOf' || key === 'not' || key === 'nullable') continue
    else out[key] = key === 'default' || key === 'enum' ? child : schemaToV2(child)
  }
  return out
}

/** Zero values stand in v3 only. */
function isZero(value: Json): boolean {
  return value === '' || value === 0 || value === false || (isObject(value) && Object.keys(value).length === 0)
}

function operationToV2(operation: JsonObject): JsonObject {
  const { requestBody, responses, parameters, ...rest } = operation
  const content = isObject(requestBody) && isObject(requestBody.content) ? requestBody.content : undefined
  const first = content && Object.values(content)[0]
  const body = isObject(first) && isObject(first.schema) ? [{ name: 'body', in: 'body', schema: schemaToV2(first.schema), ...(isObject(requestBody) && requestBody.required === true ? { required: true } : {}) }] : []
  const answers: JsonObject = {}
  const produces = new Set<string>()
  for (const code in isObject(responses) ? responses : {}) {
    const answer = isObject(responses) ? responses[code] : undefined
    if (!isObject(answer)) continue
    const types = isObject(answer.content) ? answer.content : {}
    for (const type in types) produces.add(type)
    const any = Object.values(types)[0]
    answers[code] = { description: answer.description ?? '', ...(isObject(any) && isObject(any.schema) ? { schema: schemaToV2(any.schema) } : {}) }
  }
  return { ...rest, consumes: content ? Object.keys(content) : ['*/*'], produces: [...produces], parameters: [...parametersToV2(parameters), ...body], responses: answers, schemes: ['https'] }
}

function parametersToV2(parameters: Json | undefined): Json[] {
  return (Array.isArray(parameters) ? parameters : []).map((parameter) => {
    if (!isObject(parameter) || !isObject(parameter.schema)) return parameter
    const { schema, ...rest } = parameter
    return { ...rest, ...schema }
  })
}

/** One OpenAPI v2 document (JSON) out of v3 documents, for `/openapi/v2`. The protobuf form that older Go clients ask for is not made here. */
export function openApiV2(documents: Iterable<JsonObject>): JsonObject {
  const definitions: JsonObject = {}
  const paths: JsonObject = {}
  for (const document of documents) {
    const schemas = isObject(document.components) && isObject(document.components.schemas) ? document.components.schemas : {}
    for (const name in schemas) definitions[name] ??= schemaToV2(schemas[name] ?? {})
    for (const path in isObject(document.paths) ? document.paths : {}) {
      const item = isObject(document.paths) ? document.paths[path] : undefined
      if (!isObject(item)) continue
      paths[path] = Object.fromEntries(Object.entries(item).map(([key, value]) => [key, key === 'parameters' ? parametersToV2(value) : isObject(value) ? operationToV2(value) : value]))
    }
  }
  return { swagger: '2.0', info: { title: 'Kubernetes', version: 'unversioned' }, paths, definitions }
}
