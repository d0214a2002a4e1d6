/**
 * An error while an expression runs. Deliberately no Error: `||`, `&&` and the macros catch these in the middle of an evaluation, and a
 * stack trace each would cost more than the expression. Leaves the package as a CodedError.
 */
export class CelFault {
  readonly message: string
  /** Whether the evaluation was stopped by its budget; not even `||` swallows that. */
  readonly fatal: boolean
  constructor(message: string, fatal = false) {
    this.message = message
    this.fatal = fatal
  }
}

export const noSuchOverload = (): CelFault => new CelFault('no such overload')
export const noSuchKey = (key: string): CelFault => new CelFault(`no such key: ${key}`)
