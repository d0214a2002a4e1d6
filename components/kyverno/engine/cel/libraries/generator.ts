import { anyType, boolType, CelFault, celToJson, listType, mapType, member, opaqueType, stringType, type CelLibrary, type CelValue } from '@idp/lang-cel'
import type { JsonObject } from '@idp/formats'
import { runOf } from '../run-context.ts'
import { bothCases } from './resource.ts'

export const generatorType = opaqueType('generator.Context')

function apply(at: CelValue, namespace: CelValue, objects: CelValue): CelValue {
  const run = runOf(at)
  const place = String(namespace)
  if (run.namespace !== '' && place !== run.namespace) throw new CelFault(`cross-namespace generation denied: a policy in namespace "${run.namespace}" cannot generate resources into namespace "${place}"`)
  for (const object of celToJson(objects) as JsonObject[]) {
    const items = typeof object['kind'] === 'string' && object['kind'].endsWith('List') && Array.isArray(object['items']) ? (object['items'] as JsonObject[]) : [object]
    for (const item of items) run.generated.push({ namespace: place, object: item })
  }
  return true
}

/** `generator.Apply(namespace, objects)`: remembers what must be there. */
export const generatorLibrary: CelLibrary = {
  name: 'kyverno.generator',
  functions: bothCases('Apply', [member([generatorType, stringType, listType(mapType(stringType, anyType))], boolType, (at, namespace, objects) => apply(at ?? null, namespace ?? '', objects ?? []))]),
}
