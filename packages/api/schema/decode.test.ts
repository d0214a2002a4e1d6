import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cloneJson, type Json, type JsonObject } from '@idp/formats'
import { isApiError } from '../errors.ts'
import { applyBuiltInDefaults } from '../defaults/apply.ts'
import { apiVersionOf } from '../kind.ts'
import { builtInKinds, Deployment, Pod, Secret, Service } from '../kinds/index.ts'
import { columnsFor, rowCells } from '../printers/columns-for.ts'
import { validateCreate, validateUpdate } from '../validation/validate.ts'
import { definition, type Gvk, schemaFor } from './built-in.ts'
import { decodeBuiltIn } from './decode.ts'
import { refOf, type Schema } from './schema.ts'

const accepted: [name: string, kind: Gvk, object: JsonObject, want: JsonObject, unknown: string[]][] = [
  ['zero values that the wire form carries', Service, { spec: { ports: [{ port: 80 }] } }, { metadata: {}, spec: { ports: [{ port: 80, protocol: 'TCP' }] }, status: { loadBalancer: {} } }, []],
  ['canonical quantities, unknown fields, nulls', Pod, { metadata: { name: 'a', labels: null }, spec: { foo: 1, containers: [{ name: 'c', bar: 1, resources: { limits: { cpu: '0.5', memory: '1024Mi' } } }] } },
    { metadata: { name: 'a' }, spec: { containers: [{ name: 'c', resources: { limits: { cpu: '500m', memory: '1Gi' } } }] }, status: {} }, ['spec.foo', 'spec.containers[0].bar']],
  ['secret data', Secret, { data: { a: 'YQ==', b: null }, type: 'Opaque' }, { metadata: {}, data: { a: 'YQ==', b: '' }, type: 'Opaque' }, []],
]
for (const [name, kind, object, want, unknown] of accepted) {
  test(`decode: ${name}`, () => {
    assert.deepEqual(decodeBuiltIn(kind, object), unknown)
    assert.deepEqual(object, want)
  })
}

const refused: [kind: Gvk, object: JsonObject, message: string][] = [
  [Deployment, { spec: { replicas: 'two' } }, 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32'],
  [Pod, { spec: { containers: [{ name: 1 }] } }, 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string'],
  [Pod, { spec: { containers: {} } }, 'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container'],
  [Pod, { spec: { containers: [{ resources: { limits: { cpu: 'many' } } }] } }, `Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`],
  [Secret, { data: { a: '*' } }, 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'],
]
for (const [kind, object, message] of refused) {
  test(`decode refuses: ${message.slice(0, 90)}`, () => {
    assert.throws(() => decodeBuiltIn(kind, object), (error) => isApiError(error, 'BadRequest') && error.message === message)
  })
}

const samples: Readonly<Record<string, Json>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': '1', 'io.k8s.apimachinery.pkg.util.intstr.IntOrString': 1, 'io.k8s.apimachinery.pkg.apis.meta.v1.Time': '2030-01-01T00:00:00Z',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': '2030-01-01T00:00:00.000000Z',
}

/** A value with every field of its schema set; a type inside itself is left empty. */
function fullSample(schema: Schema, inside: readonly string[] = []): Json {
  const ref = refOf(schema)
  if (ref !== undefined) return samples[ref] ?? (inside.includes(ref) ? {} : fullSample(definition(ref) ?? {}, [...inside, ref]))
  if (schema.items) return [fullSample(schema.items, inside)]
  if (typeof schema.additionalProperties === 'object') return { key: fullSample(schema.additionalProperties, inside) }
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, child]) => [name, fullSample(child, inside)]))
  if (schema.type === 'string') return schema.format === 'byte' ? 'YQ==' : 'x'
  return schema.type === 'boolean' ? true : schema.type === 'integer' || schema.type === 'number' ? 1 : {}
}

test('every kind with every field set is read as it is, and nothing below chokes on it', () => {
  for (const kind of builtInKinds) {
    const object = { ...(fullSample(schemaFor(kind) ?? {}) as JsonObject), apiVersion: apiVersionOf(kind), kind: kind.kind }
    const before = cloneJson(object)
    assert.deepEqual(decodeBuiltIn(kind, object), [], kind.kind)
    if (kind.kind !== 'CustomResourceDefinition') assert.deepEqual(object, before, kind.kind)
    applyBuiltInDefaults(kind, object)
    validateCreate(kind, object)
    validateUpdate(kind, object, before)
    rowCells(columnsFor(kind), object as never, 0)
  }
})
