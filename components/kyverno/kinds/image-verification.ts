import type { Condition, Conditions } from './policy.ts'

export interface RekorOptions { readonly url?: string; readonly pubkey?: string; readonly ignoreTlog?: boolean }
export interface CtlogOptions { readonly pubkey?: string; readonly ignoreSCT?: boolean }

/** One who may have signed (`attestors[].entries[]`). */
export interface AttestorEntry {
  readonly keys?: { readonly publicKeys?: string; readonly signatureAlgorithm?: string; readonly kms?: string; readonly secret?: { readonly name: string; readonly namespace: string }; readonly rekor?: RekorOptions; readonly ctlog?: CtlogOptions }
  readonly certificates?: { readonly cert?: string; readonly certChain?: string; readonly rekor?: RekorOptions; readonly ctlog?: CtlogOptions }
  readonly keyless?: { readonly issuer?: string; readonly issuerRegExp?: string; readonly subject?: string; readonly subjectRegExp?: string; readonly roots?: string; readonly additionalExtensions?: Readonly<Record<string, string>>; readonly rekor?: RekorOptions; readonly ctlog?: CtlogOptions }
  /** A set inside of a set. */
  readonly attestor?: AttestorSet
  readonly annotations?: Readonly<Record<string, string>>
  readonly repository?: string
  readonly signatureAlgorithm?: string
}
/** Of its entries `count` must have signed; all without one. */
export interface AttestorSet { readonly count?: number; readonly entries?: readonly AttestorEntry[] }

export interface Attestation { readonly name?: string; readonly type?: string; readonly predicateType?: string; readonly attestors?: readonly AttestorSet[]; readonly conditions?: readonly Conditions[] | readonly Condition[] }

/** One entry of a rule's `verifyImages`. */
export interface ImageVerification {
  readonly type?: 'Cosign' | 'SigstoreBundle' | 'Notary'
  readonly imageReferences?: readonly string[]
  readonly skipImageReferences?: readonly string[]
  readonly attestors?: readonly AttestorSet[]
  readonly attestations?: readonly Attestation[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly repository?: string
  readonly failureAction?: string
  readonly mutateDigest?: boolean
  readonly verifyDigest?: boolean
  readonly required?: boolean
  readonly imageRegistryCredentials?: { readonly allowInsecureRegistry?: boolean; readonly secrets?: readonly string[]; readonly providers?: readonly string[] }
  readonly validate?: { readonly message?: string; readonly deny?: { readonly conditions?: Conditions | readonly Condition[] } }
  readonly useCache?: boolean
  readonly cosignOCI11?: boolean
  /** Older forms of one attestor. */
  readonly image?: string; readonly key?: string; readonly roots?: string; readonly issuer?: string; readonly subject?: string; readonly additionalExtensions?: Readonly<Record<string, string>>
}
