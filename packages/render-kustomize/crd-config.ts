import { parseYaml, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import type { FieldSpec } from './field-spec.ts'
import { joinPath, loadText, type Loader } from './loader.ts'
import { isObject } from './resource.ts'
import { emptyConfig, mergeConfig, type TransformerConfig } from './transformer-config.ts'

/** Reads a file of `crds`: OpenAPI definitions whose `x-kubernetes-*` marks say where a custom kind holds names, labels and annotations. */
export async function crdConfig(loader: Loader, path: string): Promise<TransformerConfig> {
  const source = joinPath(loader.root, path)
  const document = parseYaml(await loadText(loader, path), { source })
  if (!isObject(document)) throw failure('InvalidSchema', `unable to parse open API definition from '${path}'`, source)
  let config = emptyConfig
  for (const name of Object.keys(document)) {
    const properties = propertiesOf(document[name])
    if (!['kind', 'apiVersion', 'metadata'].every((key) => Object.hasOwn(properties, key))) continue
    const kind = name.slice(name.lastIndexOf('.') + 1)
    config = mergeConfig(config, readType({ document, kind, trail: new Set() }, name, []))
  }
  return config
}

function propertiesOf(definition: Json | undefined): JsonObject {
  const schema = isObject(definition) ? definition['Schema'] ?? definition['schema'] : undefined
  const properties = isObject(schema) ? schema['properties'] : undefined
  return isObject(properties) ? properties : {}
}

interface Reading { readonly document: JsonObject; readonly kind: string; readonly trail: ReadonlySet<string> }

function readType(reading: Reading, name: string, path: readonly string[]): TransformerConfig {
  if (reading.trail.has(name)) return emptyConfig
  const inner = { ...reading, trail: new Set([...reading.trail, name]) }
  let config = emptyConfig
  const properties = propertiesOf(reading.document[name])
  for (const key of Object.keys(properties)) {
    const property = properties[key]
    if (!isObject(property)) continue
    const at = [...path, key]
    config = mergeConfig(config, marks(property, reading.kind, at))
    const reference = property['$ref']
    if (typeof reference === 'string') config = mergeConfig(config, readType(inner, reference, at))
  }
  return config
}

function marks(property: JsonObject, kind: string, path: readonly string[]): TransformerConfig {
  const has = (mark: string): boolean => typeof property[`x-kubernetes-${mark}`] === 'string'
  const text = (mark: string): string | undefined => (has(mark) ? String(property[`x-kubernetes-${mark}`]) : undefined)
  const spec = (...more: string[]): FieldSpec[] => [{ group: '', version: '', kind, path: [...path, ...more].join('/'), create: false }]
  const [version, target] = [text('object-ref-api-version'), text('object-ref-kind')]
  return {
    ...emptyConfig,
    commonAnnotations: has('annotation') ? spec() : [],
    commonLabels: has('label-selector') ? spec() : [],
    namePrefix: has('identity') ? spec() : [],
    nameReference: version === undefined || target === undefined ? [] : [{ group: '', version, kind: target, fieldSpecs: spec(text('object-ref-name-key') ?? 'name') }],
  }
}
