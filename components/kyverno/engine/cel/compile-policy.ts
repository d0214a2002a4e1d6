import { boolType, CelCompileError, compileCel, dynType, objectType, sameType, stringType, type CelEnvironment, type CelProgram, type CelType } from '@idp/lang-cel'
import { CodedError } from '@idp/kit'
import { admissionFamily, celFamily, type CelException, type CelFamily, type CelPolicy, type CelPolicySpec, type NamedExpression } from '../../kinds/cel-policy.ts'
import { derivedSpecs } from './autogen-cel.ts'
import { kyvernoEnvironment } from './environment.ts'
import { compileTemplate, type ObjectTemplate } from './object-template.ts'

export interface CompiledValidation { readonly program: CelProgram; readonly message: string; readonly messageProgram: CelProgram | undefined }
export interface CompiledMutation { readonly type: 'ApplyConfiguration' | 'JSONPatch'; readonly program: CelProgram }
export type CompiledGeneration = { readonly program: CelProgram } | { readonly template: ObjectTemplate }

/** A spec with its expressions compiled; a policy has one, and one for each layout of pod controllers it is derived for. */
export interface CompiledSpec {
  readonly spec: CelPolicySpec
  readonly conditions: readonly CelProgram[]
  readonly variables: ReadonlyMap<string, CelProgram>
  readonly variablesType: CelType
  readonly validations: readonly CompiledValidation[]
  readonly mutations: readonly CompiledMutation[]
  readonly generations: readonly CompiledGeneration[]
  readonly annotations: ReadonlyMap<string, CelProgram>
  readonly images: ReadonlyMap<string, CelProgram>
  readonly references: readonly ((image: string) => boolean)[]
  readonly targetConditions: readonly CelProgram[]
  /** Whether an expression mentions `namespaceObject`, which must be fetched. */
  readonly usesNamespace: boolean
}
export interface CompiledPolicy { readonly policy: CelPolicy; readonly family: CelFamily; readonly specs: readonly CompiledSpec[] }

const known = new WeakMap<CelPolicy, CompiledPolicy | CodedError>()

/** Compiles a policy of policies.kyverno.io, once per object. Throws CodedError `CelPolicyInvalid` that names the path of the expression. */
export function compileCelPolicy(policy: CelPolicy): CompiledPolicy {
  const found = known.get(policy) ?? attempt(policy)
  known.set(policy, found)
  if (found instanceof CodedError) throw found
  return found
}

