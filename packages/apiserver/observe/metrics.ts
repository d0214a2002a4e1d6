import type { ObjectStorage } from '../object-storage.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { RequestInfo } from '../request-info.ts'
import type { RequestRecord } from './request-record.ts'
import { versionInfo } from '../discovery/version-info.ts'
import { qualifiedResource, rangeOf } from '../object-storage.ts'

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

interface Histogram { readonly counts: number[]; sum: number; count: number }

/** Requests of one kind: how many were answered with which code, and how long they took. */
interface Series { readonly labels: string; readonly totals: Map<number, number>; readonly durations: Histogram | undefined }

/** Counts requests under upstream's metric names. */
export interface ApiMetrics {
  begin(): void
  end(record: RequestRecord, code: number, seconds: number): void
  /** Prometheus text format. */
  render(): string
}

export function apiMetrics(storage: ObjectStorage, registry: ResourceRegistry): ApiMetrics {
  /** Counts by the least text that tells requests apart; their labels are written when a series begins. */
  const series = new Map<string, Series>()
  const seriesOf = (info: RequestInfo, dryRun: boolean): Series => {
    const { verb, group, version, resource, subresource } = info
    const scope = scopeOf(info)
    const key = `${verb} ${group}/${version}/${resource}/${subresource} ${scope} ${dryRun}`
    let found = series.get(key)
    if (found === undefined) {
      const shown = verb === 'create' ? 'POST' : verb === 'update' ? 'PUT' : verb.toUpperCase()
      const labels = `component="apiserver",dry_run="${dryRun ? 'All' : ''}",group="${group}",resource="${resource}",scope="${scope}",subresource="${subresource}",verb="${shown}",version="${version}"`
      series.set(key, (found = { labels, totals: new Map(), durations: verb === 'watch' ? undefined : { counts: buckets.map(() => 0), sum: 0, count: 0 } }))
    }
    return found
  }
  let inflight = 0
  return {
    begin: () => void inflight++,
    end(record, code, seconds) {
      inflight--
      const { info } = record
      if (info === undefined) return
      const { totals, durations: histogram } = seriesOf(info, record.dryRun === true)
      totals.set(code, (totals.get(code) ?? 0) + 1)
      if (histogram === undefined) return
      const at = seconds <= 0.005 ? 0 : buckets.findIndex((bound) => seconds <= bound)
      if (at >= 0) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1
      histogram.sum += seconds
      histogram.count++
    },
    render() {
      const lines = [
        ...head('kubernetes_build_info', 'gauge', 'Version of Kubernetes whose API is served.'), `kubernetes_build_info{git_version="${versionInfo.gitVersion}",major="${versionInfo.major}",minor="${versionInfo.minor}"} 1`,
        ...head('apiserver_request_total', 'counter', 'Requests served, by verb, resource and answer.'), ...[...series.values()].flatMap(({ labels, totals }) => [...totals].map(([code, value]) => `apiserver_request_total{code="${code}",${labels}} ${value}`)),
        ...head('apiserver_request_duration_seconds', 'histogram', 'Time to serve a request.'), ...[...series.values()].flatMap(({ labels, durations }) => (durations === undefined ? [] : histogramLines(labels, durations))),
        ...head('apiserver_current_inflight_requests', 'gauge', 'Requests being served now.'), `apiserver_current_inflight_requests{request_kind="all"} ${inflight}`,
        ...head('apiserver_storage_objects', 'gauge', 'Stored objects by resource.'),
        ...[...new Map(registry.all().map((resource) => [resource.prefix, resource])).values()].map((resource) => `apiserver_storage_objects{resource="${qualifiedResource(resource)}"} ${storage.store.count(rangeOf(resource))}`),
        ...head('apiserver_storage_revision', 'gauge', 'Revision of the store.'), `apiserver_storage_revision ${storage.store.revision}`,
      ]
      return `${lines.join('\n')}\n`
    },
  }
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function histogramLines(labels: string, { counts, sum, count }: Histogram): string[] {
  let below = 0
  const name = 'apiserver_request_duration_seconds'
  return [
    ...buckets.map((bound, i) => `${name}_bucket{${labels},le="${bound}"} ${(below += counts[i] ?? 0)}`), `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${count}`,
  ]
}

function scopeOf({ isResource, name, namespace }: { isResource: boolean; name: string; namespace: string }): string {
  if (!isResource) return ''
  return name !== '' ? 'resource' : namespace !== '' ? 'namespace' : 'cluster'
}
