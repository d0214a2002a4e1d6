import type { Handler } from '@idp/http'
import { CodedError, isCoded, messageOf, type Log } from '@idp/kit'
import type { TextRepoService } from './create-repo-service.ts'
import type { ManifestRequest, RepoService } from './repo-service.ts'

/** Paths of the repo server's API: POST with a JSON body. Upstream speaks gRPC here; only our own programs call it. */
export const repoMethods = {
  '/api/v1/manifests': 'manifests', '/api/v1/resolve-revision': 'resolveRevision', '/api/v1/directories': 'directories',
  '/api/v1/files': 'files', '/api/v1/revision-metadata': 'revisionMetadata',
} as const satisfies Readonly<Record<string, keyof RepoService>>

/** Serves a RepoService over HTTP. Failures are 422 with the fields of a CodedError. */
export function repoHandler(service: TextRepoService, log: Log): Handler {
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz') return new Response('ok')
    const method = Object.hasOwn(repoMethods, pathname) ? repoMethods[pathname as keyof typeof repoMethods] : undefined
    if (method === undefined) return Response.json({ code: 'NotFound', message: `no such method: ${pathname}` }, { status: 404 })
    if (request.method !== 'POST') return Response.json({ code: 'MethodNotAllowed', message: 'use POST' }, { status: 405 })
    try {
      if (method === 'manifests') return new Response(`{"result":${await service.manifestsText(await request.json() as ManifestRequest)}}`, { headers: { 'content-type': 'application/json' } })
      const call = service[method] as (input: unknown) => Promise<unknown>
      return Response.json({ result: await call(await request.json()) })
    } catch (error) {
      if (!isCoded(error)) {
        log.error('request failed', { method, error: messageOf(error), stack: error instanceof Error ? error.stack : undefined })
        return Response.json({ code: 'InternalError', message: messageOf(error) }, { status: 500 })
      }
      const { code, message, where, remedy } = error
      return Response.json({ code, message, where, remedy }, { status: 422 })
    }
  }
}

/** A RepoService behind `url`. Throws the CodedErrors of the service, and `RepoServerUnreachable`. */
export function repoClient(url: string, fetch: (url: string, init: RequestInit) => Promise<Response>): RepoService {
  const call = async (path: keyof typeof repoMethods, input: unknown): Promise<never> => {
    let response: Response
    try {
      response = await fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(input) })
    } catch (error) {
      throw new CodedError({ code: 'RepoServerUnreachable', message: `the repo server does not answer: ${messageOf(error)}`, where: url, remedy: 'Look at the pods of Deployment argocd-repo-server', cause: error })
    }
    const body = await response.json() as { result?: unknown; code?: string; message?: string; where?: string; remedy?: string }
    if (response.ok) return body.result as never
    throw new CodedError({ code: body.code ?? 'RepoServerFailed', message: body.message ?? `the repo server answered HTTP ${response.status}`, where: body.where, remedy: body.remedy })
  }
  return {
    manifests: (input) => call('/api/v1/manifests', input),
    resolveRevision: (input) => call('/api/v1/resolve-revision', input),
    directories: (input) => call('/api/v1/directories', input),
    files: (input) => call('/api/v1/files', input),
    revisionMetadata: (input) => call('/api/v1/revision-metadata', input),
  }
}
