import type { FileTree } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import type { HelmRequest } from '@idp/render-kustomize'

/** Renders a chart that lies in the tree with our Helm, as `kubectl kustomize --enable-helm` has the real one do it. */
export async function inflateChart(request: HelmRequest): Promise<string> {
  if (request.valuesBelowDefaults !== undefined) throw new Error('valuesMerge: merge without a values file is not part of this suite')
  const { manifest } = await renderHelm(below(request.files, request.chartPath), {
    releaseName: request.releaseName ?? 'release-name', namespace: request.namespace ?? 'default', values: request.values, includeCrds: request.includeCRDs,
    noHooks: request.skipHooks, skipTests: request.skipTests, apiVersions: request.apiVersions, ...(request.kubeVersion === undefined ? {} : { kubeVersion: request.kubeVersion }),
  })
  return manifest
}

function below(files: FileTree, folder: string): FileTree {
  const at = (path: string): string => (path === '' ? folder : `${folder}/${path}`)
  return { read: (path) => files.read(at(path)), list: (path) => files.list(at(path)) }
}
