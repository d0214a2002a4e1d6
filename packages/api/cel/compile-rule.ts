import { boolType, CelCompileError, type CelEnvironment, type CelProgram, type CelType, type CelValue, compileCel, kubernetesEnvironment, optionalType, stringType } from '@idp/lang-cel'
import type { Schema, ValidationRule } from '../schema/schema.ts'
import type { SchemaType } from './schema-type.ts'

/** A rule of `x-kubernetes-validations`, ready to run, or why it is not. */
export interface CompiledRule {
  readonly rule: ValidationRule
  readonly program?: CelProgram
  /** What is wrong with `rule`, as upstream says it. */
  readonly error?: string
  readonly message?: CelProgram
  /** What is wrong with `messageExpression`. */
  readonly messageError?: string
  readonly usesOldSelf: boolean
  /** `fieldPath` as error paths are written: `.spec.a` is `spec.a`; empty when there is none. */
  readonly fieldPath: string
}

/** Environments for one schema node: most nodes have one rule, so they are made when a rule asks. */
export function compileRules(schema: Schema, type: SchemaType): CompiledRule[] {
  let plain: CelEnvironment | undefined
  let optional: CelEnvironment | undefined
  const variables = (oldSelf: CelType) => ({ self: type.type, oldSelf })
  return (schema['x-kubernetes-validations'] ?? []).map((rule) => rule.optionalOldSelf === true
    ? compileRule(schema, rule, optional ??= kubernetesEnvironment({ variables: variables(optionalType(type.type)) }))
    : compileRule(schema, rule, plain ??= kubernetesEnvironment({ variables: variables(type.type) })))
}

function compileRule(schema: Schema, rule: ValidationRule, environment: CelEnvironment): CompiledRule {
  const base = { rule, usesOldSelf: false, fieldPath: '' }
  if (rule.rule.trim() === '') return base
  const program = compileTo(rule.rule, environment, boolType, 'compilation failed: ', 'cel expression must evaluate to a bool')
  if (typeof program === 'string') return { ...base, error: program }
  const usesOldSelf = program.uses('oldSelf')
  const fieldPath = rule.fieldPath === undefined ? '' : normalizeFieldPath(rule.fieldPath, schema) ?? ''
  if (rule.messageExpression === undefined || rule.messageExpression === '') return { rule, program, usesOldSelf, fieldPath }
  const message = compileTo(rule.messageExpression, environment, stringType, 'messageExpression compilation failed: ', 'messageExpression must evaluate to a string')
  return { rule, program, usesOldSelf, fieldPath, ...typeof message === 'string' ? { messageError: message } : { message } }
}

function compileTo(text: string, environment: CelEnvironment, want: CelType, failed: string, mistyped: string): CelProgram | string {
  try {
    const program = compileCel(text, environment)
    return program.type.kind === want.kind ? program : mistyped
  } catch (error) {
    if (error instanceof CelCompileError) return `${failed}${error.message}`
    throw error
  }
}

const token = /\.([^.[\]']+)|\['((?:[^'\\]|\\.)*)'\]/gy

/** Reads a rule's `fieldPath`, `.spec.a['b.c']`, and writes it as error paths are; undefined when it leads to no field of the schema. */
export function normalizeFieldPath(path: string, schema: Schema): string | undefined {
  let at: Schema | undefined = schema
  let out = ''
  let end = 0
  token.lastIndex = 0
  for (let match = token.exec(path); match; match = token.exec(path)) {
    end = token.lastIndex
    const name: string = match[1] ?? (match[2] ?? '').replaceAll(/\\(.)/g, '$1')
    const child: Schema | undefined = at?.properties?.[name]
    const values: Schema | boolean | undefined = at?.properties ? undefined : at?.additionalProperties
    if (child) out += out === '' ? name : `.${name}`
    else if (typeof values === 'object') out += `[${name}]`
    else return undefined
    at = child ?? (values as Schema)
  }
  return end === path.length && end > 0 ? out : undefined
}

/** The value of `self` or `oldSelf`. */
export function selfValue(type: SchemaType, json: CelValue): CelValue {
  return type.convert ? type.convert(json) : json
}
