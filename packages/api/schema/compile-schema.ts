import type { Json } from '@idp/formats'
import type { FieldError } from '../validation/field-error.ts'
import { type ApplyDefaults, compileDefaults } from './apply-defaults.ts'
import { compilePrune, type Prune } from './prune.ts'
import type { Resolve, Schema } from './schema.ts'
import { compileValidate, type Validate } from './validate.ts'

export interface CompileOptions {
  /** Needed when the schema has `$ref`s. */
  resolve?: Resolve
}

/** A schema made ready for use; each part is compiled when first used. Objects are changed in place. */
export interface CompiledSchema {
  /** Removes fields that the schema does not know and returns their paths. */
  prune(value: Json): string[]
  /** Fills in defaults. */
  default(value: Json): void
  /** What is wrong with the value; with `old`, what did not change is tolerated. `x-kubernetes-validations` are not its concern: see `@idp/api/cel`. */
  validate(value: Json, old?: Json): FieldError[]
}

/**
 * Compiles a schema into closures for pruning, defaulting and validation: microseconds an object. One engine for built-in kinds and for
 * the structural schemas of CustomResourceDefinitions (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
 */
export function compileSchema(schema: Schema, { resolve = () => undefined }: CompileOptions = {}): CompiledSchema {
  let prune: Prune | undefined | null = null
  let defaults: ApplyDefaults | undefined | null = null
  let validate: Validate | undefined | null = null
  return {
    prune(value) {
      if (prune === null) prune = compilePrune(schema, resolve, true)
      const removed: string[] = []
      prune?.(value, '', removed)
      return removed
    },
    default(value) {
      if (defaults === null) defaults = compileDefaults(schema, resolve)
      defaults?.(value)
    },
    validate(value, old) {
      if (validate === null) validate = compileValidate(schema, { resolve, memo: new Map() })
      const errors: FieldError[] = []
      validate?.(value, '', errors, old)
      return errors
    },
  }
}

/** The message of the 400 answer under `fieldValidation=Strict`; under `Warn` each field is one warning `unknown field "…"`. */
export function strictDecodingMessage(unknownFields: readonly string[]): string {
  return `strict decoding error: ${unknownFields.map((field) => `unknown field ${JSON.stringify(field)}`).join(', ')}`
}
