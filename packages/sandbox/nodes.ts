import type { Client } from '@idp/client'
import type { Clock, Log, Random } from '@idp/kit'
import type { Component } from './component.ts'
import type { Fabric } from './fabric.ts'
import type { ExecIo } from './container.ts'
import type { TlsIdentity } from './net.ts'
import type { Duplex } from 'node:stream'

/** A node of the cluster, as it is asked for. */
export interface NodeSpec {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[]
  /** Carries the label of the control plane, and the API server's address. */
  readonly controlPlane?: boolean
  /** What the scheduler may count on, e.g. `{ cpu: '8', memory: '16Gi' }`. Nothing of it is reserved on the machine. */
  readonly capacity?: Readonly<Record<string, string>>
}

export interface NodesOptions {
  readonly nodes: readonly (NodeSpec & { readonly address: string; readonly podPrefix: string })[]
  /** A client with a node's own identity. */
  client(node: string): Client
  /** A client that authenticates with a bearer token. */
  clientFor(token: () => Promise<string>): Client
  readonly fabric: Fabric
  readonly components: readonly Component[]
  /** Directory for logs, volumes and claims. */
  readonly directory: string
  readonly domain: string
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** A serving certificate of the cluster's CA. */
  identity(names: readonly string[]): Promise<TlsIdentity>
  /** PEM certificates that may have signed clients of the nodes' own HTTPS port. */
  readonly clientCa: string
}

export interface PodReference { readonly namespace: string; readonly name: string; readonly container?: string | undefined }

export interface ContainerLogQuery {
  readonly follow?: boolean
  readonly previous?: boolean
  readonly tailLines?: number
  readonly sinceSeconds?: number
  /** RFC 3339. */
  readonly sinceTime?: string
  readonly timestamps?: boolean
  readonly limitBytes?: number
  readonly stream?: 'All' | 'Stdout' | 'Stderr'
}

/** The running nodes of a cluster. Failures are ApiErrors as kubelet's (`NotFound`, `BadRequest`). */
export interface Nodes extends AsyncDisposable {
  logs(pod: PodReference, query: ContainerLogQuery): Promise<ReadableStream<Uint8Array>>
  /** Runs a command; resolves with its exit code. */
  exec(pod: PodReference, command: readonly string[], io: ExecIo): Promise<number>
  /** Copies the output of the running container until it ends; resolves with its exit code. */
  attach(pod: PodReference, io: ExecIo): Promise<number>
  /** A raw connection to a port of a pod. Throws CodedError `ConnectionRefused`. */
  portForward(pod: PodReference, port: number): Promise<Duplex>
  /** An HTTP request to a node's own server (kubelet's API: /metrics, /stats/summary, /pods). */
  request(node: string, request: Request): Promise<Response>
}

/** How nodes are started; the node agent component offers it. */
export interface NodesProgram { start(options: NodesOptions): Promise<Nodes> }
