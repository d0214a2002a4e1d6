import type { Clock, Random } from '@idp/kit'
import type { JsonObject, KubeObject } from '@idp/formats'
import type { Limits } from '@idp/lang-gotemplate/core'
import type { CrdFile } from './chart.ts'
import type { LoadOptions } from './load-chart.ts'
import type { Hook } from './manifests.ts'
import type { Lookup } from './render-context.ts'

/** What `helm template` takes as flags. */
export interface RenderOptions {
  readonly releaseName: string
  readonly namespace: string
  /** Merged in order, later ones win. */
  readonly values?: readonly JsonObject[]
  /** `--kube-version` */
  readonly kubeVersion?: string
  /** `--api-versions`, added to those Helm knows. */
  readonly apiVersions?: readonly string[]
  /** `.Capabilities.HelmVersion.Version`, for charts that ask. */
  readonly helmVersion?: string
  readonly includeCrds?: boolean
  readonly skipTests?: boolean
  readonly noHooks?: boolean
  readonly isUpgrade?: boolean
  /** `.Release.Revision`, 1 unless given. */
  readonly revision?: number
  /** Notes of subcharts too: `--render-subchart-notes`. */
  readonly subNotes?: boolean
  readonly skipSchemaValidation?: boolean
  /** Only these templates, as paths or globs below the chart: `--show-only`. */
  readonly showOnly?: readonly string[]
  readonly lookup?: Lookup
  readonly limits?: Limits & LoadOptions
  readonly random?: Random
  readonly clock?: Clock
  /**
   * Objects of documents that are what they were in this renderer's last rendering are the same objects again, to be read only. Otherwise each rendering
   * hands out objects of its own.
   */
  readonly sharedObjects?: boolean
  /** Changes the manifests before they are sorted: `--post-renderer`. Receives and answers outputs by template path. */
  readonly postRenderer?: (outputs: ReadonlyMap<string, string>) => Promise<ReadonlyMap<string, string>>
}

export interface RenderedDocument { readonly path: string; readonly object: KubeObject; readonly text: string }

export interface Rendering {
  /** Objects in the order `helm template` prints them: CRDs when asked for, manifests, then hooks. */
  readonly documents: readonly RenderedDocument[]
  readonly hooks: readonly Hook[]
  /** CRDs of `crds/` folders, included or not. */
  readonly crds: readonly CrdFile[]
  readonly notes: string | undefined
  /** The text `helm template` prints. */
  readonly manifest: string
}

