import { boolType, type CelType, type CelValue, dynType, intType, listType, mapType, objectType, parseTimestamp, stringType, timestampType } from '@idp/lang-cel'

type Fields = Readonly<Record<string, CelType>>

const asTime = (json: CelValue): CelValue => typeof json === 'string' ? parseTimestamp(json) ?? json : json

function object(name: string, fields: Fields): CelType {
  return objectType(name, (field) => {
    const type = Object.hasOwn(fields, field) ? fields[field] : undefined
    return type && { type, ...type === timestampType && { convert: asTime } }
  })
}

const texts = listType(stringType)
const textMap = mapType(stringType, stringType)
const groupVersionKind = object('kubernetes.GroupVersionKind', { group: stringType, version: stringType, kind: stringType })
const groupVersionResource = object('kubernetes.GroupVersionResource', { group: stringType, version: stringType, resource: stringType })
const userInfo = object('kubernetes.UserInfo', { username: stringType, uid: stringType, groups: texts, extra: mapType(stringType, texts) })

/** The type of `request` in expressions of admission: AdmissionRequest without the objects, which are variables of their own. */
export const requestType: CelType = object('kubernetes.AdmissionRequest', {
  kind: groupVersionKind, resource: groupVersionResource, subResource: stringType, requestKind: groupVersionKind, requestResource: groupVersionResource, requestSubResource: stringType,
  name: stringType, namespace: stringType, operation: stringType, userInfo, dryRun: boolType, options: dynType,
})

/** The type of `namespaceObject`: a Namespace without managed fields and owners. */
export const namespaceType: CelType = object('kubernetes.Namespace', {
  metadata: object('kubernetes.NamespaceMetadata', {
    name: stringType, generateName: stringType, namespace: stringType, labels: textMap, annotations: textMap, UID: stringType, creationTimestamp: timestampType, deletionGracePeriodSeconds: intType,
    deletionTimestamp: timestampType, generation: intType, resourceVersion: stringType, finalizers: texts,
  }),
  spec: object('kubernetes.NamespaceSpec', { finalizers: texts }),
  status: object('kubernetes.NamespaceStatus', {
    phase: stringType, conditions: listType(object('kubernetes.NamespaceCondition', { status: stringType, type: stringType, lastTransitionTime: timestampType, message: stringType, reason: stringType })),
  }),
})
