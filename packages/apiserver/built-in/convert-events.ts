import type { AnyObject } from '@idp/formats'

/** Between core/v1 and events.k8s.io/v1 Events, whose fields only differ in name, and between versions that share their fields. */
export async function convertBuiltIn(objects: AnyObject[], apiVersion: string): Promise<AnyObject[]> {
  return objects.map((object) => {
    if (object.kind !== 'Event' || object.apiVersion === apiVersion) return { ...object, apiVersion }
    return renamed(object, apiVersion, apiVersion === 'v1' ? toCore : fromCore)
  })
}

const fromCore: Readonly<Record<string, string>> = {
  involvedObject: 'regarding', message: 'note', source: 'deprecatedSource', firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp', count: 'deprecatedCount', reportingComponent: 'reportingController',
}
const toCore: Readonly<Record<string, string>> = Object.fromEntries(Object.entries(fromCore).map(([from, to]) => [to, from]))

function renamed(object: AnyObject, apiVersion: string, names: Readonly<Record<string, string>>): AnyObject {
  const { apiVersion: _apiVersion, kind, metadata, ...rest } = object
  return { apiVersion, kind, metadata, ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [names[name] ?? name, value])) }
}
