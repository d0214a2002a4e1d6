import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import type { Rule } from '../kinds/policy.ts'
import { podSecurityViolations, type Violation } from './pod-security-controls.ts'
import type { Judgement } from './verdict.ts'

/** A control that is let through, for some images or values alone. */
export interface ControlExclusion { readonly controlName: string; readonly images?: readonly string[]; readonly restrictedField?: string; readonly values?: readonly string[] }
/** `validate.podSecurity`: a level of the Pod Security Standards and what is let through. Versions older than the latest are judged by the latest. */
export interface PodSecurityRule { readonly level: string; readonly version?: string; readonly exclude?: readonly ControlExclusion[] }

const templatePaths: Readonly<Record<string, readonly string[]>> = { Pod: [], CronJob: ['spec', 'jobTemplate', 'spec', 'template'] }

/** Holds a pod, or the template of a pod controller, against the standard. */
export function judgePodSecurity(rule: Rule, { level, exclude = [] }: PodSecurityRule, object: AnyObject, { message, exempted = [] }: { readonly message: string; readonly exempted?: readonly ControlExclusion[] | undefined }): Judgement {
  const path = templatePaths[object.kind] ?? ['spec', 'template']
  const template = path.reduce<Json | undefined>((value, key) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined), object as unknown as Json) as JsonObject | undefined
  const found = podSecurityViolations(level, (template?.['metadata'] ?? {}) as JsonObject, (template?.['spec'] ?? {}) as JsonObject).filter((violation) => !exclude.some((one) => lets(one, violation)))
  if (found.length > 0 && exempted.length > 0 && found.every((violation) => exempted.some((one) => lets(one, violation)))) return { verdict: 'skip', message: 'rule is skipped due to policy exceptions' }
  if (found.length === 0) return { verdict: 'pass', message: `validation rule '${rule.name}' passed.` }
  const said = [...new Set(found.map(({ control, field, value }) => `(Forbidden reason: ${control}, field error: ${field}: ${JSON.stringify(value)})`))].join(', ')
  return { verdict: 'fail', message: `Validation rule '${rule.name}' failed. It violates PodSecurity "${level}:latest": ${said}${message === '' ? '' : `; ${message}`}` }
}

/** Whether an exclusion lets a violation through: the control, the images, and (where named) the field and its values. */
function lets({ controlName, images, restrictedField, values = [] }: ControlExclusion, { control, field, value, image }: Violation): boolean {
  if (controlName.toLowerCase() !== control.toLowerCase()) return false
  if (images !== undefined && images.length > 0 && !(image !== undefined && images.some((one) => matchesWildcard(one, image)))) return false
  if (restrictedField === undefined || restrictedField === '') return true
  return restrictedField === field && values.some((one) => matchesWildcard(one, typeof value === 'string' ? value : value === null ? 'undefined' : String(value)) || (value === null && ['', 'nil', 'false'].includes(one)))
}
