import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import { builtInGroupVersions } from '../schema/built-in.ts'
import { customDefinitionName, customOpenApiV3 } from './custom-resource.ts'
import { parseDeclarations } from './descriptions.ts'
import { openApiV3, openApiV3Index } from './document.ts'
import { openApiV2 } from './swagger.ts'

/** Reads along a path of keys. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce((object, key) => (object as JsonObject | undefined)?.[key], value)
}

function references(value: unknown, into: Set<string>): Set<string> {
  if (typeof value !== 'object' || value === null) return into
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string') into.add(child)
    else references(child, into)
  }
  return into
}

const tab = { group: 'stable.e.com', version: 'v1', kind: 'Tab', listKind: 'TabList', plural: 'tabs', namespaced: true, status: true, scale: true, schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } } as const

test('no document refers to a schema it does not have', () => {
  const documents = [...builtInGroupVersions().map((groupVersion) => openApiV3(groupVersion)), customOpenApiV3([tab])]
  for (const document of documents) {
    assert.ok(document)
    for (const ref of references(document, new Set())) assert.ok(at(document, 'components', 'schemas', ref.replace('#/components/schemas/', '')), ref)
  }
})

test('what kubectl reads: kind of an operation, its action, and the parameters it supports', () => {
  const item = at(openApiV3('apps/v1'), 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}')
  assert.deepEqual([at(item, 'patch', 'x-kubernetes-action'), at(item, 'patch', 'x-kubernetes-group-version-kind')], ['patch', { group: 'apps', version: 'v1', kind: 'Deployment' }])
  assert.deepEqual((at(item, 'patch', 'parameters') as { name: string }[]).map(({ name }) => name), ['dryRun', 'fieldManager', 'fieldValidation', 'force'])
  assert.equal(at(openApiV3('v1'), 'paths', '/api/v1/namespaces/{namespace}/pods/{name}/exec', 'get', 'x-kubernetes-action'), 'connect')
  assert.equal(at(openApiV3('v1'), 'paths', '/api/v1/nodes', 'get', 'operationId'), 'listCoreV1Node')
  assert.equal(openApiV3('nothing/v1'), undefined)
})

test('a custom resource', () => {
  const document = customOpenApiV3([tab])
  assert.equal(customDefinitionName(tab), 'com.e.stable.v1.Tab')
  assert.deepEqual(at(document, 'components', 'schemas', 'com.e.stable.v1.Tab', 'x-kubernetes-group-version-kind'), [{ group: 'stable.e.com', version: 'v1', kind: 'Tab' }])
  assert.deepEqual(Object.keys(at(document, 'paths') as object).map((path) => path.slice('/apis/stable.e.com/v1'.length)), ['/tabs', '/namespaces/{namespace}/tabs', '/namespaces/{namespace}/tabs/{name}', '/namespaces/{namespace}/tabs/{name}/scale', '/namespaces/{namespace}/tabs/{name}/status'])
})

test('the index', () => {
  assert.deepEqual(openApiV3Index(['v1', 'apps/v1'], (groupVersion) => `h-${groupVersion.length}`), {
    paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=h-2' }, 'apis/apps/v1': { serverRelativeURL: '/openapi/v3/apis/apps/v1?hash=h-7' } },
  })
})

test('descriptions are merged in when asked for', () => {
  const document = openApiV3('v1', (name, field) => name.endsWith('core.v1.Pod') ? field ?? 'a pod' : undefined)
  assert.equal(at(document, 'components', 'schemas', 'io.k8s.api.core.v1.Pod', 'description'), 'a pod')
  assert.equal(at(document, 'components', 'schemas', 'io.k8s.api.core.v1.Pod', 'properties', 'spec', 'description'), 'spec')
  assert.equal(at(openApiV3('v1'), 'components', 'schemas', 'io.k8s.api.core.v1.Pod', 'description'), undefined)
})

test('descriptions out of declarations', () => {
  const docs = parseDeclarations('import x from "y";\n/**\n * A thing.\n */\nexport interface IThing {\n    /**\n     * How many.\n     */\n    "count"?: number;\n    "plain": string;\n}\nexport declare class Thing {\n    /**\n     * Other.\n     */\n    "plain": string;\n}\n')
  assert.equal(docs.own, 'A thing.')
  assert.deepEqual([...docs.fields], [['count', 'How many.']])
})

test('version 2', () => {
  const document = openApiV2([openApiV3('apps/v1') ?? {}])
  assert.deepEqual(at(document, 'definitions', 'io.k8s.api.apps.v1.Deployment', 'properties', 'spec'), { $ref: '#/definitions/io.k8s.api.apps.v1.DeploymentSpec' })
  for (const ref of references(document, new Set())) assert.ok(at(document, 'definitions', ref.replace('#/definitions/', '')), ref)
  assert.deepEqual((at(document, 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments', 'post', 'parameters') as { in: string }[]).map((parameter) => parameter.in), ['query', 'query', 'query', 'body'])
})
