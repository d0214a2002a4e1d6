import type { Container } from '@idp/sandbox'
import { CliError } from './cli-error.ts'

export type Answer = Readonly<Record<string, unknown>>

/** The HTTP API as the command line asks it. */
export interface Api {
  /** The JSON of an answer; undefined for one without body, and for 404. Throws CliError with the server's words. */
  call(method: string, path: string, body?: object, query?: Readonly<Record<string, string>>): Promise<Answer | undefined>
  readonly address: string
}

export function createApi({ net }: Container, address: string, headers: Readonly<Record<string, string>>): Api {
  return {
    address,
    async call(method, path, body, query = {}) {
      const url = new URL(`${address.replace(/\/+$/, '')}/v1/${path.split('/').map(encodeURIComponent).join('/')}`)
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      const response = await net.fetch(url.href, { method, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      const answer = text === '' ? undefined : JSON.parse(text) as Answer
      if (response.status === 404 && (answer?.['errors'] as unknown[] | undefined)?.length === 0) return undefined
      if (response.status >= 400 && answer?.['data'] === undefined) throw new CliError(`Error making API request.\n\nURL: ${method} ${url.href}\nCode: ${response.status}. Errors:\n\n${((answer?.['errors'] ?? []) as string[]).map((error) => `* ${error}`).join('\n')}`, 2)
      return answer
    },
  }
}
