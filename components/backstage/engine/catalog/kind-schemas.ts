import type { Json, JsonObject } from '@idp/formats'

/** What each kind demands of `spec`; the facts of upstream's catalog model (docs: "Descriptor format of catalog entities"). */
const text: JsonObject = { type: 'string', minLength: 1 }
const texts: JsonObject = { type: 'array', items: text }
const profile: JsonObject = { type: 'object', properties: { displayName: text, email: text, picture: text } }

const spec = (required: string[], properties: JsonObject): JsonObject => ({ type: 'object', required: ['spec'], properties: { spec: { type: 'object', required, properties } } })

const catalogVersions = ['backstage.io/v1alpha1', 'backstage.io/v1beta1']

export interface KindSchema { readonly apiVersions: readonly string[]; readonly schema: Json }

export const kindSchemas: Readonly<Record<string, KindSchema>> = {
  Component: { apiVersions: catalogVersions, schema: spec(['type', 'lifecycle', 'owner'], { type: text, lifecycle: text, owner: text, system: text, subcomponentOf: text, providesApis: texts, consumesApis: texts, dependsOn: texts, dependencyOf: texts }) },
  API: { apiVersions: catalogVersions, schema: spec(['type', 'lifecycle', 'owner', 'definition'], { type: text, lifecycle: text, owner: text, system: text, definition: text }) },
  System: { apiVersions: catalogVersions, schema: spec(['owner'], { owner: text, domain: text, type: text }) },
  Domain: { apiVersions: catalogVersions, schema: spec(['owner'], { owner: text, subdomainOf: text, type: text }) },
  Resource: { apiVersions: catalogVersions, schema: spec(['type', 'owner'], { type: text, owner: text, dependsOn: texts, dependencyOf: texts, system: text }) },
  Group: { apiVersions: catalogVersions, schema: spec(['type', 'children'], { type: text, profile, parent: text, children: texts, members: texts }) },
  User: { apiVersions: catalogVersions, schema: spec(['memberOf'], { profile, memberOf: texts }) },
  Location: { apiVersions: catalogVersions, schema: spec([], { type: text, target: text, targets: texts, presence: { type: 'string', enum: ['required', 'optional'] } }) },
  Template: {
    apiVersions: ['scaffolder.backstage.io/v1beta3'],
    schema: spec(['type', 'steps'], {
      type: text, owner: text, lifecycle: text,
      parameters: { oneOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] },
      steps: { type: 'array', items: { type: 'object', required: ['action'], properties: { id: text, name: text, action: text, input: { type: 'object' }, if: { type: ['string', 'boolean'] } } } },
      output: { type: 'object' }, presentation: { type: 'object' },
    }),
  },
}

const strings: JsonObject = { type: 'object', additionalProperties: true, patternProperties: { '^.+$': { type: 'string' } } }

/** The envelope that every kind shares. */
export const entitySchema: Json = {
  type: 'object', required: ['apiVersion', 'kind', 'metadata'], additionalProperties: false,
  properties: {
    apiVersion: text, kind: text, spec: { type: 'object' },
    metadata: {
      type: 'object', required: ['name'],
      properties: {
        uid: text, etag: text, name: text, namespace: text, title: text, description: { type: 'string' }, labels: strings, annotations: strings, tags: texts,
        links: { type: 'array', items: { type: 'object', required: ['url'], properties: { url: text, title: text, icon: text, type: text } } },
      },
    },
    relations: { type: 'array' }, status: { type: 'object' },
  },
}
