import { deepEqual, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import type { FieldChange, ObjectReference } from './preview-model.ts'

/** What Argo CD itself writes, and what says nothing about the object. */
const ignored = new Set(['metadata.annotations[argocd.argoproj.io/tracking-id]', 'metadata.managedFields', 'metadata.creationTimestamp', 'status'])
/** Keys by which the entries of a list are told apart. */
const listKeys = ['name', 'key', 'containerPort', 'port', 'type', 'path', 'url'] as const
const secretKey = /(passw(or)?d|passphrase|apikey|api[-_]key|private[-_]?key|client[-_]?secret|access[-_]?key|token)$/i
const masked = (value: Json): string => `(masked, ${typeof value === 'string' ? `${value.length} characters` : 'a value'})`

export function referenceOf({ apiVersion, kind, metadata }: AnyObject): ObjectReference {
  return { apiVersion, kind, ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }), name: metadata.name ?? metadata.generateName ?? '' }
}

/**
 * The fields in which two objects differ. Entries of lists are matched by their name, so that one more container is one change:
 * `spec.template.spec.containers[web].image`. Values of Secrets and of fields named like passwords never leave this function.
 */
export function fieldChanges(before: AnyObject | JsonObject, after: AnyObject | JsonObject): FieldChange[] {
  const isSecret = (after['kind'] ?? before['kind']) === 'Secret'
  const found: FieldChange[] = []
  visit(before as unknown as Json, after as unknown as Json, '', found)
  return found.map((change) => mask(change, isSecret))
}

function visit(before: Json | undefined, after: Json | undefined, path: string, found: FieldChange[]): void {
  if (ignored.has(path) || deepEqual(before, after)) return
  if (isMapping(before) && isMapping(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) visit(before[key], after[key], joined(path, key), found)
    return
  }
  const key = Array.isArray(before) && Array.isArray(after) ? listKeys.find((name) => isKeyedBy(before, name) && isKeyedBy(after, name)) : undefined
  if (key !== undefined) {
    const [old, wanted] = [byKey(before as Json[], key), byKey(after as Json[], key)]
    for (const name of new Set([...old.keys(), ...wanted.keys()])) visit(old.get(name), wanted.get(name), `${path}[${name}]`, found)
    return
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length && before.some((entry) => isMapping(entry))) {
    before.forEach((entry, at) => visit(entry, after[at], `${path}[${at}]`, found))
    return
  }
  found.push({ path, ...(before === undefined ? {} : { old: before }), ...(after === undefined ? {} : { new: after }) })
}

const isMapping = (value: Json | undefined): value is JsonObject => value !== null && typeof value === 'object' && !Array.isArray(value)
const isKeyedBy = (list: readonly Json[], key: string): boolean => list.length > 0 && list.every((one) => isMapping(one) && (typeof one[key] === 'string' || typeof one[key] === 'number')) && new Set(list.map((one) => (one as JsonObject)[key])).size === list.length
const byKey = (list: readonly Json[], key: string): Map<string, Json> => new Map(list.map((one) => [String((one as JsonObject)[key]), one]))

/** Keys with dots (annotations, files of a ConfigMap) stand in brackets. */
function joined(path: string, key: string): string {
  if (/[./]/.test(key)) return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

function mask({ path, ...change }: FieldChange, isSecret: boolean): FieldChange {
  const hide = (value: Json, at: string): Json => {
    if (isSecret && /^(data|stringData)\b/.test(at) && !isMapping(value)) return masked(value)
    if (typeof value === 'string' && secretKey.test(at.replace(/\]$/, ''))) return masked(value)
    if (Array.isArray(value)) return value.map((one, index) => hide(one, `${at}[${index}]`))
    // The value of an environment variable is as secret as its name says.
    if (isMapping(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hide(inner, key === 'value' && typeof value['name'] === 'string' ? value['name'] : joined(at, key))]))
    return value
  }
  const place = path.replace(/\]\.value$/, '')
  return { path, ...(change.old === undefined ? {} : { old: hide(change.old, place) }), ...(change.new === undefined ? {} : { new: hide(change.new, place) }) }
}
