import type { Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { ContextSource } from '../engine/context.ts'

/** The longest answer that is read. */
const maxAnswer = 4 * 2 ** 20

/** Calls services on the pod's network. Throws CodedError `ContextFailed` for what cannot be reached, refuses, or answers with something else than JSON of a size. */
export function serviceCalls(net: Pick<Container['net'], 'fetch'>, signal: AbortSignal): NonNullable<ContextSource['service']> {
  return async ({ url, method, body, headers, caBundle }) => {
    const failed = (why: string, cause?: unknown): CodedError => new CodedError({ code: 'ContextFailed', message: `failed to execute HTTP request for ${url}: ${why}`, where: url, ...(cause === undefined ? {} : { cause }) })
    let response: Response
    try {
      response = await net.fetch(url, { method, signal, headers: { 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...(caBundle === undefined || caBundle === '' ? {} : { ca: caBundle }) })
    } catch (error) {
      throw failed(messageOf(error), error)
    }
    const text = await textOf(response, failed)
    if (!response.ok) throw failed(`HTTP ${response.status}: ${text.slice(0, 200)}`)
    try {
      return JSON.parse(text) as Json
    } catch (error) {
      throw failed('the answer is not JSON', error)
    }
  }
}

async function textOf(response: Response, failed: (why: string) => CodedError): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > maxAnswer) throw failed(`the answer is longer than ${maxAnswer} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}
