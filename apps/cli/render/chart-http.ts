import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { Readable } from 'node:stream'
import { CodedError } from '@idp/kit'
import { isOn, one, type Given } from './flags.ts'

type Fetch = (url: string, init?: { headers?: Record<string, string>; signal?: AbortSignal }) => Promise<Response>

/** HTTP for repositories with the certificates, and the care, that the flags ask for. */
export async function chartFetch(given: Given): Promise<Fetch> {
  const pem = async (name: string) => {
    const file = one(given, name)
    return file === undefined ? undefined : await readFile(file)
  }
  const [ca, cert, key] = [await pem('ca-file'), await pem('cert-file'), await pem('key-file')]
  const insecure = isOn(given, 'insecure-skip-tls-verify')
  const plain = isOn(given, 'plain-http')
  if (ca === undefined && cert === undefined && !insecure && !plain) return (url, init) => fetch(url, init)
  const tls = { rejectUnauthorized: !insecure, ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) }
  return (url, init) => get(plain ? url.replace(/^https:/, 'http:') : url, init ?? {}, tls, 0)
}

function get(url: string, init: { headers?: Record<string, string>; signal?: AbortSignal }, tls: RequestOptions, redirects: number): Promise<Response> {
  if (redirects > 10) throw new CodedError({ code: 'RepositoryUnavailable', message: 'too many redirects', where: url })
  return new Promise((resolve, reject) => {
    const secure = url.startsWith('https:')
    const options: RequestOptions = { headers: init.headers ?? {}, ...(init.signal === undefined ? {} : { signal: init.signal }), ...(secure ? tls : {}) }
    const outgoing = (secure ? httpsRequest : httpRequest)(url, options, (incoming) => {
      const { statusCode = 0, headers } = incoming
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        incoming.resume()
        const next = new URL(headers.location, url)
        // Credentials stay with the host they were for.
        const { authorization, ...others } = init.headers ?? {}
        const kept = new URL(url).host === next.host && authorization !== undefined ? { authorization } : {}
        get(next.href, { ...init, headers: { ...others, ...kept } }, tls, redirects + 1).then(resolve, reject)
        return
      }
      const fields = Object.entries(headers).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]]))
      resolve(new Response(Readable.toWeb(incoming) as ReadableStream, { status: statusCode, headers: fields }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
