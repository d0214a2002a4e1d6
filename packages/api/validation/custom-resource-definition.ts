import { isCoded } from '@idp/kit'
import type { JsonObject } from '@idp/formats'
import { compileJsonPath } from '../jsonpath.ts'
import type { Schema } from '../schema/schema.ts'
import { Checker, child, immutable, items } from './checker.ts'
import { notSupported } from './field-error.ts'
import { dns1035Label, dns1123Subdomain } from './names.ts'
import { checkStructuralSchema } from './structural-schema.ts'

/** A CustomResourceDefinition, with the schema of every version. */
export function checkCustomResourceDefinition(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const names = child(spec, 'names') ?? {}
  const name = child(object, 'metadata')?.name
  if (name !== `${names.plural ?? ''}.${spec.group ?? ''}`) check.invalid('metadata.name', name ?? '', 'must be spec.names.plural+"."+spec.group')
  const group = check.text(spec, 'spec', 'group')
  if (group !== undefined) {
    check.name('spec.group', group, dns1123Subdomain)
    if (!group.includes('.')) check.invalid('spec.group', group, 'should be a domain with at least one dot')
  }
  if (spec.scope === undefined || spec.scope === '') check.add(notSupported('spec.scope', '', ['Cluster', 'Namespaced']))
  check.oneOf(spec, 'spec', 'scope', ['Cluster', 'Namespaced'])
  if (spec.preserveUnknownFields === true) check.invalid('spec.preserveUnknownFields', true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead')
  checkNames(check, names)
  checkConversion(check, child(spec, 'conversion'))
  checkVersions(check, items(spec, 'versions'))
}

function checkNames(check: Checker, names: JsonObject): void {
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    const text = check.text(names, 'spec.names', field)
    if (text !== undefined) check.name(`spec.names.${field}`, field.toLowerCase().includes('kind') ? text.toLowerCase() : text, dns1035Label)
  }
  for (const field of ['shortNames', 'categories']) {
    const list = names[field]
    if (Array.isArray(list)) for (const [index, text] of list.entries()) check.name(`spec.names.${field}[${index}]`, String(text), dns1035Label)
  }
  if (names.kind !== undefined && names.kind === names.listKind) check.invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same')
}

function checkConversion(check: Checker, conversion: JsonObject | undefined): void {
  if (!conversion) return
  check.oneOf(conversion, 'spec.conversion', 'strategy', ['None', 'Webhook'])
  const webhook = child(conversion, 'webhook')
  if (conversion.strategy === 'None' && webhook) check.forbidden('spec.conversion.webhook', 'should not be set when strategy is not set to Webhook')
  if (conversion.strategy !== 'Webhook') return
  if (!child(webhook, 'clientConfig')) check.required('spec.conversion.webhook.clientConfig', 'required when strategy is set to Webhook')
  if (!Array.isArray(webhook?.conversionReviewVersions) || webhook.conversionReviewVersions.length === 0) check.required('spec.conversion.webhook.conversionReviewVersions')
}

function checkVersions(check: Checker, versions: JsonObject[]): void {
  const named = new Set<unknown>()
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`
    const name = check.text(version, at, 'name')
    if (name !== undefined) check.name(`${at}.name`, name, dns1035Label)
    if (named.has(name)) check.invalid('spec.versions', versions, 'must contain unique version names')
    named.add(name)
    const schema = child(version, 'schema', 'openAPIV3Schema')
    if (schema) checkStructuralSchema(check, schema as unknown as Schema, `${at}.schema.openAPIV3Schema`)
    else check.required(`${at}.schema.openAPIV3Schema`, 'schemas are required')
    checkColumns(check, items(version, 'additionalPrinterColumns'), `${at}.additionalPrinterColumns`)
    checkScale(check, child(version, 'subresources', 'scale'), `${at}.subresources.scale`)
  }
  if (versions.filter(({ storage }) => storage === true).length !== 1) check.invalid('spec.versions', versions.map(({ name }) => name), 'must have exactly one version marked as storage version')
}

function checkColumns(check: Checker, columns: JsonObject[], path: string): void {
  const types = ['integer', 'number', 'string', 'boolean', 'date']
  for (const [index, column] of columns.entries()) {
    const at = `${path}[${index}]`
    check.text(column, at, 'name')
    check.text(column, at, 'type', `must be one of ${types.join(',')}`)
    if (typeof column.type === 'string' && column.type !== '' && !types.includes(column.type)) check.invalid(`${at}.type`, column.type, `must be one of ${types.join(',')}`)
    const jsonPath = check.text(column, at, 'jsonPath')
    const problem = jsonPath === undefined ? undefined : pathProblem(jsonPath)
    if (problem !== undefined) check.invalid(`${at}.jsonPath`, jsonPath, problem)
  }
}

function pathProblem(text: string): string | undefined {
  try {
    compileJsonPath(text)
    return undefined
  } catch (error) {
    if (isCoded(error, 'InvalidJsonPath')) return error.message
    throw error
  }
}

function checkScale(check: Checker, scale: JsonObject | undefined, path: string): void {
  if (!scale) return
  for (const [field, root] of [['specReplicasPath', '.spec.'], ['statusReplicasPath', '.status.']] as const) {
    const text = check.text(scale, path, field)
    if (text !== undefined && !text.startsWith(root)) check.invalid(`${path}.${field}`, text, `should be a json path under ${root.slice(0, -1)}`)
  }
  const selector = scale.labelSelectorPath
  if (typeof selector === 'string' && selector !== '' && !selector.startsWith('.status.') && !selector.startsWith('.spec.')) check.invalid(`${path}.labelSelectorPath`, selector, 'should be a json path under either .spec or .status')
}

/** What may not change once clients know the kind, and versions that objects are still stored in. */
export function checkCustomResourceDefinitionUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const before = child(old, 'spec') ?? {}
  const established = items(child(old, 'status'), 'conditions').some(({ type, status }) => type === 'Established' && status === 'True')
  check.immutable(spec, before, 'spec', 'group', immutable)
  check.immutable(child(spec, 'names'), child(before, 'names'), 'spec.names', 'plural', immutable)
  if (established) {
    check.immutable(spec, before, 'spec', 'scope', immutable)
    check.immutable(child(spec, 'names'), child(before, 'names'), 'spec.names', 'kind', immutable)
  }
  const names = new Set(items(spec, 'versions').map(({ name }) => name))
  const stored = child(old, 'status')?.storedVersions
  if (Array.isArray(stored)) for (const [index, version] of stored.entries()) if (!names.has(version)) check.invalid(`status.storedVersions[${index}]`, version, 'missing from spec.versions; version was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in it and removes it from status.storedVersions')
}
