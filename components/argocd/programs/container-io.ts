import type { Client } from '@idp/client'
import type { Handler } from '@idp/http'
import { CodedError, isCoded, type FileTree } from '@idp/kit'
import type { Container, ContainerFiles } from '@idp/sandbox'
import { repoClient } from '../repo/repo-handler.ts'
import type { RepoService } from '../repo/repo-service.ts'

/** The pod's client. Throws CodedError `NoServiceAccount` in a pod without token. */
export function clientOf({ client, pod }: Container): Client {
  if (client !== undefined) return client
  throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name, remedy: 'Set automountServiceAccountToken: true' })
}

/** `--name=value` or `--name value` among the arguments. */
export function flag({ args }: Container, name: string): string | undefined {
  const at = args.findIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`))
  const found = args[at]
  return found === undefined ? undefined : found.includes('=') ? found.slice(found.indexOf('=') + 1) : args[at + 1]
}

/** The port of a flag such as `--port=8080` or `--metrics-addr=:8080`. */
export function portOf(container: Container, name: string, otherwise: number): number {
  const port = Number((flag(container, name) ?? '').split(':').at(-1))
  return Number.isInteger(port) && port > 0 ? port : otherwise
}

/** A positive number from the environment. */
export function numberOf({ env }: Container, name: string): number | undefined {
  const value = Number(env[name])
  return env[name] === undefined || env[name] === '' || !Number.isFinite(value) ? undefined : value
}

/** The repo server that the environment names as `host:port`. */
export function repoServiceOf({ net, env }: Container, variable: string): RepoService {
  return repoClient(`http://${env[variable] ?? 'argocd-repo-server:8081'}`, (url, init) => net.fetch(url, init))
}

/** Serves `/healthz` and `/metrics`. */
export function healthAndMetrics(text: () => string, isHealthy: () => boolean = () => true): Handler {
  return (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/healthz' || pathname === '/readyz') return new Response(isHealthy() ? 'ok' : 'starting', { status: isHealthy() ? 200 : 503 })
    if (pathname === '/metrics') return new Response(text(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    return new Response('not found\n', { status: 404 })
  }
}

/** Resolves when the container is told to end. */
export function ended({ signal }: Container): Promise<number> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(0)
    else signal.addEventListener('abort', () => resolve(0), { once: true })
  })
}

/** A folder of the container as a tree for renderers. */
export function folderTree(files: ContainerFiles, folder: string): FileTree {
  const at = (path: string): string => (path === '' ? folder : `${folder}/${path}`)
  const orAbsent = <T>(asked: Promise<T>): Promise<T | undefined> => asked.catch((error: unknown) => {
    if (isCoded(error, 'FileNotFound')) return undefined
    throw error
  })
  return {
    read: (path) => orAbsent(files.read(at(path))),
    list: (path) => orAbsent(files.list(at(path))),
  }
}
