import type { AnyObject, Json, JsonObject, LabelSelector } from '@idp/formats'
import { matchesLabelSelector } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { CelFault, CelOpaque, compileCel, opaqueType, type CelProgram, type CelValue } from '@idp/lang-cel'
import type { NamedExpression, RuleCel } from '../kinds/rule-cel.ts'
import { celRuleEnvironment } from './cel-rule-environment.ts'
import type { ContextSource, Request } from './context.ts'
import type { Judge, JudgedRule, Judging } from './judge.ts'
import type { Judgement } from './verdict.ts'

/** What all expressions of one rule may cost together on one resource, in cel-go's units: as Kubernetes'. */
const costBudget = 10_000_000

interface CompiledCheck { readonly text: string; readonly program: CelProgram; readonly message: string; readonly messageProgram: CelProgram | undefined }
interface CompiledRule { readonly conditions: readonly { readonly name: string; readonly program: CelProgram }[]; readonly variables: ReadonlyMap<string, CelProgram>; readonly checks: readonly CompiledCheck[] }

/** Reads `validate.cel` and `celPreconditions`. Throws CodedError `CelCompile` naming the expression's place in the rule. */
export function compileRuleCel(cel: RuleCel, preconditions: readonly NamedExpression[], message: string): CompiledRule {
  const environment = celRuleEnvironment()
  const compile = (text: string, where: string): CelProgram => {
    try {
      return compileCel(text, environment)
    } catch (cause) {
      throw new CodedError({ code: 'CelCompile', message: `${where}: ${messageOf(cause)}`, where, cause })
    }
  }
  return {
    conditions: preconditions.map(({ name, expression }, index) => ({ name, program: compile(expression, `celPreconditions[${index}].expression`) })),
    variables: new Map((cel.variables ?? []).map(({ name, expression }, index) => [name, compile(expression, `validate.cel.variables[${index}].expression`)])),
    checks: (cel.expressions ?? []).map((one, index) => ({
      text: one.expression, program: compile(one.expression, `validate.cel.expressions[${index}].expression`), message: one.message ?? message,
      messageProgram: one.messageExpression === undefined ? undefined : compile(one.messageExpression, `validate.cel.expressions[${index}].messageExpression`),
    })),
  }
}

/** Reads a rule that CEL decides; compiled when it is first asked. */
export function celJudge({ rule, passed }: JudgedRule): Judge {
  const cel = rule.validate?.['cel'] as RuleCel
  let compiled: CompiledRule | undefined
  return async (at) => {
    compiled ??= compileRuleCel(cel, (rule['celPreconditions'] ?? []) as readonly NamedExpression[], rule.validate?.message ?? '')
    const params = cel.paramKind === undefined ? [null] : await paramsOf(cel, at)
    for (const param of params) {
      const said = judgeWith(compiled, activation(at, param))
      if (said !== undefined) return said
    }
    return passed
  }
}

type Activation = Record<string, CelValue | undefined>

function judgeWith({ conditions, variables, checks }: CompiledRule, given: Activation): Judgement | undefined {
  const budget = { left: costBudget }
  const run = (program: CelProgram): CelValue => {
    const { value, error, cost } = program.run(scope, { costLimit: budget.left })
    budget.left -= cost
    if (error !== undefined) throw error
    return value
  }
  const scope: Activation = { ...given, variables: new Variables(variables, run) }
  for (const { name, program } of conditions) {
    try {
      if (run(program) !== true) return { verdict: 'skip', message: 'cel preconditions not met' }
    } catch (error) {
      return { verdict: 'fail', message: `cel precondition '${name}': ${wordsOf(error)}` }
    }
  }
  for (const check of checks) {
    try {
      if (run(check.program) === true) continue
    } catch (error) {
      return { verdict: 'fail', message: `expression '${check.text}' resulted in error: ${wordsOf(error)}` }
    }
    return { verdict: 'fail', message: saidBy(check, run) }
  }
  return undefined
}

