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
  /** Whether `mutate` may change this request's object; without it, it may. */
  mayChange?(request: AdmissionRequest): boolean
  mutate?(request: AdmissionRequest): void | Promise<void>
  validate?(request: AdmissionRequest): void | Promise<void>
}

export interface Admission {
  /** Whether `mutate` may change this request's object. */
  mayChange(request: AdmissionRequest): boolean
  mutate(request: AdmissionRequest): Promise<void>
  validate(request: AdmissionRequest): Promise<void>
}

/** Plugins in order: all that mutate, then all that validate. */
export function admissionChain(plugins: readonly AdmissionPlugin[]): Admission {
  // Most steps have nothing to wait for, and are not waited for.
  return {
    mayChange: (request) => plugins.some((plugin) => plugin.mutate !== undefined && (plugin.mayChange?.(request) ?? true)),
    async mutate(request) {
      for (const plugin of plugins) {
        const pending = plugin.mutate?.(request)
        if (pending !== undefined) await pending
      }
    },
    async validate(request) {
      for (const plugin of plugins) {
        const pending = plugin.validate?.(request)
        if (pending !== undefined) await pending
      }
    },
  }
}
