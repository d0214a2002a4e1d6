import { CodedError, isCoded } from '@idp/kit'
import { fetchChart, loadChartArchive, type Chart, type ChartSource } from '@idp/render-helm'
import type { ChartStore } from './chart-store.ts'

export interface UpstreamChartsOptions {
  readonly fetch: ChartSource['fetch']
  /** Charts kept in memory; 64 by default. */
  readonly limit?: number
}

/** Charts from their own repositories, over HTTP or from OCI registries. An exact version is fetched once. */
export function upstreamCharts({ fetch, limit = 64 }: UpstreamChartsOptions): ChartStore {
  const kept = new Map<string, Chart>()
  return {
    async chart({ repository, name, version = '', access }) {
      const key = `${repository}|${name}|${version}`
      const known = kept.get(key)
      if (known !== undefined) return known
      const credentials = access?.username === undefined ? undefined : `Basic ${Buffer.from(`${access.username}:${access.password ?? ''}`).toString('base64')}`
      const host = hostOf(repository)
      // Helm's repositories of type OCI are written without a scheme in Argo CD.
      const url = access?.enableOCI === true && !/^[a-z]+:\/\//.test(repository) ? `oci://${repository}` : repository
      try {
        const { archive, version: chosen } = await fetchChart({ name, version, repository: url }, { fetch, authorization: (asked) => (asked === host ? credentials : undefined) })
        const chart = loadChartArchive(archive, { source: name })
        if (chosen === version) remember(kept, key, chart, limit)
        return chart
      } catch (error) {
        if (!isCoded(error)) throw error
        throw new CodedError({
          code: 'ChartNotFound', message: `chart ${name} ${version} of ${repository} cannot be had: ${error.message}`, where: error.where, cause: error,
          remedy: error.remedy ?? 'Correct repository, name or version of the chart; on the embedded engine only charts with a stand-in are there, unless egress is allowed (--charts upstream)',
        })
      }
    },
  }
}

function remember(kept: Map<string, Chart>, key: string, chart: Chart, limit: number): void {
  kept.set(key, chart)
  const oldest = kept.size > limit ? kept.keys().next().value : undefined
  if (oldest !== undefined) kept.delete(oldest)
}

function hostOf(repository: string): string {
  return repository.replace(/^[a-z]+:\/\//, '').split('/')[0] ?? ''
}
