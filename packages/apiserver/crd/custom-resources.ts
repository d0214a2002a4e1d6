import { compileSchema, customColumns, hasRules, type CustomResourceDefinition, defineKind, validateCreate, validateUpdate, type CompiledSchema, type FieldError, type Schema } from '@idp/api'
import type { AnyObject, Json } from '@idp/formats'
import type { ValidationRules } from '@idp/api/cel'
import { allVerbs, storagePrefix, type Resource, type ScalePaths } from '../resource.ts'

type Version = CustomResourceDefinition['spec']['versions'][number]

/** The resources a CRD serves, one for each served version. */
export function customResources(definition: CustomResourceDefinition, convert?: Resource['convert']): Resource[] {
  const stored = definition.spec.versions.find((version) => version.storage)?.name ?? ''
  return definition.spec.versions.filter((version) => version.served).sort(byPriority).map((version) => ({ ...customResource(definition, version, stored), ...(convert === undefined ? {} : { convert }) }))
}

function customResource({ spec }: CustomResourceDefinition, version: Version, stored: string): Resource {
  const { names, group } = spec
  const schema = rootSchema(version)
  const compiled: CompiledSchema = compileSchema(schema)
  // Looked for at the first write: most kinds are defined and never used.
  let withRules: boolean | undefined
  let rules: ValidationRules | undefined
  const scale = version.subresources?.scale
  const kind = defineKind<AnyObject>({
    group, version: version.name, kind: names.kind, plural: names.plural, scope: spec.scope === 'Namespaced' ? 'Namespaced' : 'Cluster',
    singular: names.singular ?? names.kind.toLowerCase(), shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    subresources: [...(version.subresources?.status === undefined ? [] : ['status']), ...(scale === undefined ? [] : ['scale'])],
  })
  return {
    kind, prefix: storagePrefix(group, names.plural), storageApiVersion: `${group}/${stored}`, builtIn: false, schema: typedRoot(schema),
    hasStatus: version.subresources?.status !== undefined,
    scale: scale === undefined ? undefined : scalePaths(scale),
    columns: customColumns(version.additionalPrinterColumns), verbs: allVerbs,
    selectableFields: (version.selectableFields ?? []).map((field) => field.jsonPath.replace(/^\./, '')),
    ...(version.deprecated === true ? { deprecated: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated` } : {}),
    decode: (object) => spec.preserveUnknownFields === true ? [] : compiled.prune(object as unknown as Json),
    normalize: (object) => compiled.default(object as unknown as Json),
    prepare() {
      withRules ??= hasRules(schema)
      if (!withRules || rules !== undefined) return undefined
      return import('@idp/api/cel').then(({ compileValidationRules }) => void (rules = compileValidationRules(schema)))
    },
    validate(object, old, subresource) {
      const errors = [
        ...(old === undefined ? validateCreate(kind, object) : validateUpdate(kind, object, old, subresource)),
        ...compiled.validate(object as unknown as Json, old as unknown as Json | undefined),
      ]
      withRules ??= hasRules(schema)
      if (withRules) errors.push(...runRules(rules, errors, object, old))
      return errors.map((error) => ({ ...error }))
    },
  }
}

/** Errors after which a rule could not trust the types it was compiled for. */
const blocking = new Set(['FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid'])

function runRules(rules: ValidationRules | undefined, errors: readonly FieldError[], object: AnyObject, old: AnyObject | undefined): FieldError[] {
  if (errors.some(({ reason }) => blocking.has(reason))) {
    return [{ reason: 'FieldValueInvalid', field: '<nil>', message: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation' }]
  }
  if (rules === undefined) throw new Error('validated before prepare()')
  return rules.validate(object as unknown as Json, old as unknown as Json | undefined).errors
}

function rootSchema(version: Version): Schema {
  return (version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }) as Schema
}

/** The schema with metadata as every object has it, for ownership of fields. */
function typedRoot(schema: Schema): Schema {
  return { ...schema, properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } } }
}

function scalePaths(scale: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string }): ScalePaths {
  const path = (text: string) => text.replace(/^\./, '').split('.')
  return { spec: path(scale.specReplicasPath), status: path(scale.statusReplicasPath), ...(scale.labelSelectorPath === undefined ? {} : { selector: path(scale.labelSelectorPath) }) }
}

/** GA before beta before alpha, newer first (`v2`, `v1`, `v1beta2`, `v1alpha1`), then all else by name. */
function byPriority(a: Version, b: Version): number {
  const rank = (name: string) => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name)
    return match === null ? undefined : [match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0, Number(match[1]), Number(match[3] ?? 0)] as const
  }
  const left = rank(a.name)
  const right = rank(b.name)
  if (left === undefined || right === undefined) return left === right ? (a.name < b.name ? -1 : 1) : left === undefined ? 1 : -1
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2]
}
