import { defineKind, type Kind } from '@idp/api'
import type { LabelSelector, ObjectMeta } from '@idp/formats'
import type { Condition } from './cert-manager.ts'

/** Reads one object of the trust namespace, or those that a selector finds. */
export interface SourceRef { readonly name?: string; readonly selector?: LabelSelector; readonly key?: string; readonly includeAllKeys?: boolean }
export interface BundleSource { readonly configMap?: SourceRef; readonly secret?: SourceRef; readonly inLine?: string; readonly useDefaultCAs?: boolean }
export interface BundleTarget {
  readonly configMap?: TargetTemplate
  readonly secret?: TargetTemplate
  readonly additionalFormats?: { readonly jks?: { readonly key: string; readonly password?: string }; readonly pkcs12?: { readonly key: string; readonly password?: string; readonly profile?: string } }
  readonly namespaceSelector?: LabelSelector
}
export interface TargetTemplate { readonly key: string; readonly metadata?: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: Readonly<Record<string, string>> } }

export interface Bundle {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec: { sources: readonly BundleSource[]; target?: BundleTarget }
  status?: { conditions?: Condition[]; defaultCAVersion?: string }
}
export const Bundle: Kind<Bundle> = defineKind({ group: 'trust.cert-manager.io', version: 'v1alpha1', kind: 'Bundle', plural: 'bundles', scope: 'Cluster', subresources: ['status'] })

export const trustNames = { bundle: 'trust.cert-manager.io/bundle', hash: 'trust.cert-manager.io/hash' } as const
