import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import { isApiError } from '../errors.ts'
import { Deployment, Pod, Secret, Service } from '../kinds/index.ts'
import type { Gvk } from './built-in.ts'
import { decodeBuiltIn } from './decode.ts'

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
