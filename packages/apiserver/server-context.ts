import type { Clock, Log, Random } from '@idp/kit'
import type { Peer } from '@idp/http'
import type { Admission } from './admission/admission.ts'
import type { Authorizer } from './authz/authorizer.ts'
import type { NodeProxy } from './node/node-proxy.ts'
import type { ObjectStorage } from './object-storage.ts'
import type { RequestInfo } from './request-info.ts'
import type { Resource } from './resource.ts'
import type { ResourceRegistry } from './resource-registry.ts'
import type { CallService } from './webhook/call-webhook.ts'

/** Who makes a request. */
export interface User {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What every part of the server works with. */
export interface ServerContext {
  readonly storage: ObjectStorage
  readonly registry: ResourceRegistry
  readonly admission: Admission
  readonly authorizer: Authorizer
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** The nodes' side of logs, exec, attach and port-forward. */
  readonly nodes: NodeProxy | undefined
  /** How webhooks, converters and aggregated APIs are reached. */
  readonly callService: CallService
  /** Aborts when the server is disposed. */
  readonly signal: AbortSignal
}

/** One authenticated and authorized request for a resource. */
export interface ResourceRequest {
  readonly server: ServerContext
  readonly resource: Resource
  readonly info: RequestInfo
  readonly search: URLSearchParams
  readonly request: Request
  readonly user: User
  readonly peer: Peer
  /** Texts for `Warning` headers; filled while the request is handled. */
  readonly warnings: Set<string>
  /** Facts for the audit log; filled while the request is handled. */
  readonly annotations?: Map<string, string>
}
