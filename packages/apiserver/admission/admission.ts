import type { AnyObject } from '@idp/formats'
import type { Resource } from '../resource.ts'
import type { User } from '../server-context.ts'

/** One write on its way to the store. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly resource: Resource
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly user: User
  readonly dryRun: boolean
  /** The object to be written; mutating steps change it in place. Undefined for DELETE. */
  object: AnyObject | undefined
  readonly old: AnyObject | undefined
  readonly options: Readonly<Record<string, unknown>>
  readonly warnings: Set<string>
  /** Facts for the audit log. */
  readonly annotations?: Map<string, string>
}

/** A step of admission: `mutate` may change the object, `validate` may only refuse by throwing ApiError. */
export interface AdmissionPlugin {
  readonly name: string
  mutate?(request: AdmissionRequest): void | Promise<void>
  validate?(request: AdmissionRequest): void | Promise<void>
}

export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>
  validate(request: AdmissionRequest): Promise<void>
}

/** Plugins in order: all that mutate, then all that validate. */
export function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    async mutate(request) {
      for (const plugin of plugins) await plugin.mutate?.(request)
    },
    async validate(request) {
      for (const plugin of plugins) await plugin.validate?.(request)
    },
  }
}
