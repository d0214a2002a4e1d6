import { applyBuiltInDefaults, builtInKinds, compileSchema, decodeBuiltIn, defineKind, generateJobSelector, hasRules, isApiError, parseApiVersion, validateCreate, validateUpdate, type CompiledSchema, type FieldError, type Kind, type Schema } from '@idp/api'
import { compileValidationRules, type ValidationRules } from '@idp/api/cel'
import { cloneJson, type AnyObject, type Json, type JsonObject } from '@idp/formats'
import type { Side } from './side.ts'
import { objectsOf } from './side.ts'

/** What the API server itself says of an object: unknown kinds, invalid values, fields that cannot change. */
export interface ApiRules {
  /** Empty when it is accepted; `before` is what it replaces. */
  refusals(object: AnyObject, before?: AnyObject): string[]
  /** Fields that the schema does not know: dropped, or refused by server-side apply. */
  unknownFields(object: AnyObject): string[]
  /** `undefined` when nothing in the repository or Kubernetes defines the kind. */
  isServed(object: AnyObject): 'yes' | 'other-version' | 'no'
  deprecation(object: AnyObject): string | undefined
}

interface Version { readonly name: string; readonly served: boolean; readonly deprecated?: boolean; readonly deprecationWarning?: string; readonly schema?: { readonly openAPIV3Schema?: Schema } }
interface DefinitionSpec { readonly group: string; readonly scope: string; readonly names: { readonly kind: string; readonly plural: string }; readonly versions: readonly Version[] }
interface Custom { readonly kind: Kind; readonly schema: CompiledSchema; readonly rules: ValidationRules | undefined; readonly version: Version }

const builtIn = new Map(builtInKinds.map((kind) => [`${kind.group}/${kind.version}/${kind.kind}`, kind]))
const gvk = (object: AnyObject): string => {
  const { group, version } = parseApiVersion(object.apiVersion)
  return `${group}/${version}/${object.kind}`
}

/** The rules of Kubernetes' own kinds and of the CustomResourceDefinitions of one commit, by the functions that the embedded API server uses. */
export function apiRules(side: Side): ApiRules {
  const definitions = objectsOf(side).filter(({ object }) => object.kind === 'CustomResourceDefinition').map(({ object }) => object['spec'] as DefinitionSpec)
  const groupKinds = new Set([...builtInKinds.map(({ group, kind }) => `${group}/${kind}`), ...definitions.map(({ group, names }) => `${group}/${names.kind}`)])
  const compiled = new Map<string, Custom>()
  const customOf = (object: AnyObject): Custom | undefined => {
    const key = gvk(object)
    const known = compiled.get(key)
    if (known !== undefined) return known
    const { group, version: name } = parseApiVersion(object.apiVersion)
    const spec = definitions.find((one) => one.group === group && one.names.kind === object.kind && one.versions.some((version) => version.name === name && version.served))
    const version = spec?.versions.find((one) => one.name === name)
    if (spec === undefined || version === undefined) return undefined
    const made = compileCustom(spec, version)
    compiled.set(key, made)
    return made
  }
  return {
    refusals(object, before) {
      const kind = builtIn.get(gvk(object))
      if (kind !== undefined) return texts(builtInErrors(kind, object, before))
      const custom = customOf(object)
      return custom === undefined ? [] : texts(customErrors(custom, object, before))
    },
    unknownFields(object) {
      const kind = builtIn.get(gvk(object))
      const copy = cloneJson(object as unknown as JsonObject)
      try {
        return kind === undefined ? customOf(object)?.schema.prune(copy) ?? [] : decodeBuiltIn(kind, copy)
      } catch (error) {
        if (!isApiError(error)) throw error
        return []
      }
    },
    isServed(object) {
      if (builtIn.has(gvk(object)) || customOf(object) !== undefined) return 'yes'
      return groupKinds.has(`${parseApiVersion(object.apiVersion).group}/${object.kind}`) ? 'other-version' : 'no'
    },
    deprecation(object) {
      const version = customOf(object)?.version
      return version?.deprecated === true ? version.deprecationWarning ?? `${object.apiVersion} ${object.kind} is deprecated` : undefined
    },
  }
}

function compileCustom(spec: DefinitionSpec, version: Version): Custom {
  const schema = version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as Schema
  const kind = defineKind<AnyObject>({ group: spec.group, version: version.name, kind: spec.names.kind, plural: spec.names.plural, scope: spec.scope === 'Cluster' ? 'Cluster' : 'Namespaced' })
  return { kind, version, schema: compileSchema(schema), rules: hasRules(schema) ? compileValidationRules(schema) : undefined }
}

function builtInErrors(kind: Kind, object: AnyObject, before: AnyObject | undefined): FieldError[] {
  const read = (one: AnyObject): JsonObject => {
    const copy = cloneJson(one as unknown as JsonObject)
    decodeBuiltIn(kind, copy)
    applyBuiltInDefaults(kind, copy)
    // The server makes a Job's selector of its uid, which both versions of a Job share.
    if (kind.kind === 'Job') generateJobSelector(copy)
    return copy
  }
  try {
    const wanted = read(object)
    if (before === undefined) return validateCreate(kind, wanted)
    return [...validateUpdate(kind, wanted, read(before)), ...allocatedAddress(kind, object, before)]
  } catch (error) {
    if (!isApiError(error)) throw error
    return [{ reason: 'FieldValueTypeInvalid', field: '', message: error.message }]
  }
}

/** A Service that named no address got one, which cannot be exchanged for another. */
function allocatedAddress({ kind, group }: Kind, object: AnyObject, before: AnyObject): FieldError[] {
  if (kind !== 'Service' || group !== '') return []
  const [old, wanted] = [before['spec'], object['spec']] as ({ clusterIP?: string; type?: string } | undefined)[]
  if (old?.clusterIP !== undefined || wanted?.clusterIP === undefined || wanted.clusterIP === '' || old?.type === 'ExternalName') return []
  return [{ reason: 'FieldValueInvalid', field: 'spec.clusterIPs[0]', message: `Invalid value: ${JSON.stringify([wanted.clusterIP])}: may not change once set` }]
}

function customErrors({ kind, schema, rules }: Custom, object: AnyObject, before: AnyObject | undefined): FieldError[] {
  const read = (one: AnyObject): Json => {
    const copy = cloneJson(one as unknown as JsonObject)
    schema.prune(copy)
    schema.default(copy)
    return copy
  }
  const wanted = read(object)
  const old = before === undefined ? undefined : read(before)
  const errors = [...(old === undefined ? validateCreate(kind, wanted as JsonObject) : validateUpdate(kind, wanted as JsonObject, old as JsonObject)), ...schema.validate(wanted, old)]
  return errors.length > 0 || rules === undefined ? errors : rules.validate(wanted, old).errors
}

const texts = (errors: readonly FieldError[]): string[] => [...new Set(errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)))]
