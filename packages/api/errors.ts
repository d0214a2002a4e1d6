/** `metav1.StatusReason`: the machine-readable cause of a refusal. */
export type StatusReason =
  | 'BadRequest' | 'Unauthorized' | 'Forbidden' | 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Gone' | 'Invalid' | 'Expired'
  | 'MethodNotAllowed' | 'NotAcceptable' | 'UnsupportedMediaType' | 'RequestEntityTooLarge' | 'TooManyRequests'
  | 'ServerTimeout' | 'Timeout' | 'InternalError' | 'ServiceUnavailable' | 'Unknown'

export interface StatusCause { reason?: string; message?: string; field?: string }
export interface StatusDetails { name?: string; group?: string; kind?: string; uid?: string; causes?: StatusCause[]; retryAfterSeconds?: number }

/** `metav1.Status`, the body of every failed request. */
export interface Status {
  kind: 'Status'
  apiVersion: 'v1'
  metadata: Record<string, never>
  status: 'Success' | 'Failure'
  message?: string
  reason?: StatusReason
  details?: StatusDetails
  code?: number
}

const codes: Readonly<Record<StatusReason, number>> = {
  BadRequest: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, AlreadyExists: 409, Conflict: 409, Gone: 410, Expired: 410, Invalid: 422,
  MethodNotAllowed: 405, NotAcceptable: 406, UnsupportedMediaType: 415, RequestEntityTooLarge: 413, TooManyRequests: 429,
  ServerTimeout: 500, Timeout: 504, InternalError: 500, ServiceUnavailable: 503, Unknown: 500,
}

/** A request the API server refused; thrown by server code, and by the client for every answer of 400 and above. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly reason: StatusReason
  readonly code: number
  readonly details: StatusDetails | undefined
  constructor(reason: StatusReason, message: string, options: { details?: StatusDetails; code?: number } = {}) {
    super(message)
    this.reason = reason
    this.code = options.code ?? codes[reason]
    this.details = options.details
  }
  /** The body that goes over the wire. */
  toStatus(): Status {
    return {
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: this.message, reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }), code: this.code,
    }
  }
  static fromStatus(status: Partial<Status>, httpCode: number): ApiError {
    const options = { code: status.code ?? httpCode, ...(status.details === undefined ? {} : { details: status.details }) }
    return new ApiError(status.reason ?? 'Unknown', status.message ?? `the server answered ${httpCode}`, options)
  }
}

/** True for an ApiError with one of `reasons` (any, when none is given). */
export function isApiError(error: unknown, ...reasons: StatusReason[]): error is ApiError {
  return error instanceof ApiError && (reasons.length === 0 || reasons.includes(error.reason))
}
