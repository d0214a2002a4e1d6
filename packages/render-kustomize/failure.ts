import { CodedError } from '@idp/kit'

/** A failure of a build, in kustomize's words where a person knows them. `where` is a file or resource. */
export function failure(code: string, message: string, where?: string, cause?: unknown): CodedError {
  return new CodedError({ code, message, where, cause })
}

/** Puts what was being done before the message of a failure, as kustomize does; keeps its code and place. */
export function inContext(error: unknown, context: string, where?: string): unknown {
  if (!(error instanceof CodedError)) return error
  return new CodedError({ code: error.code, message: `${context}: ${error.message}`, where: error.where ?? where, remedy: error.remedy, cause: error.cause })
}
