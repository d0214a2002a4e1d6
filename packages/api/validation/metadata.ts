import type { JsonObject } from '@idp/formats'
import { Checker, child, immutable, items, join } from './checker.ts'
import { labelValue, qualifiedName } from './names.ts'

const maxAnnotationBytes = 256 * 1024

/** Labels, with their keys and values. */
export function checkLabels(check: Checker, labels: JsonObject | undefined, path: string): void {
  for (const key in labels) {
    check.name(path, key, qualifiedName)
    for (const message of labelValue(String(labels[key]))) check.invalid(path, labels[key], message)
  }
}

export function checkAnnotations(check: Checker, annotations: JsonObject | undefined, path: string): void {
  let size = 0
  for (const key in annotations) {
    check.name(path, key.toLowerCase() === key ? key : key.toLowerCase(), qualifiedName)
    size += Buffer.byteLength(key) + Buffer.byteLength(String(annotations[key]))
  }
  if (size > maxAnnotationBytes) check.add({ reason: 'FieldValueTooLong', field: path, message: `Too long: may not be more than ${maxAnnotationBytes} bytes` })
}

/** `metadata` of a new object. `nameCheck` is the form of the kind's names. */
export function checkMetadata(check: Checker, meta: JsonObject, { namespaced, nameCheck, path = 'metadata' }: { namespaced: boolean; nameCheck: (name: string) => string[]; path?: string }): void {
  const name = typeof meta.name === 'string' ? meta.name : ''
  const generateName = typeof meta.generateName === 'string' ? meta.generateName : ''
  // The generated part is appended later; a trailing dash is fine there.
  if (generateName !== '') check.name(join(path, 'generateName'), generateName, (text) => nameCheck(text.replace(/-+$/, '') || text))
  if (name === '') check.required(join(path, 'name'), 'name or generateName is required')
  else check.name(join(path, 'name'), name, nameCheck)
  if (namespaced && (meta.namespace === undefined || meta.namespace === '')) check.required(join(path, 'namespace'))
  if (!namespaced && meta.namespace !== undefined && meta.namespace !== '') check.forbidden(join(path, 'namespace'), 'not allowed on this type')
  checkLabels(check, child(meta, 'labels'), join(path, 'labels'))
  checkAnnotations(check, child(meta, 'annotations'), join(path, 'annotations'))
  checkOwners(check, items(meta, 'ownerReferences'), join(path, 'ownerReferences'))
  if (Array.isArray(meta.finalizers)) for (const finalizer of meta.finalizers) check.name(join(path, 'finalizers'), String(finalizer), qualifiedName)
}

function checkOwners(check: Checker, owners: JsonObject[], path: string): void {
  let controller: string | undefined
  for (const [index, owner] of owners.entries()) {
    const at = `${path}[${index}]`
    for (const [field, text] of [['apiVersion', 'version must not be empty'], ['kind', 'must not be empty'], ['name', 'must not be empty'], ['uid', 'must not be empty']] as const) {
      if (owner[field] === undefined || owner[field] === '') check.invalid(`${at}.${field}`, owner[field] ?? '', text)
    }
    if (owner.controller !== true) continue
    const own = `${owner.kind}/${owner.name}`
    if (controller !== undefined) check.invalid(path, owners, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${own}`)
    controller = own
  }
}

/** What may not change in `metadata`. */
export function checkMetadataUpdate(check: Checker, meta: JsonObject, old: JsonObject, path = 'metadata'): void {
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp']) check.immutable(meta, old, path, field, immutable)
  if (old.deletionTimestamp === undefined) return
  const before = new Set(Array.isArray(old.finalizers) ? old.finalizers : [])
  const added = (Array.isArray(meta.finalizers) ? meta.finalizers : []).filter((finalizer) => !before.has(finalizer))
  if (added.length > 0) check.forbidden(join(path, 'finalizers'), `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((text) => JSON.stringify(text)).join(', ')}}`)
}

/** A label selector; `name` is the kind when an empty selector is not allowed for it. */
export function checkSelector(check: Checker, selector: JsonObject | undefined, path: string): void {
  checkLabels(check, child(selector, 'matchLabels'), join(path, 'matchLabels'))
  for (const [index, expression] of items(selector, 'matchExpressions').entries()) {
    const at = `${path}.matchExpressions[${index}]`
    const values = Array.isArray(expression.values) ? expression.values : []
    if (expression.operator === 'In' || expression.operator === 'NotIn') {
      if (values.length === 0) check.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (expression.operator === 'Exists' || expression.operator === 'DoesNotExist') {
      if (values.length > 0) check.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    } else check.invalid(`${at}.operator`, expression.operator ?? '', 'not a valid selector operator')
    check.name(`${at}.key`, String(expression.key ?? ''), qualifiedName)
  }
}
