import { isCoded, messageOf } from '@idp/kit'

const statuses: Readonly<Record<string, number>> = { InputError: 400, AuthenticationError: 401, NotAllowedError: 403, NotFoundError: 404, ConflictError: 409, NotImplementedError: 501, InternalServerError: 500 }

/** An error in the shape of upstream's backend. */
export function errorAnswer(request: Request, name: string, message: string): Response {
  const status = statuses[name] ?? 500
  return Response.json({ error: { name, message }, request: { method: request.method, url: new URL(request.url).pathname }, response: { statusCode: status } }, { status })
}

const names: Readonly<Record<string, string>> = { LocationExists: 'ConflictError', NotFound: 'NotFoundError', NotImplemented: 'NotImplementedError', NotAllowed: 'NotAllowedError' }

/** A thrown error as an answer: what a caller can mend is 400. */
export const thrownAnswer = (request: Request, error: unknown): Response => errorAnswer(request, isCoded(error) ? names[error.code] ?? 'InputError' : 'InternalServerError', messageOf(error))
