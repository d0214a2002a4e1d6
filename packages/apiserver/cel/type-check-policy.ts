import { apiVersionOf, parseApiVersion, type ValidatingAdmissionPolicy } from '@idp/api'
import { schemaType } from '@idp/api/cel'
import type { CelType } from '@idp/lang-cel'
import type { Resource } from '../resource.ts'
import { compilePolicy } from './validating-policy.ts'

export interface ExpressionWarning { readonly fieldRef: string; readonly warning: string }

/** What the validations of a policy cannot mean for each kind's schema, in the words of its status. */
export function typeCheckPolicy(spec: ValidatingAdmissionPolicy['spec'], kinds: readonly Resource[]): ExpressionWarning[] {
  const warnings = new Map<string, string>()
  for (const { kind, schema } of kinds) {
    const object: CelType | undefined = schema && schemaType(schema, kind.kind, true)?.type
    if (!object) continue
    const { validations } = compilePolicy(spec, { object })
    const { group, version } = parseApiVersion(apiVersionOf(kind))
    const add = (field: string, error: string | undefined) => {
      if (error !== undefined) warnings.set(field, `${warnings.get(field) ?? ''}${group === '' ? '' : `${group}/`}${version}, Kind=${kind.kind}: ${error}\n`)
    }
    validations.forEach(({ expression, message }, i) => {
      add(`spec.validations[${i}].expression`, expression.error)
      add(`spec.validations[${i}].messageExpression`, message?.error)
    })
  }
  return [...warnings].map(([fieldRef, warning]) => ({ fieldRef, warning }))
}
