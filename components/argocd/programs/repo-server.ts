import type { Container } from '@idp/sandbox'
import { counter, formatMetrics } from '../engine/metrics.ts'
import { createRepoService, type SourceRenderers } from '../repo/create-repo-service.ts'
import { gitMirrors } from '../repo/git-mirrors.ts'
import { keptRenderings } from '../repo/kept-renderings.ts'
import { lazyRenderers } from '../repo/lazy-renderers.ts'
import { repoHandler } from '../repo/repo-handler.ts'
import { ended, folderTree, healthAndMetrics, portOf } from './container-io.ts'
import { rendererVersion } from './renderer-version.ts'

/** Where the engine puts the stand-in charts into the image. */
export const chartsFolder = '/usr/share/idp/charts'

/** How long renderers that nobody uses stay in memory, in milliseconds. */
const restMs = 10_000

/** argocd-repo-server: renders sources for the other programs; knows no cluster. */
export async function repoServer(container: Container): Promise<number> {
  const { clock, files, log, net } = container
  const requests = counter('argocd_git_request_total', 'Number of git requests performed by repo server')
  await using mirrors = gitMirrors({
    directory: await files.directory('/tmp'), clock,
    fetch: ({ url: repo, insecure }) => (url, init) => {
      requests.add({ repo, request_type: url.includes('git-upload-pack') ? 'fetch' : 'ls-remote' })
      return net.fetch(url, { ...init, ...(insecure === true ? { insecure } : {}) })
    },
  })
  const charts = folderTree(files, chartsFolder)
  const load = async (): Promise<SourceRenderers> => {
    const [{ sourceRenderers }, { standInCharts }, { upstreamCharts }] = await Promise.all([import('../repo/source-renderers.ts'), import('../repo/chart-store.ts'), import('../repo/upstream-charts.ts')])
    return sourceRenderers(standInCharts({ files: charts, otherwise: upstreamCharts({ fetch: (url, init) => net.fetch(url, init) }) }))
  }
  const kept = keptRenderings({ clock, directory: await files.directory('/tmp/_manifests'), version: () => rendererVersion(charts) })
  const service = createRepoService(mirrors, lazyRenderers(load, { clock, restMs }), kept)
  await using _metrics = await net.listen(portOf(container, 'metrics-port', 8084), { handler: healthAndMetrics(() => formatMetrics([requests])) })
  await using _api = await net.listen(portOf(container, 'port', 8081), { handler: repoHandler(service, log) })
  log.info('argocd-repo-server is listening', { port: portOf(container, 'port', 8081) })
  return await ended(container)
}
