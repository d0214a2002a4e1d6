import type { JsonObject } from '@idp/formats'

/** Query parameters by name, as OpenAPI writes them; one object each, shared by all operations. */
const types: Readonly<Record<string, 'string' | 'boolean' | 'integer'>> = {
  allowWatchBookmarks: 'boolean', continue: 'string', fieldSelector: 'string', labelSelector: 'string', limit: 'integer', resourceVersion: 'string',
  resourceVersionMatch: 'string', sendInitialEvents: 'boolean', timeoutSeconds: 'integer', watch: 'boolean', dryRun: 'string', fieldManager: 'string',
  fieldValidation: 'string', force: 'boolean', gracePeriodSeconds: 'integer', ignoreStoreReadErrorWithClusterBreakingPotential: 'boolean',
  orphanDependents: 'boolean', propagationPolicy: 'string', pretty: 'string',
}

const groups = {
  list: ['allowWatchBookmarks', 'continue', 'fieldSelector', 'labelSelector', 'limit', 'resourceVersion', 'resourceVersionMatch', 'sendInitialEvents', 'timeoutSeconds', 'watch'],
  write: ['dryRun', 'fieldManager', 'fieldValidation'],
  patch: ['dryRun', 'fieldManager', 'fieldValidation', 'force'],
  delete: ['dryRun', 'gracePeriodSeconds', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'orphanDependents', 'propagationPolicy'],
  deletecollection: ['continue', 'dryRun', 'fieldSelector', 'gracePeriodSeconds', 'ignoreStoreReadErrorWithClusterBreakingPotential', 'labelSelector', 'limit',
    'orphanDependents', 'propagationPolicy', 'resourceVersion', 'resourceVersionMatch', 'sendInitialEvents', 'timeoutSeconds'],
} as const

const made = new Map<string, JsonObject>()

/** One query parameter. */
export function queryParameter(name: string, type: string = types[name] ?? 'string'): JsonObject {
  const key = `${name}:${type}`
  let parameter = made.get(key)
  if (!parameter) made.set(key, parameter = { in: 'query', name, schema: { type, uniqueItems: true } })
  return parameter
}

export function pathParameter(name: string): JsonObject {
  const key = `/${name}`
  let parameter = made.get(key)
  if (!parameter) made.set(key, parameter = { in: 'path', name, required: true, schema: { type: 'string', uniqueItems: true } })
  return parameter
}

/** The parameters that an action takes. */
export function parametersOf(group: keyof typeof groups): JsonObject[] {
  return groups[group].map((name) => queryParameter(name))
}