function attempt(policy: CelPolicy): CompiledPolicy | CodedError {
  try {
    const admission = admissionFamily(policy)
    if (admission !== undefined) return { policy, family: admission, specs: [compileSpec(policy.spec)] }
    const family = celFamily(policy)
    if (family === undefined) throw new CodedError({ code: 'CelPolicyInvalid', message: `${policy.apiVersion} ${policy.kind} is no policy of CEL`, where: policy.metadata.name ?? '' })
    return { policy, family, specs: [policy.spec, ...derivedSpecs(policy.spec, family)].map((spec) => compileSpec(spec)) }
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}

/** An expression at its place in the policy, with the types its result may have. */
export function compileAt(path: string, expression: string, environment: CelEnvironment, types: readonly CelType[] = []): CelProgram {
  const invalid = (message: string, cause?: unknown): CodedError => new CodedError({ code: 'CelPolicyInvalid', message: `${path}: Invalid value: ${JSON.stringify(expression)}: ${message}`, where: path, ...(cause === undefined ? {} : { cause }) })
  let program: CelProgram
  try {
    program = compileCel(expression, environment)
  } catch (error) {
    if (error instanceof CelCompileError) throw invalid(error.message, error)
    throw error
  }
  if (types.length > 0 && program.type.kind !== 'dyn' && !types.some((type) => sameType(type, program.type) || type.kind === program.type.kind)) throw invalid(`output is expected to be of type ${types.map(({ text }) => text).join(' or ')}`)
  return program
}

export function compileSpec(spec: CelPolicySpec, base: CelEnvironment = kyvernoEnvironment): CompiledSpec {
  const types = new Map<string, CelType>()
  const variablesType = objectType('kyverno.variables', (name) => {
    const type = types.get(name)
    return type === undefined ? undefined : { type }
  })
  const environment = base.extend({ variables: { variables: variablesType } })
  const variables = new Map<string, CelProgram>()
  for (const [index, { name, expression }] of (spec.variables ?? []).entries()) {
    const program = compileAt(`spec.variables[${index}].expression`, expression, environment)
    variables.set(name, program)
    types.set(name, program.type)
  }
  const conditions = (list: readonly NamedExpression[] | undefined, path: string): CelProgram[] => (list ?? []).map(({ expression }, index) => compileAt(`${path}[${index}].expression`, expression, environment, [boolType]))
  return {
    spec, variables, variablesType,
    conditions: [...conditions(spec.matchConditions, 'spec.matchConditions'), ...conditions(spec.conditions, 'spec.conditions')],
    validations: (spec.validations ?? []).map(({ expression, message = '', messageExpression }, index) => ({
      program: compileAt(`spec.validations[${index}].expression`, expression, environment, ['HTTP', 'Envoy'].includes(spec.evaluation?.mode ?? '') ? [] : [boolType]), message,
      messageProgram: messageExpression === undefined || messageExpression === '' ? undefined : compileAt(`spec.validations[${index}].messageExpression`, messageExpression, environment, [stringType]),
    })),
    mutations: (spec.mutations ?? []).map(({ jsonPatch, applyConfiguration }, index) => (jsonPatch === undefined
      ? { type: 'ApplyConfiguration', program: compileAt(`spec.mutations[${index}].applyConfiguration.expression`, applyConfiguration?.expression ?? '', environment) }
      : { type: 'JSONPatch', program: compileAt(`spec.mutations[${index}].jsonPatch.expression`, jsonPatch.expression, environment) })),
    generations: (spec.generate ?? []).map(({ expression, template }, index) => (template === undefined
      ? { program: compileAt(`spec.generate[${index}].expression`, expression ?? '', environment, [boolType]) }
      : { template: compileTemplate(template, environment, `spec.generate[${index}].template`) })),
    annotations: new Map((spec.auditAnnotations ?? []).map(({ key, valueExpression }, index) => [key, compileAt(`spec.auditAnnotations[${index}].valueExpression`, valueExpression, environment)])),
    images: new Map((spec.images ?? []).map(({ name, expression }, index) => [name, compileAt(`spec.images[${index}].expression`, expression, environment)])),
    references: (spec.matchImageReferences ?? []).map((one, index) => imageReference(one, `spec.matchImageReferences[${index}]`, environment)),
    targetConditions: conditions(spec.targetMatchConstraints?.matchConditions, 'spec.targetMatchConstraints.matchConditions'),
    usesNamespace: JSON.stringify(spec).includes('namespaceObject'),
  }
}

function imageReference({ glob, expression }: { readonly glob?: string; readonly expression?: string }, path: string, environment: CelEnvironment): (image: string) => boolean {
  if (glob !== undefined && glob !== '') {
    const pattern = new RegExp(`^${glob.split(/(\*+|\?)/).map((part) => (part.startsWith('*') ? '.*' : part === '?' ? '.' : part.replaceAll(/[\\^$.+()|[\]{}]/g, '\\$&'))).join('')}$`, 's')
    return (image) => pattern.test(image)
  }
  const program = compileAt(`${path}.expression`, expression ?? '', environment, [boolType])
  return (image) => program.evaluate({ ref: image }) === true
}

const exceptionPrograms = new WeakMap<CelException, readonly CelProgram[]>()

/** The match conditions of an exception. Throws CodedError `CelPolicyInvalid`. */
export function compileException(exception: CelException): readonly CelProgram[] {
  const found = exceptionPrograms.get(exception)
  if (found !== undefined) return found
  const environment = kyvernoEnvironment.extend({ variables: { variables: dynType } })
  const made = (exception.spec.matchConditions ?? []).map(({ expression }, index) => compileAt(`spec.matchConditions[${index}].expression`, expression, environment, [boolType]))
  exceptionPrograms.set(exception, made)
  return made
}
