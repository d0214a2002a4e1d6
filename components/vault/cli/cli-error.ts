/** What ends a command; its text goes to standard error. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly code: number
  constructor(message: string, code = 1) {
    super(message)
    this.code = code
  }
}
