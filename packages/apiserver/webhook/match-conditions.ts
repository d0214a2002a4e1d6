import { ApiError } from '@idp/api'
import type { AdmissionRequest } from '../admission/admission.ts'
import type { Expression } from '../cel/admission-expressions.ts'
import type { ServerContext } from '../server-context.ts'
import type { Webhook } from './call-webhook.ts'
import type { MatchedAs } from './match-webhook.ts'

const compiled = new WeakMap<object, readonly Expression[]>()

/**
 * Whether all CEL `matchConditions` of a webhook hold. One that fails leaves it to `failurePolicy`: the webhook is passed over, or the
 * request refused.
 */
export async function matchesConditions(server: Pick<ServerContext, 'storage' | 'registry' | 'authorizer'>, webhook: Webhook, request: AdmissionRequest, as: MatchedAs): Promise<boolean> {
  const conditions = webhook.matchConditions ?? []
  if (conditions.length === 0) return true
  const { admissionEnvironment, compileExpression, matchesAll, requestBudget } = await import('../cel/admission-expressions.ts')
  const { admissionBindings } = await import('../cel/admission-bindings.ts')
  let expressions = compiled.get(conditions)
  if (!expressions) {
    const environment = admissionEnvironment({ authorizer: true })
    compiled.set(conditions, expressions = conditions.map(({ expression = '' }) => compileExpression(expression, environment)))
  }
  const result = matchesAll(expressions, await admissionBindings(server, request, as), requestBudget())
  if ('matches' in result) return result.matches
  if (webhook.failurePolicy === 'Ignore') return false
  throw new ApiError('InternalError', `Internal error occurred: failed calling webhook ${JSON.stringify(webhook.name)}: ${result.error}`)
}
