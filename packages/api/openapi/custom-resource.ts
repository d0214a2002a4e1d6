import type { JsonObject } from '@idp/formats'
import { gvkText, type Gvk } from '../schema/built-in.ts'
import type { Schema } from '../schema/schema.ts'
import { closure, collectRefs } from './document.ts'
import { resourcePaths } from './paths.ts'

/** One served version of a CustomResourceDefinition, as OpenAPI needs it. */
export interface CustomResource {
  group: string
  version: string
  kind: string
  listKind: string
  plural: string
  namespaced: boolean
  /** The structural schema; absent when unknown fields are preserved at the root. */
  schema?: Schema | undefined
  status: boolean
  scale: boolean
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const subVerbs = ['get', 'patch', 'update']

/** The definition name of a custom kind: `com.example.stable.v1.CronTab` for group `stable.example.com`. */
export function customDefinitionName({ group, version, kind }: Gvk): string {
  return `${group.split('.').reverse().join('.')}.${version}.${kind}`
}

/** The OpenAPI v3 document of one group version made of custom resources. */
export function customOpenApiV3(resources: readonly CustomResource[]): JsonObject {
  const schemas: JsonObject = {}
  const paths: JsonObject = {}
  const refs = [`${meta}.Status`, `${meta}.DeleteOptions`, `${meta}.Patch`, `${meta}.ListMeta`, `${meta}.ObjectMeta`]
  for (const resource of resources) {
    const { group, version, kind, listKind } = resource
    const name = customDefinitionName(resource)
    const listName = customDefinitionName({ group, version, kind: listKind })
    const own = { ...customSchema(resource.schema), 'x-kubernetes-group-version-kind': [{ group, version, kind }] }
    schemas[name] = own as unknown as JsonObject
    schemas[listName] = {
      type: 'object', required: ['items'], 'x-kubernetes-group-version-kind': [{ group, version, kind: listKind }],
      properties: {
        apiVersion: { type: 'string' }, kind: { type: 'string' }, items: { type: 'array', items: { $ref: `#/components/schemas/${name}` } },
        metadata: { allOf: [{ $ref: `#/components/schemas/${meta}.ListMeta` }] },
      },
    }
    collectRefs(own, refs)
    const names = new Map([[gvkText(resource), name], [gvkText({ group, version, kind: `${kind}List` }), listName], ['autoscaling/v1/Scale', 'io.k8s.api.autoscaling.v1.Scale']])
    const sub = [
      ...(resource.scale ? [{ name: 'scale', kind: 'autoscaling/v1/Scale', verbs: subVerbs }] : []),
      ...(resource.status ? [{ name: 'status', kind: gvkText(resource), verbs: subVerbs }] : []),
    ]
    if (resource.scale) refs.push('io.k8s.api.autoscaling.v1.Scale')
    Object.assign(paths, resourcePaths({ group, version, plural: resource.plural, kind, namespaced: resource.namespaced, verbs, sub, definition: (gvk) => names.get(gvkText(gvk)) }))
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' }, paths, components: { schemas: { ...closure(refs), ...schemas } } }
}

/** The CRD's own schema with the three fields that every object has. */
function customSchema(schema: Schema | undefined): Schema {
  if (schema === undefined) return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  return {
    ...schema,
    properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { allOf: [{ $ref: `#/components/schemas/${meta}.ObjectMeta` }] } },
  }
}
