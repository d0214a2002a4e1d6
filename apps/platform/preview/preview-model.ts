import type { Json } from '@idp/formats'
import type { Problem } from './side.ts'

/** The consequences of a change, as data: what `idp preview --output json` prints. */
export interface Preview {
  readonly base: string
  readonly head: string
  readonly applications: readonly ApplicationChange[]
  /** Applications on both sides in which nothing changes. */
  readonly unchanged: number
  /** What the API server and its webhooks would say of HEAD's objects and did not say of BASE's. */
  readonly admission: readonly AdmissionFinding[]
  /** What BASE's objects were refused or audited for and HEAD's are not. */
  readonly resolved: readonly AdmissionFinding[]
  /** Findings that are the same on both sides. */
  readonly standing: readonly AdmissionFinding[]
  readonly warnings: readonly PreviewWarning[]
  readonly workloads: WorkloadSummary
  readonly summary: PreviewSummary
}

/** What runs, before and after. */
export interface WorkloadSummary {
  readonly images: { readonly added: readonly string[]; readonly removed: readonly string[] }
  readonly pods: Change; readonly cpuMilli: Change; readonly memoryBytes: Change
}
export interface Change { readonly before: number; readonly after: number }

export interface PreviewSummary {
  readonly appear: number; readonly change: number; readonly vanish: number; readonly broken: number
  readonly created: number; readonly changed: number; readonly pruned: number; readonly recreated: number
  readonly refused: number; readonly mutated: number; readonly audited: number; readonly warnings: number
}

export interface ObjectReference { readonly apiVersion: string; readonly kind: string; readonly namespace?: string; readonly name: string }

/** One field: `old` is absent for a new one, `new` for one that goes. Secrets are masked. */
export interface FieldChange { readonly path: string; readonly old?: Json; readonly new?: Json }

export interface ObjectChange {
  readonly object: ObjectReference
  /** `kept`: Git no longer has it, yet it stays in the cluster; `moved`: another Application has it from now on. */
  readonly action: 'created' | 'changed' | 'pruned' | 'kept' | 'moved'
  readonly fields?: readonly FieldChange[]
  /** Why the API server will refuse it: immutable fields, invalid values. */
  readonly refused?: readonly string[]
  /** It is deleted and made anew, and why. */
  readonly recreated?: string
  /** Why it is kept, or where it moves. */
  readonly note?: string
}

export interface ApplicationChange {
  readonly name: string
  readonly verdict: 'appears' | 'changes' | 'vanishes' | 'broken'
  readonly madeBy: string
  /** Of the Application itself. */
  readonly spec: readonly FieldChange[]
  readonly objects: readonly ObjectChange[]
  /** It cannot be rendered from HEAD. */
  readonly problem?: Problem
}

export interface AdmissionFinding {
  readonly outcome: 'refused' | 'mutated' | 'audited' | 'generated' | 'error'
  readonly application: string
  readonly object: ObjectReference
  /** The policy and rule; `Kubernetes` for the API server's own rules. */
  readonly policy: string
  readonly rule: string
  readonly message: string
  readonly fields?: readonly FieldChange[]
}

export interface PreviewWarning { readonly code: string; readonly message: string; readonly where: string }
