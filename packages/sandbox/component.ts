import type { Program } from './container.ts'

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
}

export interface ProgramEntry {
  readonly images: readonly string[]
  load(): Promise<Program>
}