const wordsOf = (error: unknown): string => (error instanceof CelFault ? error.message : messageOf(error))

/** The words of a check that failed: what its expression gives, if that is one line of text; else its message. */
function saidBy({ text, message, messageProgram }: CompiledCheck, run: (program: CelProgram) => CelValue): string {
  const plain = message === '' ? `failed expression: ${text.trim()}` : message.trim()
  if (messageProgram === undefined) return plain
  try {
    const made = run(messageProgram)
    const line = typeof made === 'string' ? made.trim() : ''
    return line === '' || line.includes('\n') || line.length > 5 * 1024 ? plain : line
  } catch {
    return plain // as in Kubernetes: a message that fails must not hide the verdict
  }
}

const variablesType = opaqueType('kyverno.variables')

/** `variables.NAME`, each worked out when it is first looked at. */
class Variables extends CelOpaque {
  readonly celType = variablesType
  readonly #programs: ReadonlyMap<string, CelProgram>
  readonly #run: (program: CelProgram) => CelValue
  readonly #known = new Map<string, CelValue>()
  constructor(programs: ReadonlyMap<string, CelProgram>, run: (program: CelProgram) => CelValue) {
    super()
    this.#programs = programs
    this.#run = run
  }
  override getField(name: string): CelValue | undefined {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const program = this.#programs.get(name)
    if (program === undefined) return undefined
    const made = this.#run(program)
    this.#known.set(name, made)
    return made
  }
}

function activation({ request }: Judging, params: Json): Activation {
  const { object, oldObject, operation, user, namespaceLabels } = request
  const deleted = operation === 'DELETE'
  const namespace = object.kind === 'Namespace' ? '' : object.metadata.namespace ?? ''
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  const [now, before] = [deleted ? null : object as unknown as Json, (oldObject ?? (deleted ? object : null)) as unknown as Json]
  const kind = { group: group ?? '', version: version ?? '', kind: object.kind }
  const resource = { group: group ?? '', version: version ?? '', resource: `${object.kind.toLowerCase().replace(/y$/, 'ie').replace(/(s|x|ch|sh)$/, '$1e')}s` }
  return {
    object: now, oldObject: before, params,
    request: {
      kind, resource, requestKind: kind, requestResource: resource, subResource: '', requestSubResource: '', name: object.metadata.name ?? '', namespace, operation: operation ?? 'CREATE', dryRun: false, object: now, oldObject: before, options: null,
      userInfo: { username: user?.username ?? '', uid: '', groups: [...(user?.groups ?? [])], extra: {} },
    },
    namespaceObject: namespace === '' ? null : { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { ...namespaceLabels } } },
  } as unknown as Activation
}

/** The objects that `paramRef` names. Without any the policy decides: `Allow` looks at nothing. Throws CodedError `ContextFailed`. */
async function paramsOf({ paramKind, paramRef }: RuleCel, { request, source }: { readonly request: Request; readonly source: ContextSource }): Promise<Json[]> {
  const { apiVersion = '', kind = '' } = paramKind ?? {}
  const { name, namespace = request.object.metadata.namespace, selector, parameterNotFoundAction } = paramRef ?? {}
  const found = await source.find?.({ apiVersion, kind, ...(name === undefined ? {} : { name }), ...(namespace === undefined ? {} : { namespace }) })
  if (found === undefined) throw new CodedError({ code: 'ContextFailed', message: `error in parameterized resource: ${kind} cannot be read here` })
  const meant = selector === undefined ? found : found.filter(({ metadata }: AnyObject) => matchesLabelSelector(selector as LabelSelector, metadata.labels ?? {}))
  if (meant.length === 0 && parameterNotFoundAction !== 'Allow') throw new CodedError({ code: 'ContextFailed', message: `error in parameterized resource: no params found for policy binding with ${parameterNotFoundAction ?? 'Deny'} parameterNotFoundAction` })
  return meant as unknown as JsonObject[]
}
