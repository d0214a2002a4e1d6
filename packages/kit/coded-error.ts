/** What a person needs to know of a failure: what, where, why, and what to do. */
export interface Fault {
  /** Stable identifier in CamelCase, e.g. `PortTaken`; tests and scripts match on it. */
  readonly code: string
  /** What happened and why, in one sentence without a trailing full stop. */
  readonly message: string
  /** File, line, object or address concerned, e.g. `values.yaml:12:3` or `Deployment argocd/argocd-server`. */
  readonly where?: string | undefined
  /** What the reader can do about it. */
  readonly remedy?: string | undefined
  readonly cause?: unknown
}

/** The one kind of error that users see. Anything else that is thrown is a bug and shows its stack. */
export class CodedError extends Error implements Fault {
  override readonly name = 'CodedError'
  readonly code: string
  readonly where: string | undefined
  readonly remedy: string | undefined
  constructor(fault: Fault) {
    super(fault.message, fault.cause === undefined ? undefined : { cause: fault.cause })
    this.code = fault.code
    this.where = fault.where
    this.remedy = fault.remedy
  }
}

/** True for a CodedError, with one of `codes` when any are given. */
export function isCoded(error: unknown, ...codes: string[]): error is CodedError {
  return error instanceof CodedError && (codes.length === 0 || codes.includes(error.code))
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
