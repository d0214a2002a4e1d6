import type { Container } from '@idp/sandbox'
import { counter, formatMetrics } from '../engine/metrics.ts'
import { standInCharts } from '../repo/chart-store.ts'
import { createRepoService } from '../repo/create-repo-service.ts'
import { gitMirrors } from '../repo/git-mirrors.ts'
import { repoHandler } from '../repo/repo-handler.ts'
import { upstreamCharts } from '../repo/upstream-charts.ts'
import { sourceRenderers } from '../repo/source-renderers.ts'
import { ended, folderTree, healthAndMetrics, portOf } from './container-io.ts'

/** Where the engine puts the stand-in charts into the image. */
export const chartsFolder = '/usr/share/idp/charts'

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
  const service = createRepoService(mirrors, sourceRenderers(standInCharts({ files: folderTree(files, chartsFolder), otherwise: upstreamCharts({ fetch: (url, init) => net.fetch(url, init) }) })))
  await using _metrics = await net.listen(portOf(container, 'metrics-port', 8084), { handler: healthAndMetrics(() => formatMetrics([requests])) })
  await using _api = await net.listen(portOf(container, 'port', 8081), { handler: repoHandler(service, log) })
  log.info('argocd-repo-server is listening', { port: portOf(container, 'port', 8081) })
  return await ended(container)
}
