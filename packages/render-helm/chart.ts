import type { JsonObject } from '@idp/formats'

/** A chart's dependency as Chart.yaml (or requirements.yaml) names it. */
export interface Dependency {
  readonly name: string
  readonly version: string
  readonly repository: string
  readonly condition: string
  readonly tags: readonly string[]
  readonly importValues: readonly unknown[]
  readonly alias: string
}

export interface Maintainer { readonly name: string; readonly email: string; readonly url: string }

/** Chart.yaml. */
export interface Metadata {
  readonly name: string
  readonly home: string
  readonly sources: readonly string[]
  readonly version: string
  readonly description: string
  readonly keywords: readonly string[]
  readonly maintainers: readonly Maintainer[]
  readonly icon: string
  readonly apiVersion: string
  readonly condition: string
  readonly tags: string
  readonly appVersion: string
  readonly deprecated: boolean
  readonly annotations: Readonly<Record<string, string>>
  readonly kubeVersion: string
  readonly dependencies: readonly Dependency[]
  readonly type: string
}

/** One template file: its path below the chart, and its text. */
export interface TemplateFile { readonly name: string; readonly text: string }

/** A chart as it was loaded: nothing in it changes after that. */
export interface Chart {
  readonly metadata: Metadata
  readonly values: JsonObject
  readonly schema: string | undefined
  readonly templates: readonly TemplateFile[]
  /** All other files by path. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly dependencies: readonly Chart[]
  /** Chart.lock or requirements.lock. */
  readonly lock: string | undefined
}

/** A custom resource definition from a `crds/` folder. `path` starts with the chart's name. */
export interface CrdFile { readonly path: string; readonly text: string }
