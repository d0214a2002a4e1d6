import type { Duplex } from 'node:stream'
import type { Pod } from '@idp/api'

/** Query of `pods/log`. */
export interface LogOptions {
  readonly container: string
  readonly follow: boolean
  readonly previous: boolean
  readonly timestamps: boolean
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  readonly tailLines?: number
  readonly limitBytes?: number
  readonly signal: AbortSignal
}

export interface ExecOptions {
  readonly container: string
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
  readonly signal: AbortSignal
}

/** The streams of `exec` and `attach`. With `tty` all output goes to stdout. */
export interface ExecStreams {
  readonly stdin: AsyncIterable<Uint8Array>
  stdout(chunk: Uint8Array | string): void
  stderr(chunk: Uint8Array | string): void
  /** Terminal sizes in characters, as the caller's window changes. */
  readonly resize: AsyncIterable<{ readonly width: number; readonly height: number }>
}

/**
 * What the API server asks of the node a pod runs on. Implemented by the node agent. Errors thrown as ApiError reach the caller as they
 * are; anything else becomes an internal error.
 */
export interface NodeProxy {
  /** The container's log as a text body; with `follow` it ends when the container or the signal does. */
  logs(pod: Pod, options: LogOptions): Response | Promise<Response>
  /** Runs a command in a container; the result is its exit code. */
  exec(pod: Pod, options: ExecOptions, streams: ExecStreams): Promise<number>
  /** Joins the streams of the container's main process. */
  attach(pod: Pod, options: Omit<ExecOptions, 'command'>, streams: ExecStreams): Promise<void>
  /** A connection to a port of the pod. */
  portForward(pod: Pod, port: number): Promise<Duplex>
  /** Sends an HTTP request to a pod, Service or node; without it `proxy` subresources answer 503. Rejects when there is no answer. */
  proxy?(target: ProxyTarget, path: string, init: RequestInit): Promise<Response>
}

/** What a `proxy` subresource leads to. */
export interface ProxyTarget {
  readonly kind: 'pods' | 'services' | 'nodes'
  readonly namespace: string
  readonly name: string
  /** Number or name of a port; '' for the first. */
  readonly port: string
  readonly scheme: 'http' | 'https'
}
