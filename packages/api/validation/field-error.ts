import type { Json } from '@idp/formats'
import { ApiError, type StatusCause } from '../errors.ts'
import type { Kind } from '../kind.ts'

export type FieldErrorReason =
  | 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueNotSupported' | 'FieldValueForbidden' | 'FieldValueDuplicate' | 'FieldValueTypeInvalid'
  | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueNotFound' | 'InternalError'

/** One thing wrong with one field; `message` is what stands after the field's path, as in `Required value: name or generateName is required`. */
export interface FieldError {
  readonly reason: FieldErrorReason
  readonly field: string
  readonly message: string
}

/** A value as messages quote it: strings with quotes, everything else as JSON. */
export function quoteValue(value: unknown): string {
  return value === undefined ? 'null' : JSON.stringify(value)
}

const withDetail = (head: string, detail: string | undefined) => detail === undefined || detail === '' ? head : `${head}: ${detail}`

export function required(field: string, detail?: string): FieldError {
  return { reason: 'FieldValueRequired', field, message: withDetail('Required value', detail) }
}
export function invalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: 'FieldValueInvalid', field, message: withDetail(`Invalid value: ${quoteValue(value)}`, detail) }
}
export function typeInvalid(field: string, value: unknown, detail: string): FieldError {
  return { reason: 'FieldValueTypeInvalid', field, message: withDetail(`Invalid value: ${quoteValue(value)}`, detail) }
}
export function notSupported(field: string, value: unknown, supported: readonly Json[]): FieldError {
  const list = supported.map((item) => quoteValue(item)).join(', ')
  return { reason: 'FieldValueNotSupported', field, message: withDetail(`Unsupported value: ${quoteValue(value)}`, list === '' ? undefined : `supported values: ${list}`) }
}
export function forbidden(field: string, detail: string): FieldError {
  return { reason: 'FieldValueForbidden', field, message: withDetail('Forbidden', detail) }
}
export function duplicate(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${quoteValue(value)}` }
}
export function notFound(field: string, value: unknown): FieldError {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${quoteValue(value)}` }
}
export function tooLong(field: string, max: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${max} bytes` }
}
export function tooMany(field: string, actual: number, max: number): FieldError {
  return { reason: 'FieldValueTooMany', field, message: `Too many: ${actual}: must have at most ${max} items` }
}

/** The 422 answer for an object with errors, with one cause a field: `Deployment.apps "web" is invalid: spec.replicas: Invalid value: …`. */
export function invalidError(kind: Pick<Kind, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): ApiError {
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  const texts = [...new Set(errors.map(({ field, message }) => `${field}: ${message}`))]
  const causes: StatusCause[] = errors.map(({ reason, field, message }) => ({ reason, message, field }))
  const text = texts.length === 1 ? texts[0] ?? '' : `[${texts.join(', ')}]`
  return new ApiError('Invalid', `${qualified} ${JSON.stringify(name)} is invalid: ${text}`, { details: { name, group: kind.group, kind: kind.kind, causes } })
}
