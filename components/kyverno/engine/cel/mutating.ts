import { celToJson, jsonToCel } from '@idp/lang-cel'
import { applyJsonPatch, cloneJson, type AnyObject, type Json, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import { CodedError, isCoded } from '@idp/kit'
import type { CompiledMutation } from './compile-policy.ts'
import type { CelOutcome, Subject } from './evaluate-cel.ts'
import type { Evaluation } from './evaluation.ts'
import { mergeApplied } from './merge-applied.ts'
import { auditAnnotations } from './validating.ts'

/** Each mutation sees what the one before made. */
export function mutating({ compiled, evaluated, request }: Subject): CelOutcome {
  let object = request.object
  let current = evaluated
  for (const mutation of compiled.mutations) {
    object = apply(mutation, object, current)
    current = current.with({ object: jsonToCel(object as unknown as Json) })
  }
  return { verdict: 'pass', message: 'success', patched: object, annotations: auditAnnotations(compiled.annotations, current) }
}

function apply({ type, program }: CompiledMutation, object: AnyObject, evaluated: Evaluation): AnyObject {
  const value = celToJson(evaluated.value(program))
  if (type === 'ApplyConfiguration') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new CodedError({ code: 'MutationFailed', message: 'an ApplyConfiguration gives no Object{…}' })
    return mergeApplied(object, value)
  }
  if (!Array.isArray(value)) throw new CodedError({ code: 'MutationFailed', message: 'a JSONPatch gives no list of JSONPatch{…}' })
  const operations = value.map((one) => one as unknown as JsonPatchOperation)
  try {
    return applyJsonPatch(cloneJson(object as unknown as JsonObject), operations) as unknown as AnyObject
  } catch (error) {
    // A `test` that does not hold keeps the patch away.
    if (isCoded(error, 'PatchTestFailed')) return object
    throw error
  }
}
