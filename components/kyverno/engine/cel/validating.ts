import { CodedError, messageOf } from '@idp/kit'
import { Authorization, wordsOf } from './libraries/authorization.ts'
import type { CompiledValidation } from './compile-policy.ts'
import type { CelOutcome, Subject } from './evaluate-cel.ts'
import type { Evaluation } from './evaluation.ts'

/** The first validation that is false decides. */
export function validating({ compiled, evaluated }: Subject): CelOutcome {
  if (['HTTP', 'Envoy'].includes(compiled.spec.evaluation?.mode ?? '')) return authorizing(compiled.validations, evaluated)
  for (const [index, validation] of compiled.validations.entries()) {
    if (isTrue(validation, evaluated)) continue
    return { verdict: 'fail', message: messageFor(validation, index, evaluated), annotations: auditAnnotations(compiled.annotations, evaluated) }
  }
  return { verdict: 'pass', message: 'success', annotations: auditAnnotations(compiled.annotations, evaluated) }
}

/** The first validation that gives an answer decides; none at all refuses nothing. */
function authorizing(validations: readonly CompiledValidation[], evaluated: Evaluation): CelOutcome {
  for (const { program } of validations) {
    const answer = evaluated.value(program)
    if (answer instanceof Authorization) return { verdict: answer.allowed ? 'pass' : 'fail', message: wordsOf(answer) }
  }
  return { verdict: 'pass', message: 'no validation answered' }
}

export function isTrue({ program }: CompiledValidation, evaluated: Evaluation): boolean {
  const value = evaluated.value(program)
  if (typeof value !== 'boolean') throw new CodedError({ code: 'CelEvaluation', message: `the validation gives no bool: ${program.text}` })
  return value
}

/** The message of a validation that is false. */
export function messageFor({ message, messageProgram }: CompiledValidation, index: number, evaluated: Evaluation): string {
  const said = messageProgram === undefined ? message : computed(messageProgram, evaluated)
  return said === '' ? `CEL expression validation failed at index ${index}` : said
}

function computed(program: NonNullable<CompiledValidation['messageProgram']>, evaluated: Evaluation): string {
  try {
    return String(evaluated.json(program))
  } catch (error) {
    if (error instanceof CodedError) return `failed to evaluate message expression: ${messageOf(error)}`
    throw error
  }
}

/** `auditAnnotations`, without those that are empty or null. */
export function auditAnnotations(programs: Subject['compiled']['annotations'], evaluated: Evaluation): Record<string, string> {
  return Object.fromEntries([...programs].map(([key, program]) => [key, String(evaluated.json(program) ?? '')] as const).filter(([, value]) => value !== ''))
}
