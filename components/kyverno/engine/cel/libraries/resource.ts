import { anyType, CelFault, celToJson, jsonToCel, mapType, member, opaqueType, stringType, objectType, type CelFunction, type CelLibrary, type CelValue, type Overload } from '@idp/lang-cel'
import type { Json } from '@idp/formats'
import { runOf } from '../run-context.ts'

export const resourceType = opaqueType('resource.Context')
const gvrType = objectType('resource.GroupVersionResource', (field) => (['Group', 'Version', 'Resource', 'group', 'version', 'resource'].includes(field) ? { type: stringType } : undefined))
const objectMap = mapType(stringType, anyType)
const labelMap = mapType(stringType, stringType)

const apiVersionOf = (gvr: CelValue | undefined): [string, string] => {
  const { group = '', version = '', resource = '' } = gvr as { group?: string; version?: string; resource?: string }
  return [group === '' ? version : `${group}/${version}`, resource]
}

/** A namespaced policy sees its own namespace only. */
function placeOf(receiver: CelValue | undefined, namespace: string): string {
  const own = runOf(receiver).namespace
  if (own !== '' && namespace !== '' && namespace !== own) throw new CelFault(`cross-namespace access denied: a policy of namespace "${own}" may not read namespace "${namespace}"`)
  return own === '' ? namespace : own
}

function get(receiver: CelValue | undefined, apiVersion: string, resource: string, namespace: string, name: string): CelValue {
  const { lookups, source } = runOf(receiver)
  const place = placeOf(receiver, namespace)
  return lookups.ask(`get ${apiVersion} ${resource} ${place} ${name}`, async () => {
    const found = await source.get(apiVersion, resource, place, name)
    return found === undefined ? null : jsonToCel(found)
  })
}

function list(receiver: CelValue | undefined, apiVersion: string, resource: string, namespace: string, labels: CelValue = {}): CelValue {
  const { lookups, source } = runOf(receiver)
  const place = placeOf(receiver, namespace)
  const wanted = celToJson(labels) as Record<string, string>
  return lookups.ask(`list ${apiVersion} ${resource} ${place} ${JSON.stringify(wanted)}`, async () => jsonToCel(await source.list(apiVersion, resource, place, wanted)))
}

function post(receiver: CelValue | undefined, apiVersion: string, resource: string, namespace: string, body: CelValue): CelValue {
  const { lookups, source } = runOf(receiver)
  const place = placeOf(receiver, namespace)
  const data = celToJson(body) as Json
  return lookups.ask(`post ${apiVersion} ${resource} ${place} ${JSON.stringify(data)}`, async () => jsonToCel(await source.post(apiVersion, resource, place, data)))
}

const text = String
const lists: readonly Overload[] = [
  member([resourceType, stringType, stringType], objectMap, (at, version, plural) => list(at, text(version), text(plural), '')),
  member([resourceType, stringType, stringType, stringType], objectMap, (at, version, plural, namespace) => list(at, text(version), text(plural), text(namespace))),
  member([resourceType, stringType, stringType, labelMap], objectMap, (at, version, plural, labels) => list(at, text(version), text(plural), '', labels)),
  member([resourceType, stringType, stringType, stringType, labelMap], objectMap, (at, version, plural, namespace, labels) => list(at, text(version), text(plural), text(namespace), labels)),
  member([resourceType, gvrType, stringType], objectMap, (at, gvr, namespace) => list(at, ...apiVersionOf(gvr), text(namespace))),
  member([resourceType, gvrType, stringType, labelMap], objectMap, (at, gvr, namespace, labels) => list(at, ...apiVersionOf(gvr), text(namespace), labels)),
]
const gets: readonly Overload[] = [
  member([resourceType, stringType, stringType, stringType], objectMap, (at, version, plural, name) => get(at, text(version), text(plural), '', text(name))),
  member([resourceType, stringType, stringType, stringType, stringType], objectMap, (at, version, plural, namespace, name) => get(at, text(version), text(plural), text(namespace), text(name))),
  member([resourceType, gvrType, stringType, stringType], objectMap, (at, gvr, namespace, name) => get(at, ...apiVersionOf(gvr), text(namespace), text(name))),
]
const posts: readonly Overload[] = [
  member([resourceType, stringType, stringType, objectMap], objectMap, (at, version, plural, body) => post(at, text(version), text(plural), '', body ?? null)),
  member([resourceType, stringType, stringType, stringType, objectMap], objectMap, (at, version, plural, namespace, body) => post(at, text(version), text(plural), text(namespace), body ?? null)),
]
const toResource: readonly Overload[] = [
  member([resourceType, stringType, stringType], gvrType, (at, apiVersion, kind) => {
    const found = runOf(at).source.resourceOf(text(apiVersion), text(kind))
    if (found === undefined) throw new CelFault(`failed to map kind to resource: ${text(apiVersion)} ${text(kind)} is not served`)
    return { ...found, Group: found.group, Version: found.version, Resource: found.resource }
  }),
]

/** The same function under its older name (`Get`) and the one of Kyverno 1.16 and later (`get`). */
export const bothCases = (name: string, overloads: readonly Overload[]): CelFunction[] => [name, `${name.slice(0, 1).toLowerCase()}${name.slice(1)}`].map((one) => ({ name: one, overloads }))

/** `resource.Get`, `resource.List`, `resource.Post`, `resource.ToGVR`. */
export const resourceLibrary: CelLibrary = {
  name: 'kyverno.resource', types: [gvrType],
  functions: [...bothCases('List', lists), ...bothCases('Get', gets), ...bothCases('Post', posts), { name: 'ToGVR', overloads: toResource }, { name: 'toGVR', overloads: toResource }],
}
