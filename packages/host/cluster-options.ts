import type { Client } from '@idp/client'
import type { Handler } from '@idp/http'
import type { Clock, Log, Random } from '@idp/kit'
import type { Component, Fabric, Net, Nodes, NodeSpec } from '@idp/sandbox'

export interface ClusterOptions {
  /** Name of the cluster: of its kubeconfig context and its CA. */
  readonly name: string
  /** Everything the cluster keeps lives below; made with mode 0700. */
  readonly dataDir: string
  /** `memory` keeps the API's objects in memory only (tests, `idp test`); logs and volumes are in `dataDir` in any case. */
  readonly storage?: 'disk' | 'memory'
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** Programs, control plane and node agent come from these. */
  readonly components: readonly Component[]
  /** One node `<name>-server-0` of the control plane when absent. */
  readonly nodes?: readonly NodeSpec[]
  /** Port of the API server on 127.0.0.1; 0 (any) by default. `false`: no port at all, only in process. */
  readonly apiPort?: number | false
  /** Ports of the machine that lead to node ports of the cluster (on 127.0.0.1 unless `host` says otherwise). */
  readonly hostPorts?: readonly HostPort[]
  /** Whether pods may reach the machine's network; not by default. */
  readonly egress?: boolean
}

export interface HostPort {
  /** 0 takes any free port. */
  readonly port: number
  readonly nodePort: number
  readonly host?: string
  /** Flag that changes the port, for the remedy when it is taken. */
  readonly setting?: string
}

/** A running cluster. Disposing stops everything in order and leaves no handle; what is on disk stays. */
export interface Cluster extends AsyncDisposable {
  readonly name: string
  /** `https://127.0.0.1:<port>`; undefined without a port. */
  readonly url: string | undefined
  /** Ports of the machine in the order of `hostPorts`. */
  readonly hostPorts: readonly number[]
  /** A client of group `system:masters`. */
  readonly client: Client
  /** A client with another identity. */
  clientAs(user: string, groups?: readonly string[]): Client
  readonly handler: Handler
  readonly fabric: Fabric
  /** The network as a node sees it. */
  readonly net: Net
  readonly nodes: Nodes
  /** The admin's kubeconfig; also in `<dataDir>/kubeconfig`. Undefined without a port. */
  readonly kubeconfig: string | undefined
  /** The cluster's CA in PEM. */
  readonly ca: string
}
