import type { AnyObject, Json } from '@idp/formats'
import type { CleanupPolicyObject } from '../kinds/cleanup-policy.ts'
import { conditionsHold } from './conditions.ts'
import { requestScope, withContext, type ContextSource, type Request } from './context.ts'
import { ruleMatches } from './match-resource.ts'

/** Whether a cleanup policy deletes an object: it is meant, and the conditions hold with the object as `target`. Throws what its context and conditions throw. */
export async function cleansUp({ spec, metadata }: CleanupPolicyObject, object: AnyObject, { source, namespaceLabels }: { readonly source: ContextSource; readonly namespaceLabels: Readonly<Record<string, string>> }): Promise<boolean> {
  const request: Request = { object, namespaceLabels }
  if (metadata.namespace !== undefined && object.metadata.namespace !== metadata.namespace) return false
  if (!ruleMatches(spec, request)) return false
  const scope = await withContext(spec.context ?? [], { ...requestScope(request), target: object as unknown as Json }, source)
  return conditionsHold(spec.conditions, scope, 'null')
}
