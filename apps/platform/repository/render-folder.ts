import type { KubeObject } from '@idp/formats'
import type { FileTree } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { renderKustomize } from '@idp/render-kustomize'
import type { ChartSource } from './chart-index.ts'

export interface RenderFolderOptions {
  readonly charts: ChartSource
  /** API versions the cluster serves, for charts that ask `.Capabilities`. */
  readonly apiVersions?: readonly string[]
  readonly kubeVersion?: string
  /** `--load-restrictor LoadRestrictionsNone`: files may lie anywhere in the tree. */
  readonly anywhere?: boolean
  /** `--reorder none` */
  readonly reorder?: 'none'
}

/** The objects of one kustomization of the platform repository, with its Helm charts inflated in this process. */
export function renderFolder(files: FileTree, path: string, options: RenderFolderOptions): Promise<KubeObject[]> {
  return renderKustomize(files, path, {
    enableHelm: true, ...(options.anywhere === true ? { loadRestrictor: 'none' } : {}), ...(options.reorder === undefined ? {} : { reorder: options.reorder }),
    inflateHelm: async (chart) => {
      const source = await options.charts({ name: chart.name, repository: chart.repo, version: chart.version })
      const rendering = await renderHelm(source, {
        releaseName: chart.releaseName ?? chart.name, namespace: chart.namespace ?? 'default', values: chart.values, includeCrds: chart.includeCRDs,
        noHooks: chart.skipHooks, skipTests: chart.skipTests, apiVersions: [...(options.apiVersions ?? []), ...chart.apiVersions],
        ...(options.kubeVersion === undefined ? {} : { kubeVersion: options.kubeVersion }),
      })
      return rendering.documents.map((document) => document.object)
    },
  })
}
