import type { Json } from '@idp/formats'
import { isObject, validateSchema, type SchemaProblem } from '../json-schema.ts'
import { formatEntityRef, type Entity } from './entity.ts'
import { entitySchema, kindSchemas } from './kind-schemas.ts'

const learnMore = 'To learn more about catalog file format, visit: https://github.com/backstage/backstage/blob/master/docs/architecture-decisions/adr002-default-catalog-file-format.md'
const expected = {
  name: 'a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total',
  label: 'a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total',
  tag: 'a string that is sequences of [a-z0-9+#] separated by [-], at most 63 characters in total',
  kind: 'a string that is a sequence of [a-zA-Z][a-z0-9A-Z], at most 63 characters in total',
  prefixed: 'a valid prefix and/or suffix',
  url: 'a string that is a valid url',
} as const

const fits = (pattern: RegExp, most = 63) => (value: unknown): boolean => typeof value === 'string' && value.length >= 1 && value.length <= most && pattern.test(value)
const isName = fits(/^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/)
const isDnsLabel = fits(/^[a-z0-9]+(?:-+[a-z0-9]+)*$/)
const isKind = fits(/^[a-zA-Z][a-z0-9A-Z]*$/)
const isTag = fits(/^[a-z0-9:+#]+(-[a-z0-9:+#]+)*$/)
const isVersion = fits(/^[a-z0-9A-Z]+$/)
const isDnsSubdomain = (value: string): boolean => value.length >= 1 && value.length <= 253 && value.split('.').every(isDnsLabel)
const isPrefixed = (last: (value: unknown) => boolean) => (value: unknown): boolean => {
  const parts = typeof value === 'string' ? value.split('/') : []
  return parts.length === 1 ? last(parts[0]) : parts.length === 2 && isDnsSubdomain(parts[0] ?? '') && last(parts[1])
}

/** An error of a name and message as upstream reports it. */
export interface EntityError { readonly name: string; readonly message: string }

/**
 * All that is wrong with an entity, by upstream's rules in upstream's words: envelope, field formats, its kind's demands.
 * A kind or apiVersion that nobody knows is wrong too.
 */
export function validateEntity(entity: Json): EntityError[] {
  const envelope = validateSchema(entitySchema, entity)
  const [first] = envelope
  if (first !== undefined) return [{ name: 'InputError', message: `Policy check failed${isObject(entity) && isObject(entity['metadata']) && typeof entity['metadata']['name'] === 'string' && typeof entity['kind'] === 'string' ? ` for ${named(entity as unknown as Entity)}` : ''}; caused by Error: Malformed envelope, ${first.path === '' ? '<root>' : first.path} ${first.message}` }]
  const checked = entity as unknown as Entity
  const format = firstFormatProblem(checked)
  if (format !== undefined) return [{ name: 'InputError', message: `Policy check failed for ${named(checked)}; caused by Error: ${format}` }]
  const kind = kindSchemas[checked.kind]
  if (kind === undefined || !kind.apiVersions.includes(checked.apiVersion)) return [{ name: 'InputError', message: `No processor recognized the entity ${named(checked)} as valid, possibly caused by a foreign kind or apiVersion` }]
  return validateSchema(kind.schema, entity).slice(0, 1).map((problem) => ({ name: 'InputError', message: `Processor BuiltinKindsEntityProcessor threw an error while validating the entity ${named(checked)}; caused by TypeError: ${ajvWords(problem)}` }))
}

const named = (entity: Entity): string => formatEntityRef({ kind: entity.kind, namespace: entity.metadata.namespace ?? 'default', name: entity.metadata.name })

/** Ajv's message with the place before it and the parameters behind it. */
export const ajvWords = ({ path, message, params }: SchemaProblem): string => `${path === '' ? '<root>' : path} ${message}${Object.keys(params).length === 0 ? '' : ` - ${Object.entries(params).map(([key, value]) => `${key}: ${value}`).join(', ')}`}`

/** The first field whose value breaks its format. */
export function firstFormatProblem({ apiVersion, kind, metadata }: Entity): string | undefined {
  const { name, namespace, labels = {}, annotations = {}, tags = [], links = [] } = metadata
  const rows: [field: string, value: unknown, holds: boolean, expectation: string][] = [
    ['apiVersion', apiVersion, isPrefixed(isVersion)(apiVersion), expected.prefixed],
    ['kind', kind, isKind(kind), expected.kind],
    ['metadata.name', name, isName(name), expected.name],
    ...(namespace === undefined ? [] : [['metadata.namespace', namespace, isDnsLabel(namespace), expected.label] as (typeof rows)[number]]),
    ...Object.entries(labels).flatMap(([key, value]): typeof rows => [[`labels.${key}`, key, isPrefixed(isName)(key), expected.prefixed], [`labels.${key}`, value, value === '' || isName(value), expected.name]]),
    ...Object.keys(annotations).map((key): (typeof rows)[number] => [`annotations.${key}`, key, isPrefixed(isName)(key), expected.prefixed]),
    ...tags.map((tag, index): (typeof rows)[number] => [`tags.${index}`, tag, isTag(tag), expected.tag]),
    ...links.map(({ url }, index): (typeof rows)[number] => [`links.${index}.url`, url, URL.canParse(url), expected.url]),
  ]
  const wrong = rows.find(([, , holds]) => !holds)
  return wrong && `"${wrong[0]}" is not valid; expected ${wrong[3]} but found "${String(wrong[1])}". ${learnMore}`
}
