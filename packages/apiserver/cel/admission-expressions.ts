import {
  authorizerType, type CelEnvironment, type CelType, CelCompileError, CelFault, CelOpaque, type CelProgram, type CelValue, compileCel, dynType, kubernetesEnvironment, opaqueType, perCallLimit, perRequestLimit, resourceCheckType,
  type CelField, type CelLibrary,
} from '@idp/lang-cel'
import { namespaceType, requestType } from './admission-types.ts'

/** An expression of a policy or webhook, compiled, or why it is not. */
export interface Expression {
  readonly text: string
  readonly program?: CelProgram
  /** In upstream's words; what an evaluation then fails with. */
  readonly error?: string
}

export interface ExpressionScope {
  readonly params?: boolean
  readonly authorizer?: boolean
  /** `variables`, where a policy has some. */
  readonly variables?: NamedVariables | undefined
  readonly libraries?: readonly CelLibrary[]
  /** Finds the types that a mutating policy makes objects of. */
  readonly findType?: (name: string) => CelType | undefined
  /** What `object` and `oldObject` are; anything, unless a check against a schema is made. */
  readonly object?: CelType
  readonly paramsType?: CelType
}

/** The environment of expressions in admission: `object`, `oldObject`, `request`, `namespaceObject`, and what the scope adds. */
export function admissionEnvironment(scope: ExpressionScope): CelEnvironment {
  const object = scope.object ?? dynType
  return kubernetesEnvironment({
    variables: {
      object, oldObject: object, request: requestType, namespaceObject: namespaceType, ...scope.params && { params: scope.paramsType ?? dynType },
      ...scope.authorizer && { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType }, ...scope.variables && { variables: scope.variables.type },
    },
    ...scope.libraries && { libraries: scope.libraries }, ...scope.findType && { findType: scope.findType },
  })
}

/** Compiles an expression that must give one of `results` (anything when none is given). */
export function compileExpression(text: string, environment: CelEnvironment, ...results: CelType[]): Expression {
  try {
    const program = compileCel(text, environment)
    if (results.length === 0 || results.some((type) => type.text === program.type.text)) return { text, program }
    const wanted = results.length === 1 ? results[0]?.name ?? '' : `one of [${results.map(({ name }) => name).join(' ')}]`
    return { text, error: `must evaluate to ${wanted} but got ${program.type.name}` }
  } catch (error) {
    if (error instanceof CelCompileError) return { text, error: `compilation failed: ${error.message}` }
    throw error
  }
}

/** `spec.variables` of a policy: each may use those before it, and is computed when first read. */
export interface NamedVariables {
  readonly type: CelType
  readonly expressions: ReadonlyMap<string, Expression>
}

export function compileVariables(variables: readonly { readonly name?: string; readonly expression?: string }[], scope: ExpressionScope): NamedVariables {
  const expressions = new Map<string, Expression>()
  const field = (name: string): CelField | undefined => {
    const known = expressions.get(name)
    return known && { type: known.program?.type ?? dynType }
  }
  const type: CelType = { ...opaqueType('kubernetes.variables'), field }
  const named = { type, expressions }
  const environment = admissionEnvironment({ ...scope, variables: named })
  for (const { name = '', expression = '' } of variables) expressions.set(name, compileExpression(expression, environment))
  return named
}

/** What is left to spend for one policy on one request. */
export interface Budget { left: number }

export const requestBudget = (): Budget => ({ left: perRequestLimit })

/** The values of an evaluation; `variables` are kept, so that each is computed once. */
export type Bindings = Readonly<Record<string, CelValue | undefined>>

export class OutOfBudget extends Error {}

/** Runs an expression within a budget. Throws {@link OutOfBudget}; every other failure is a text. */
export function evaluateExpression(expression: Expression, bindings: Bindings, budget: Budget): { readonly value: CelValue } | { readonly error: string } {
  const { program, text } = expression
  if (!program) return { error: `compilation error: ${expression.error ?? ''}` }
  const outcome = program.run(bindings, { costLimit: perCallLimit })
  budget.left -= outcome.cost
  if (budget.left < 0) throw new OutOfBudget('validation failed due to running out of cost budget, no further validation rules will be run')
  return outcome.error ? { error: `expression '${text}' resulted in error: ${outcome.error.message}` } : { value: outcome.value }
}

/** The value of `variables` for one evaluation of a policy. */
export function bindVariables(named: NamedVariables, bindings: Bindings, budget: Budget): Bindings {
  const all: Record<string, CelValue | undefined> = { ...bindings }
  all['variables'] = new Variables(named, all, budget)
  return all
}

class Variables extends CelOpaque {
  override readonly celType: CelType
  private readonly named: NamedVariables
  private readonly bindings: Bindings
  private readonly budget: Budget
  private readonly known = new Map<string, CelValue>()

  constructor(named: NamedVariables, bindings: Bindings, budget: Budget) {
    super()
    this.celType = named.type
    this.named = named
    this.bindings = bindings
    this.budget = budget
  }

  override getField(name: string): CelValue | undefined {
    const known = this.known.get(name)
    if (known !== undefined) return known
    const expression = this.named.expressions.get(name)
    if (!expression) return undefined
    const { program } = expression
    if (!program) throw new CelFault(`composited variable ${JSON.stringify(name)} fails to compile: ${expression.error ?? ''}`)
    const outcome = program.run(this.bindings, { costLimit: perCallLimit })
    this.budget.left -= outcome.cost
    if (outcome.error) throw new CelFault(`composited variable ${JSON.stringify(name)} fails to evaluate: ${outcome.error.message}`, outcome.error.fatal)
    this.known.set(name, outcome.value)
    return outcome.value
  }
}

/** Whether all of `matchConditions` hold. A condition that is false decides, even when another one fails. */
export function matchesAll(conditions: readonly Expression[], bindings: Bindings, budget: Budget): { readonly matches: boolean } | { readonly error: string } {
  const errors: string[] = []
  for (const condition of conditions) {
    const result = evaluateExpression(condition, bindings, budget)
    if ('error' in result) errors.push(result.error)
    else if (result.value !== true) return { matches: false }
  }
  return errors.length === 0 ? { matches: true } : { error: errors.length === 1 ? errors[0] ?? '' : `[${errors.join(', ')}]` }
}
