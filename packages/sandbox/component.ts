import type { Client } from '@idp/client'
import type { Clock, Log, Random } from '@idp/kit'
import type { Program } from './container.ts'
import type { NodesProgram } from './nodes.ts'

/** A stand-in Helm chart: what is rendered on the embedded engine where the repository names upstream's. */
export interface ChartStandIn {
  /** Upstream's repository URL as kustomizations write it, e.g. `https://grafana.github.io/helm-charts`, or `oci://…`. */
  readonly repository: string
  /** Upstream's chart name, e.g. `loki`. */
  readonly name: string
  /** Folder of the chart, relative to the component's folder; `chart` by default. */
  readonly directory?: string
}

/** The table of contents of one system of the platform. No logic: what it serves, and how to load it. */
export interface Component {
  /** Name of the folder under `components/`. */
  readonly name: string
  /** What upstream it stands in for, e.g. `Grafana Loki 3.5`. */
  readonly standsInFor: string
  readonly charts?: readonly ChartStandIn[]
  /** Loaded when the first container of one of the images starts. */
  readonly programs?: readonly ProgramEntry[]
  /** Parts of the control plane itself: started with the cluster, beside the API server, not in a pod. */
  readonly controlPlane?: readonly ControlPlaneEntry[]
  /** What runs pods; exactly one component of a cluster has it. */
  readonly nodes?: { load(): Promise<NodesProgram> }
}

export interface ProgramEntry {
  readonly images: readonly string[]
  load(): Promise<Program>
}

export interface ControlPlaneEntry {
  /** e.g. `kube-scheduler`; it authenticates as user `system:<name>`. */
  readonly name: string
  /** The user it authenticates as; `system:<name>` by default. */
  readonly user?: string
  /** Groups of that user; the host adds `system:authenticated`. */
  readonly groups?: readonly string[]
  load(): Promise<ControlPlaneProgram>
}

/** Runs until `signal` aborts. A promise that ends before that, or rejects, is a crash: the host starts it again with back-off. */
export interface ControlPlaneProgram { run(context: ControlPlaneContext): Promise<void> }

export interface ControlPlaneContext {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  readonly signal: AbortSignal
  /** The cluster's CA certificate in PEM (published to every namespace as `kube-root-ca.crt`). */
  readonly clusterCa: string
}
