import { deepEqual, type Json, type JsonObject } from '@idp/formats'
import { child, items } from '../defaults/fields.ts'
import { isObject } from '../schema/value-type.ts'
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from './field-error.ts'

/** Joins a field's path. */
export const join = (path: string, name: string) => path === '' ? name : `${path}.${name}`

export const immutable = 'field is immutable'

/** Collects what is wrong with an object; each method checks one rule at one path. */
export class Checker {
  readonly errors: FieldError[] = []

  add(...errors: FieldError[]): void {
    this.errors.push(...errors)
  }

  invalid(path: string, value: unknown, detail: string): void {
    this.errors.push(invalid(path, value, detail))
  }

  required(path: string, detail?: string): void {
    this.errors.push(required(path, detail))
  }

  forbidden(path: string, detail: string): void {
    this.errors.push(forbidden(path, detail))
  }

  /** The messages of a name check, each as an error. */
  name(path: string, value: string, check: (name: string) => string[]): void {
    for (const message of check(value)) this.errors.push(invalid(path, value, message))
  }

  /** A string that must be there; returns it when it is. */
  text(object: JsonObject, path: string, field: string, detail?: string): string | undefined {
    const value = object[field]
    if (typeof value === 'string' && value !== '') return value
    this.required(join(path, field), detail)
    return undefined
  }

  /** A value out of a list of allowed ones; absent is fine. */
  oneOf(object: JsonObject, path: string, field: string, allowed: readonly string[]): void {
    const value = object[field]
    if (value !== undefined && value !== '' && !allowed.includes(value as string)) this.errors.push(notSupported(join(path, field), value, allowed))
  }

  /** Numbers that must not be negative; absent is fine. */
  notNegative(object: JsonObject | undefined, path: string, ...fields: string[]): void {
    for (const field of fields) {
      const value = object?.[field]
      if (typeof value === 'number' && value < 0) this.invalid(join(path, field), value, 'must be greater than or equal to 0')
    }
  }

  port(path: string, value: Json | undefined): void {
    if (typeof value !== 'number' || value < 1 || value > 65535) this.invalid(path, value ?? 0, 'must be between 1 and 65535, inclusive')
  }

  /** Every `field` of a list's items once only. */
  unique(list: readonly JsonObject[], path: string, field: string, seen: Set<Json> = new Set()): void {
    for (const [index, item] of list.entries()) {
      const value = item[field]
      if (value === undefined || value === '') continue
      if (seen.has(value)) this.errors.push(duplicate(`${path}[${index}].${field}`, value))
      seen.add(value)
    }
  }

  /** A field that must not change. */
  immutable(object: JsonObject | undefined, old: JsonObject | undefined, path: string, field: string, detail: string = immutable): void {
    if (!deepEqual(object?.[field], old?.[field])) this.invalid(join(path, field), object?.[field], detail)
  }
}

export { child, items, isObject }
