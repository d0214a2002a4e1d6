import type { AnyObject } from '@idp/formats'
import type { HealthStatusCode } from '../../kinds/application.ts'

export interface Verdict { readonly status: HealthStatusCode; readonly message?: string }

/** Judges the live object of one kind; undefined when its state says nothing about health. */
export type HealthCheck = (object: AnyObject) => Verdict | undefined

export function verdict(status: HealthStatusCode, message?: string): Verdict {
  return message === undefined || message === '' ? { status } : { status, message }
}

export interface Condition { readonly type?: string; readonly status?: string; readonly reason?: string; readonly message?: string; readonly observedGeneration?: number }

type Fields = Readonly<Record<string, unknown>>

/** A nested mapping, empty when it is absent. */
export function fields(value: unknown): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value as Fields : {}
}

export function specOf(object: AnyObject): Fields {
  return fields(object['spec'])
}

export function statusOf(object: AnyObject): Fields {
  return fields(object['status'])
}

/** A number field; 0 when absent, as in Go. */
export function count(of: Fields, name: string): number {
  const value = of[name]
  return typeof value === 'number' ? value : 0
}

export function rows<T = Fields>(value: unknown): readonly T[] {
  return Array.isArray(value) ? value as T[] : []
}

export function conditionsOf(object: AnyObject): readonly Condition[] {
  return rows<Condition>(statusOf(object)['conditions'])
}

/** False while the controller of the kind has not seen the newest spec. */
export function isObserved(object: AnyObject): boolean {
  return (object.metadata.generation ?? 0) <= count(statusOf(object), 'observedGeneration')
}
