import { ApiError } from '@idp/api'
import { respond, respondValue } from '@idp/http'
import { CodedError, messageOf, type Log } from '@idp/kit'

const jsonHeaders = { 'content-type': 'application/json' }

/** An answer with a JSON body, which nobody may change any more: it is encoded when it is sent. `encode` saves doing that again. */
export function answerJson(body: unknown, code = 200, headers: Record<string, string> = {}, encode: () => string | Uint8Array = () => JSON.stringify(body)): Response {
  return respondValue(body, encode, { status: code, headers: { ...jsonHeaders, ...headers } })
}

export function answerText(text: string, code = 200, type = 'text/plain; charset=utf-8'): Response {
  return respond(text, { status: code, headers: { 'content-type': type } })
}

/** The Status that tells a caller what was thrown. Anything but ApiError is the server's own failure. */
export function answerError(error: unknown, log: Log): Response {
  const api = apiErrorOf(error, log)
  const retry = api.details?.retryAfterSeconds
  const { reason, ...status } = api.toStatus()
  // Upstream's reason for a failure without one is the empty string, which is left out.
  return answerJson(reason === 'Unknown' ? status : { ...status, reason }, api.code, {
    ...(api.code === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(retry === undefined ? {} : { 'retry-after': String(retry) }),
  })
}

export function apiErrorOf(error: unknown, log: Log): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof CodedError) {
    if (error.code === 'StorageFull') return new ApiError('ServiceUnavailable', `etcdserver: mvcc: database space exceeded: ${error.message}`)
    log.error('request failed', { code: error.code, error: error.message })
    return new ApiError('InternalError', `Internal error occurred: ${error.message}`)
  }
  log.error('request failed', { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined })
  return new ApiError('InternalError', `Internal error occurred: ${messageOf(error)}`)
}
