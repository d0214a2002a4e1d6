/** What a Go function returns or panics with: the text is shown to the person who wrote the template. */
export class GoError extends Error {
  override readonly name: string = 'GoError'
}

/** A fault in the text of a template. The message is Go's, e.g. `template: chart/templates/x.yaml:3: unexpected "}" in operand`. */
export class ParseError extends GoError {
  override readonly name = 'ParseError'
  readonly template: string
  readonly line: number
  constructor(template: string, line: number, message: string) {
    super(`template: ${template}:${line}: ${message}`)
    this.template = template
    this.line = line
  }
}

/** A fault while a template runs. The message is Go's, with the whole chain of includes. `file`, `line`, `column` (bytes, from 0) are of the outermost place. */
export class ExecError extends GoError {
  override readonly name = 'ExecError'
  readonly template: string
  readonly file: string | undefined
  readonly line: number | undefined
  readonly column: number | undefined
  constructor(template: string, message: string, place?: { file: string; line: number; column: number }, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.template = template
    this.file = place?.file
    this.line = place?.line
    this.column = place?.column
  }
}

/** The last words of a fault: without the place and the chain of templates. */
export function messageOfFault(error: ExecError): string {
  return error.message.replace(/^template: [\s\S]*?: executing "[\s\S]*?" at <[\s\S]*?>: /, '')
}

/** A limit of time, depth or size was reached; never caught inside a template. */
export class LimitError extends Error {
  override readonly name = 'LimitError'
  readonly limit: 'time' | 'depth' | 'output' | 'input'
  /** Where the execution was, as far as that is known. */
  place: { readonly file: string; readonly line: number; readonly column: number } | undefined
  constructor(limit: LimitError['limit'], message: string) {
    super(message)
    this.limit = limit
  }
}
