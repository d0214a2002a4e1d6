import type { Endpoint } from './network-policy.ts'

/** A connection that is about to be made, or is held. */
export interface Connection {
  readonly protocol: 'TCP' | 'UDP'
  readonly source: Endpoint
  readonly sourcePort: number
  /** The end that answers, behind any Service; of an address that nobody here has, only `ip` is known. */
  readonly destination: Endpoint
  readonly port: number
  /** The Service whose address was dialled. */
  readonly service?: { readonly namespace: string; readonly name: string }
  /** The name outside the cluster that was dialled. */
  readonly name?: string
}

export type Direction = 'ingress' | 'egress'

/** Stands between the two ends of an HTTP connection, one request at a time. Answering without `next` keeps the request from the server. */
export type HttpFilter = (request: Request, next: (request: Request) => Promise<Response>) => Promise<Response>

export interface Verdict {
  readonly allowed: boolean
  /** Why it is not, e.g. `CiliumNetworkPolicy shop/closed`. */
  readonly why?: string
  /** Of an allowed connection: each of its requests goes through this. */
  readonly http?: HttpFilter
}

export interface NameVerdict {
  /** `refused`: the resolver answers REFUSED; `dropped`: the question does not reach it. */
  readonly verdict: 'allowed' | 'refused' | 'dropped'
  readonly why?: string
  /** Told the answer: addresses, none for a name that does not exist. */
  answered?(addresses: readonly string[]): void
}

/** What a network agent decides for the endpoints of its node. Called for each connection: it must be quick, and must not throw. */
export interface DataPath {
  /** A new connection, asked for at each end: `egress` where it comes from, `ingress` where it leads to. */
  connect(direction: Direction, connection: Connection): Verdict
  /** The same for one that is held, after `reevaluate`. */
  recheck(direction: Direction, connection: Connection): Verdict
  /** An endpoint asks cluster DNS for a name (complete, without the last dot). */
  query(source: Endpoint, name: string): NameVerdict
}

/** The network of one node as its network agent programs it: what a container of the host network with the capability NET_ADMIN has. */
export interface NodeNetwork {
  readonly node: string
  /** Replaces the data path of the node. As the kernel's, it goes on without the program that attached it, until another one is attached. */
  attach(path: DataPath): void
  /** Asks again for every connection of the node's endpoints that is held, and cuts those that are no longer allowed. */
  reevaluate(): void
  /** Calls `changed` for each endpoint of this node that is there, and for those that come and go. */
  onEndpoint(changed: (endpoint: Endpoint, state: 'present' | 'gone') => void): Disposable
}
